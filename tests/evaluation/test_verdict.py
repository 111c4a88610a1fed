"""Tests of the verdict's file."""

from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import Evidence
from pipeline.evaluation.verdict import Verdict

ACCEPTED = Verdict(True, ("mean IoU 0.8 reaches the floor 0.7",), "md5", 0.8, Evidence("a", "b", "c"))
NOTHING = Verdict(False, ("work/evaluate/scores.json: not found",), None, None, None)


@pytest.mark.parametrize("verdict", [ACCEPTED, NOTHING])
def test_round_trip(tmp_path: Path, verdict: Verdict) -> None:
    """A verdict is read as it was written."""
    verdict.write(tmp_path / "verdict.json")
    assert Verdict.read(tmp_path / "verdict.json") == verdict


def test_text_names_the_reasons() -> None:
    """As text a verdict starts with the word and lists the reasons."""
    assert str(NOTHING) == "REJECTED\n- work/evaluate/scores.json: not found"
    assert str(ACCEPTED).startswith("ACCEPTED\n- mean IoU")


@pytest.mark.parametrize("text", ["{}", '{"accepted": "yes", "evidence": null}', "[]"])
def test_other_content_is_refused(tmp_path: Path, text: str) -> None:
    """What the gate did not write is no verdict."""
    (tmp_path / "verdict.json").write_text(text)
    with pytest.raises(EvidenceError, match="is not what the stage `gate` writes"):
        Verdict.read(tmp_path / "verdict.json")
