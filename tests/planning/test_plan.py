"""Tests of the plan: from a census and a speed to values with reasons."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.contract import Sample
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import StageError
from pipeline.params import parse_params
from pipeline.planning.census import Census, ClassRow
from pipeline.planning.machine import StepCost
from pipeline.planning.params_text import write_plan
from pipeline.planning.plan import Plan, make_plan
from pipeline.planning.recipe import Choice
from tests.conftest import ROOT


def census_of(num_groups: int, images_per_group: int = 3, **changes: Any) -> Census:
    """A data set of two classes; the second one has 2 % of the pixels."""
    places = [(group, image) for group in range(num_groups) for image in range(images_per_group)]
    samples = [Sample(f"g{group}_{image}", Path("i"), Path("m"), f"g{group}", "") for group, image in places]
    rows = ClassRow("ground", 0.97, 9, 3), ClassRow("box", 0.02, 9, 3), ClassRow("(ignored)", 0.01, 9, 3)
    return replace(Census(rows, (240, 320), 30.0, tuple(samples), ()), **changes)


class Machine:
    """Stands for a machine: a step takes time by its pixels and channels, and fails beyond a number of pixels."""

    def __init__(
        self, us_per_px: float, max_px: float = float("inf"), peak_mb: float = 500, start_s: float = 0
    ) -> None:
        self.us_per_px, self.max_px, self.peak_mb, self.start_s = us_per_px, max_px, peak_mb, start_s
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, values: Mapping[str, Any]) -> StepCost:
        """The cost of a step."""
        self.asked.append(values)
        crop, width = values["train.augment.crop"], values["train.network"].get("width", 13)
        num_px = values["train.batch_size"] * crop[0] * crop[1]
        step_s = None if num_px > self.max_px else 1e-6 * self.us_per_px * num_px * width / 16
        return StepCost((), step_s, self.peak_mb, self.start_s)


def plan(census: Census, minutes: float = 30, machine: Machine | None = None, free_mb: float = 8000) -> Plan:
    """The plan on two cores of about the usual speed."""
    return make_plan(census, minutes, 2, free_mb, machine or Machine(4))


@pytest.mark.parametrize(("num_groups", "images_per_group"), [(3, 1), (4, 3), (12, 1), (40, 10), (500, 4)])
@pytest.mark.parametrize("minutes", [0.5, 30, 600])
def test_a_plan_makes_valid_params(num_groups: int, images_per_group: int, minutes: float) -> None:
    """Whatever the size of the data set and the time; each value has its reason beside it."""
    found = plan(census_of(num_groups, images_per_group), minutes)
    text = write_plan((ROOT / "params.yaml").read_text(), found)
    params = parse_params(parse_yaml(text))
    assert params.train.num_epochs == found.values["train.num_epochs"] >= 1
    assert all(f"# {reason}" in text for reason in found.reasons.values())


def test_the_same_machine_gives_the_same_plan() -> None:
    """Speeds that differ by a few percent choose the same network; only the epochs may differ, by a step of a grid."""
    first, second = plan(census_of(40), machine=Machine(4)), plan(census_of(40), machine=Machine(4))
    assert first == second
    slower = plan(census_of(40), machine=Machine(4.2))
    assert first.values["preprocess.image_size"] == slower.values["preprocess.image_size"]


def test_a_faster_machine_trains_more() -> None:
    """The draft assumed a slow one; the measured speed makes another draft."""
    slow, fast = Machine(4), Machine(0.02)
    sizes = [plan(census_of(40), 2, machine).values["preprocess.image_size"] for machine in (slow, fast)]
    assert sizes[0] < sizes[1] == [240, 320]
    assert len(fast.asked) > 1


def test_published_weights_are_started_from() -> None:
    """With a lower learning rate; a machine that is too slow for them gets a narrow U-Net."""
    values = plan(census_of(40)).values
    assert values["train.network"]["encoder_weights"] == "imagenet" and values["train.learning_rate"] == 0.001
    values = plan(census_of(40), 1, Machine(100)).values
    assert values["train.network"]["name"] == "unet" and values["train.learning_rate"] == 0.002


def test_a_network_of_a_person_stays() -> None:
    """So does its learning rate; the sizes fit it."""
    found = make_plan(census_of(40), 30, 2, 8000, Machine(4), Choice({"name": "pspnet", "width": 64}, "", 17.5, 0))
    assert "preprocess.image_size" in found.values and not {"train.network", "train.learning_rate"} & set(found.values)


def test_the_start_is_part_of_the_time() -> None:
    """It leaves fewer epochs, and never none."""
    epochs = [
        plan(census_of(400), 2, Machine(4, start_s=start_s)).values["train.num_epochs"] for start_s in (0, 40, 9999)
    ]
    assert epochs[0] > epochs[1] > epochs[2] >= 1


def test_memory_backs_off() -> None:
    """A step that fails makes a smaller batch; one that never runs is an error with the numbers."""
    small = Machine(4, max_px=30_000)
    values = plan(census_of(40), machine=small).values
    crop = values["train.augment.crop"]
    assert len(small.asked) > 1 and values["train.batch_size"] * crop[0] * crop[1] <= 30_000
    with pytest.raises(StageError, match="a training step fails, or takes more than 70% of 600 MB"):
        plan(census_of(40), free_mb=600)


def test_few_groups_are_told() -> None:
    """Two cannot fill three splits; with six there is no interval, and folds are named."""
    (caution,) = plan(census_of(2)).cautions
    assert not plan(census_of(2)).decisions and "2 groups cannot fill train, val and test" in caution
    few = plan(census_of(6))
    assert few.values["gate.floors_low"] == {} and "segline crossval --folds 5" in few.cautions[0]
    assert plan(census_of(40)).values["gate.floors_low"] == {"mean_iou": 0.49}


def test_floors_follow_the_baseline() -> None:
    """Always the ground has .49 of mean IoU; half of the pixels each has .25, and needs no weights."""
    values = plan(census_of(40)).values
    assert values["gate.floors"] == {"mean_iou": 0.59} and values["train.class_weights"] == "inverse_sqrt"
    assert values["train.augment.rare_class_share"] == 0.5
    even = ClassRow("ground", 0.5, 9, 3), ClassRow("box", 0.5, 9, 3), ClassRow("(ignored)", 0.0, 0, 0)
    values = plan(census_of(40, classes=even)).values
    assert values["gate.floors"] == {"mean_iou": 0.35} and values["train.class_weights"] == "none"
    assert values["train.augment.rare_class_share"] == 0.0


def test_too_little_time_is_told() -> None:
    """The training would see too few images, or too small ones."""
    cautions = plan(census_of(400, 10, object_px=4.0), 0.1, Machine(40)).cautions
    assert any("give more time with --minutes" in caution for caution in cautions)
    assert any("the smallest or thinnest objects have less than 3 px" in caution for caution in cautions)
