"""Tests of pipeline/trials/study.py."""

import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StageError
from pipeline.trials.ranges import Choices, Numbers, Range
from pipeline.trials.study import (
    FAILED,
    FINISHED,
    PRUNED,
    RUNNING,
    STORAGE,
    OpenTrial,
    Outcome,
    Study,
    is_shared,
    opened_study,
)

pytestmark = pytest.mark.e2e

RANGES: dict[str, Range] = {
    "rate": Numbers(low=0.001, high=1.0, log=True),
    "width": Numbers(low=4, high=16, step=4),
    "crop": Choices(choices=[[8, 8], [16, 16]]),
}
TODAY = {"rate": 0.02, "width": 8, "crop": [16, 16]}


def opened(folder: Path) -> Any:
    """The study of a folder, with pruning from the first epoch on."""
    return opened_study(folder, RANGES, 7, 0)


def finish(trial: OpenTrial, mean_iou: float) -> None:
    """Ends a trial of two epochs with this score."""
    trial.report(1, mean_iou)
    trial.report(2, mean_iou)
    trial.end(Outcome(FINISHED, "", mean_iou, mean_iou - 0.1, mean_iou + 0.1))


def draw(study: Study, number: int) -> list[dict[str, Any]]:
    """Values of some trials, each with its place as its score."""
    drawn = []
    for place in range(number):
        trial = study.begin()
        drawn.append(trial.values)
        finish(trial, place / 10)
    return drawn


def test_a_study_that_was_stopped_goes_on_as_if_it_was_not(tmp_path: Path) -> None:
    """A trial under way keeps its values, epochs and run; the next ones are those of a search without a stop."""
    with opened(tmp_path / "one") as study:
        expected = draw(study, 4)
    with opened(tmp_path / "two") as study:
        drawn = draw(study, 2)
        trial = study.begin()
        trial.keep_run("abc")
        assert trial.report(1, 0.5) and not trial.report(1, 0.5)
    with opened(tmp_path / "two") as study:
        assert [row.outcome.state for row in study.rows()] == [FINISHED, FINISHED, RUNNING]
        again = study.reopen(3)
        assert again.values == trial.values and again.run_id == "abc" and not again.report(1, 0.5)
        finish(again, 0.2)
        assert [*drawn, again.values, study.begin().values] == expected


def test_values_are_in_their_ranges_and_read_well(tmp_path: Path) -> None:
    """Numbers have few digits, lists are lists."""
    with opened(tmp_path) as study:
        for values in draw(study, 3):
            assert all(values[name] in range_ for name, range_ in RANGES.items())
            assert len(f"{values['rate']:.10g}".lstrip("0.")) <= 4 and isinstance(values["width"], int)


def test_todays_values_come_first_if_they_are_in_the_ranges(tmp_path: Path) -> None:
    """They are put first once, however often the search starts."""
    with opened(tmp_path / "one") as study:
        study.put_first(TODAY)
        study.put_first(TODAY)
        assert not study.rows()
        assert study.begin().values == TODAY and study.begin().values != TODAY
        assert [row.number for row in study.rows()] == [1, 2]
    with opened(tmp_path / "two") as study:
        study.put_first(TODAY | {"width": 5})
        assert study.begin().values["width"] in (4, 8, 12, 16)


def test_a_trial_below_the_median_is_behind(tmp_path: Path) -> None:
    """Once there are five finished ones; outcome, reason and interval come back."""
    with opened(tmp_path) as study:
        draw(study, 5)
        weak, strong = study.begin(), study.begin()
        weak.report(1, 0.1)
        strong.report(1, 0.3)
        assert weak.is_behind() and not strong.is_behind()
        weak.end(Outcome(PRUNED, "weak"))
        strong.end(Outcome(FAILED, "broken"))
        rows = study.rows()
    assert rows[5].outcome.state == PRUNED and rows[5].outcome.reason == "weak" and rows[5].num_epochs == 1
    assert rows[6].outcome.state == FAILED and math.isnan(rows[6].outcome.mean_iou)
    assert (rows[4].outcome.mean_iou, rows[4].outcome.low, rows[4].outcome.high) == (0.4, 0.4 - 0.1, 0.5)
    assert math.isnan(rows[5].outcome.low)


def test_machines_share_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They see each other's trials and draw others; without the variable a study is this checkout's alone."""
    assert not is_shared()
    monkeypatch.setenv(STORAGE, f"sqlite:///{tmp_path}/shared.db")
    assert is_shared()
    with opened(tmp_path / "one/abc") as one, opened(tmp_path / "two/abc") as two:
        assert one.begin().values != two.begin().values
        assert [row.number for row in one.rows()] == [row.number for row in two.rows()] == [1, 2]
        one.keep_run("run")
        assert two.run_id == "run"
    assert not (tmp_path / "one/abc/study.db").exists()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:////gone/study.db", "unable to open"),
        ("nobody://host", "nobody"),
        ("postgresql://u:pass@[::1]:1/x", "refused|Cannot assign|failed"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, reason: str
) -> None:
    """The message has the cause and no password."""
    monkeypatch.setenv(STORAGE, address)
    wanted = f"cannot be used: .*({reason}).*; finished trials are kept. Correct {STORAGE}"
    with pytest.raises(StageError, match=wanted) as caught, opened(tmp_path):
        pass
    assert "u:pass" not in str(caught.value)
