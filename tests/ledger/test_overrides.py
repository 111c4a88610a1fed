"""Tests of what is shown of overrides."""

from dataclasses import replace

from pipeline.ledger.ledger import replay
from pipeline.ledger.overrides import OVERRIDE, describe_overrides
from tests.ledger.test_ledger import NOBODY, make


def test_each_override_is_described() -> None:
    """Who, when and why, in a line without secrets; also after others; a void one moved nothing."""
    why = {OVERRIDE: "a hotfix,\nsee https://me:secret@host/\x1b"}
    lines = [
        make(1, "promote", 1, None),
        replace(make(2, "override", 2, 1), evidence=why),
        replace(make(3, "override", 3, 1), evidence=why),
        make(4, "promote", 4, 2),
    ]
    state = replay(lines, NOBODY)
    assert [effect.what for effect in state.effects] == ["promoted", "override", "void", "promoted"]
    assert list(describe_overrides(lines, state)) == [
        "version 2 was promoted against the rule, line 2 of the ledger, 2026-11-22 12:00 UTC, by me: a hotfix, see "
        "https://host/\\x1b"
    ]
