"""Tests of the verdict's file."""

import json
from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import Evidence
from pipeline.evaluation.verdict import Verdict

ACCEPTED = Verdict(
    True, (Reason("no_threshold", {}), Reason("strays", {"listed": "bus"})), "md5", 0.8, Evidence("a", "b", "c")
)
NOTHING = Verdict(False, (Reason("evidence", {"problem": "work/evaluate/scores.json: not found"}),), None, None, None)


@pytest.mark.parametrize("verdict", [ACCEPTED, NOTHING])
def test_round_trip(tmp_path: Path, verdict: Verdict) -> None:
    """A verdict is read as it was written."""
    verdict.write(tmp_path / "verdict.json")
    assert Verdict.read(tmp_path / "verdict.json") == verdict
    reasons = json.loads((tmp_path / "verdict.json").read_text())["reasons"]
    assert [reason["text"] for reason in reasons] == verdict.sentences


def test_text_names_the_reasons() -> None:
    """As text a verdict starts with the word and lists the reasons."""
    assert str(NOTHING) == "REJECTED\n- work/evaluate/scores.json: not found"
    assert str(ACCEPTED).startswith("ACCEPTED\n- no threshold is set")


REASONS = '{"accepted": true, "scores_md5": null, "mean_iou": null, "evidence": null, "reasons": [%s]}'


HUGE = '{"code": "below_floor", "values": {"name": "iou/a", "value": 1%s, "threshold": 0.5}}' % ("0" * 400)


@pytest.mark.parametrize(
    "text",
    [REASONS % '{"code": "odd", "values": {}}', REASONS % '{"code": "stale", "values": {}}', REASONS % HUGE],
)
def test_a_reason_without_a_sentence_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown code, or one without its values, is of another version or damaged."""
    (tmp_path / "verdict.json").write_text(text)
    with pytest.raises(EvidenceError, match="is not what the stage `gate` writes"):
        Verdict.read(tmp_path / "verdict.json")


@pytest.mark.parametrize("text", ["{}", '{"accepted": "yes", "evidence": null}', "[]"])
def test_other_content_is_refused(tmp_path: Path, text: str) -> None:
    """What the gate did not write is no verdict."""
    (tmp_path / "verdict.json").write_text(text)
    with pytest.raises(EvidenceError, match="is not what the stage `gate` writes"):
        Verdict.read(tmp_path / "verdict.json")
