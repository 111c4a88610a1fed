"""Tests of how a reproduction is judged and shown; tests/e2e/test_whole.py makes a version again."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.registry.client import Version
from pipeline.reproduction.differences import Output
from pipeline.steps.reproduce import Reproduction, show

EQUAL = Reproduction(
    Version("segline", 3, "run", (), {}, None),
    Path("/folder"),
    (Output("train", "work/train", "a" * 32, "a" * 32), Output("export", "[red]work", "b" * 32, None)),
    difference="",
    machines="",
    mean_ious=(0.8, 0.8),
    tolerance=0.01,
)
ELSEWHERE = replace(EQUAL, difference="epoch 2 of the training: loss", machines="cpu A, then B", mean_ious=(0.8, 0.795))


@pytest.mark.parametrize(
    ("reproduction", "agrees"),
    [
        (EQUAL, True),
        (replace(EQUAL, machines="cpu A, then B", mean_ious=(0.8, 0.1)), True),
        (ELSEWHERE, True),
        (replace(ELSEWHERE, machines=""), False),
        (replace(ELSEWHERE, mean_ious=(0.8, 0.78)), False),
        (replace(ELSEWHERE, mean_ious=(0.8, float("nan"))), False),
        (replace(ELSEWHERE, tolerance=float("nan")), False),
    ],
)
def test_bytes_count_on_one_kind_of_machine_and_scores_on_another(reproduction: Reproduction, agrees: bool) -> None:
    """Equal bytes always agree; a score that is no number never does."""
    assert reproduction.agrees is agrees


def test_the_first_difference_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each output, then what differs and why; exit code 1 unless it agrees."""
    show(EQUAL)
    lines = capsys.readouterr().out.splitlines()
    assert "every output has the same bytes" in lines[-1]
    assert any("[red]work" in line and line.rstrip().endswith("differs") for line in lines)
    show(ELSEWHERE)
    output = capsys.readouterr().out
    assert "first difference: epoch 2 of the training: loss\n" in output
    assert "the machines differ (cpu A, then B); mean IoU is within 0.0100\n" in output
    with pytest.raises(SystemExit, match="1"):
        show(replace(ELSEWHERE, mean_ious=(0.8, 0.5)))
    assert "mean IoU is beyond 0.0100" in capsys.readouterr().out
