"""Tests of finding champion and anchor in the ledger."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import Aliases, Kind, Line, new_line, replay
from pipeline.promotion.references import find_best, find_demoted, find_references
from pipeline.registry.client import find_version
from pipeline.registry.connection import opened
from tests.finished_project import use_registry
from tests.ledger.test_ledger import NOBODY, make

SHOWN = {"low": 0.001, "p_value": 0.01, "confidence": 0.95}


def test_best_is_the_last_superior_version() -> None:
    """The anchor moves to a promoted version that is superior to it, not to one that is non-inferior."""

    def beats(line: Line, other: int, low: float | None, p_value: float) -> Line:
        against = SHOWN | {"low": low, "p_value": p_value}
        return replace(line, evidence={"comparisons": {str(other): against}})

    first, second = make(1, "promote", 1, None), make(2, "promote", 2, 1)
    assert find_best([first, beats(second, 1, 0.001, 0.01)], NOBODY, {1, 2}) == 2
    for low, p_value in ((-0.001, 0.01), (0.001, 0.06), (None, 0.01)):
        assert find_best([first, beats(second, 1, low, p_value)], NOBODY, {1, 2}) == 1
    assert find_best([first, beats(replace(second, kind="refuse"), 1, 0.001, 0.01)], NOBODY, {1, 2}) == 1
    assert find_best([first, beats(second, 7, 0.001, 0.01)], NOBODY, {1, 2}) == 1


def test_best_that_is_undone_or_deleted_is_passed_over() -> None:
    """The anchor is never a version that was rolled back or that is gone; those after it count by their evidence."""
    first, second = make(1, "promote", 1, None), make(2, "promote", 2, 1)
    third = replace(make(3, "promote", 3, 2), evidence={"comparisons": {"1": SHOWN, "2": SHOWN}})
    second = replace(second, evidence={"comparisons": {"1": SHOWN}})
    assert find_best([first, second, third], NOBODY, {1, 2, 3}) == 3
    assert find_best([first, second, third], NOBODY, {1, 2}) == 2
    assert find_best([first, second, third], NOBODY, {1, 3}) == 3
    assert find_best([first, second, third], NOBODY, {2, 3}) == 3
    assert find_best([first, second, make(3, "rollback", 1, 2)], NOBODY, {1, 2}) == 1
    assert find_best([first], NOBODY, set()) is None


def test_a_rollback_of_a_rollback_demotes_none() -> None:
    """A rollback to a later champion restores what was before the first rollback, the anchor included."""
    promoted = [make(1, "promote", 1, None), make(2, "promote", 2, 1)]
    back = [*promoted, make(3, "rollback", 1, 2)]
    again = [*back, make(4, "rollback", 2, 1)]
    assert (find_demoted(back, NOBODY), find_best(back, NOBODY, {1, 2})) == ({2: 3}, 1)
    assert (find_demoted(again, NOBODY), find_best(again, NOBODY, {1, 2})) == ({}, 1)
    assert find_demoted([*again, make(5, "rollback", 1, 2)], NOBODY) == {2: 5}


def test_versions_that_a_rollback_demotes() -> None:
    """Each champion on the way back, none on the way forward; a version that is promoted again counts by that."""
    promoted = [make(number, "promote", number, number - 1 or None) for number in (1, 2, 3)]
    further = [*promoted, make(4, "rollback", 2, 3), make(5, "rollback", 1, 2)]
    assert find_demoted(further, NOBODY) == {3: 4, 2: 5}
    assert find_demoted([*further, make(6, "rollback", 2, 1)], NOBODY) == {3: 4}
    assert find_demoted([*further, make(6, "promote", 3, 1)], NOBODY) == {2: 5}
    once_more = [*promoted[:2], make(3, "promote", 1, 2), make(4, "rollback", 2, 1)]
    assert find_demoted(once_more, NOBODY) == {1: 4}
    older = replace(make(1, "rollback", 1, 2), found=Aliases(2, 1))
    assert find_demoted([older], NOBODY) == {2: 1}
    assert find_demoted([*promoted, make(4, "rollback", 3, 3)], NOBODY) == {}


def test_an_override_is_never_the_anchor() -> None:
    """Nor is a demoted version that an override makes champion again; a promotion afterwards counts as any other."""
    first = make(1, "promote", 1, None)
    over = [first, replace(make(2, "override", 2, 1), evidence={"comparisons": {"1": SHOWN}})]
    assert (find_best(over, NOBODY, {1, 2}), find_demoted(over, NOBODY)) == (1, {})
    back = [*over, make(3, "rollback", 1, 2)]
    assert (find_best(back, NOBODY, {1, 2}), find_demoted(back, NOBODY)) == (1, {2: 3})
    again = [*back, make(4, "rollback", 2, 1)]
    assert (find_best(again, NOBODY, {1, 2}), find_demoted(again, NOBODY)) == (1, {})
    judged = [*back, replace(make(4, "promote", 2, 1), evidence={"comparisons": {"1": SHOWN}})]
    assert (find_best(judged, NOBODY, {1, 2}), find_demoted(judged, NOBODY)) == (2, {})
    second = [first, replace(make(2, "promote", 2, 1), evidence={"comparisons": {"1": SHOWN}})]
    undone = [*second, make(3, "rollback", 1, 2), make(4, "override", 2, 1)]
    assert (find_best(second, NOBODY, {1, 2}), find_best(undone, NOBODY, {1, 2})) == (2, 1)
    assert find_demoted(undone, NOBODY) == {2: 3}
    alone = [make(1, "override", 1, None)]
    assert find_best(alone, NOBODY, {1}) is None
    assert find_best([*alone, make(2, "promote", 2, 1)], NOBODY, {1, 2}) == 2


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """Promotions, overrides and rollbacks as commands can write them: a rollback goes to a former champion."""
    lines: list[Line] = []
    for _ in range(draw(st.integers(2, 9))):
        state = replay(lines, NOBODY)
        former = sorted({effect.champion or 0 for effect in state.effects} - {state.champion})
        kinds: list[Kind] = ["promote", "override", "rollback"]
        kind = draw(st.sampled_from(kinds if former else kinds[:2]))
        version = draw(st.sampled_from(former) if kind == "rollback" else st.integers(1, 4))
        beaten = draw(st.sets(st.integers(1, 4))) if kind != "rollback" else ()
        evidence = {"comparisons": {str(other): SHOWN for other in beaten}}
        if version != state.champion:
            made = make(len(lines) + 1, kind, version, state.champion)
            lines.append(replace(made, evidence=evidence))
    return lines


@given(histories())
def test_two_rollbacks_in_a_row_change_nothing(lines: list[Line]) -> None:
    """The second undoes the first, so champion, anchor and demoted versions stay; no override is the anchor."""
    state, existing = replay(lines, NOBODY), range(1, 5)
    best = find_best(lines, NOBODY, existing)
    assert best is None or best in {line.version for line in lines if line.kind == "promote"}
    if state.champion and state.previous:
        back = [*lines, make(len(lines) + 1, "rollback", state.previous, state.champion)]
        again = [*back, make(len(back) + 1, "rollback", state.champion, state.previous)]
        assert replay(again, NOBODY).champion == state.champion
        assert find_best(again, NOBODY, existing) == best
        assert find_demoted(again, NOBODY).keys() == find_demoted(lines, NOBODY).keys()


def test_best_from_before_the_ledger() -> None:
    """The first line starts at the aliases it found; without a line they are where the search starts."""
    found = Aliases(3, 2)
    assert find_best([], found, {3}) == 3
    line = replace(make(1, "refuse", 2, 3), found=found)
    assert find_best([line], NOBODY, {2, 3}) == 3


@pytest.mark.e2e
def test_anchor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best, a named one, or none; never the challenger itself; one that is gone asks for another."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    with opened() as (_, client):
        client.create_registered_model("segline")
        for _ in range(3):
            client.create_model_version("segline", "segline:/test", await_creation_for=None)
    for version in (1, 2):
        standing = read_standing()
        record(new_line("promote", version, standing.lines, standing.found, ["why"], {}))
    standing, third = read_standing(), find_version("3")
    assert find_references(third, standing, "best").anchor == find_version("1")
    assert find_references(third, standing, 2).anchor == find_references(third, standing, "none").champion
    assert find_references(third, standing, "none").anchor is None is find_references(third, standing, 3).anchor
    with pytest.raises(RegistryError, match="the anchor segline/7 is not in the registry any more; name another"):
        find_references(third, standing, 7)
