"""Tests of the chain of a version."""

from dataclasses import replace

import pytest

from pipeline.ledger.aliases import read_standing
from pipeline.provenance.chain import build_chain
from pipeline.provenance.registered import Registered

pytestmark = pytest.mark.services


def test_each_link_says_what_it_was_made_from(champion: Registered) -> None:
    """The links stand in the order in which they were made, and the ledger's lines about the version come last."""
    nodes = build_chain(champion, read_standing())
    made_from = {node.name: [nodes[place].name for place in node.made_from] for node in nodes}
    assert made_from == {
        "data": [],
        "train": ["data"],
        "export": ["train"],
        "evaluate": ["export"],
        "gate": ["evaluate"],
        "SavedModel": ["export"],
        "accepted": ["gate", "SavedModel"],
        "segline/1": ["SavedModel", "accepted"],
        "refused, line 1": ["segline/1"],
        "promoted, line 2": ["refused, line 1"],
    }
    assert ("params", "train") in nodes[1].facts and ("code", "pipeline, code.py") in nodes[1].facts
    assert ("who", "tester") in nodes[-1].facts and ("because", "because") in nodes[-1].facts


def test_lines_about_others_are_left_out(champion: Registered) -> None:
    """Another version, and a version of another model, have no decisions."""
    for changes in ({"number": 2}, {"name": "other"}):
        changed = replace(champion, version=replace(champion.version, **changes))
        assert build_chain(changed, read_standing())[-1].kind == "version"


def test_a_chain_of_changed_records(champion: Registered) -> None:
    """Without lock and verdict the chain is short, and made from what is known."""
    nodes = build_chain(replace(champion, found={}, claims={}), read_standing())
    assert [node.kind for node in nodes[:4]] == ["data", "model", "verdict", "version"]
