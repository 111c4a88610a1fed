"""Tests of what a machine offers, and of the measurement of a step."""

from pathlib import Path

import pytest

from pipeline.dataset.contract import ClassList
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import StageError
from pipeline.planning import machine
from pipeline.planning.machine import StepCost, count_cores, free_mb, time_step
from pipeline.training.precision import STEP_TIMES
from tests.drawn_data import small_content

CLASSES = ClassList(("ground", "box"), ((0, 0, 0), (200, 0, 0)), 255)


def measure() -> StepCost:
    """Of the small params of the tests."""
    content = small_content(precision="auto")
    return time_step(to_yaml(content), CLASSES, {"ground": 9, "box": 1}, 16, (32, 48))


def test_a_container_has_less_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit counts if it is below what is free; `max` is none."""
    free = free_mb()
    for text, limit in (("64000000\n", 64), ("max\n", free)):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(machine, "CGROUP", tmp_path / "memory.max")
        assert free_mb() == pytest.approx(limit, rel=0.5) and count_cores() >= 1


@pytest.mark.e2e
def test_a_step_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it is known, and a training of these params finds it too."""
    monkeypatch.chdir(tmp_path)
    cost = measure()
    assert cost.gpus == () and cost.step_s and cost.peak_mb > 100 and cost.start_s > cost.step_s
    assert len(list(STEP_TIMES.iterdir())) == 1
    assert measure().step_s == cost.step_s and len(list(STEP_TIMES.iterdir())) == 1


@pytest.mark.parametrize("output", ["", "no JSON", "{}"])
def test_a_measurement_without_a_result_is_an_error(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines are shown."""
    monkeypatch.setattr(machine, "TIME_STEPS", ("echo", output))
    with pytest.raises(StageError, match="expected JSON at its end"):
        measure()
