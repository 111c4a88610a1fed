"""Tests of `segline plan`."""

import shutil
from pathlib import Path

import pytest

from pipeline.errors import DataError, ParamsError
from pipeline.networks.pretrained.encoder_swiftnet import EncoderSwiftNet
from pipeline.params import read_params
from pipeline.planning.census import take_census
from pipeline.planning.machine import StepCost
from pipeline.planning.params_text import with_plan
from pipeline.planning.recipe import PUBLISHED
from pipeline.steps import plan as step
from pipeline.steps.plan import PLANNED, plan, plan_after_import, show
from tests.conftest import ROOT
from tests.drawn_data import write_data

PARAMS = Path("params.yaml")


@pytest.fixture(autouse=True)
def _quick(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with data, on a machine whose speed is known."""
    write_data(project, num_train=30, num_val=8, num_test=8)
    shutil.copytree(ROOT / "params", project / "params")
    monkeypatch.setattr(step, "time_step", lambda *_: StepCost((), 0.1, 500))


def test_params_that_nobody_has_edited_are_written() -> None:
    """A second plan is the same."""
    planned = plan(1)
    first = PARAMS.read_text()
    assert planned.out == PARAMS and read_params().preprocess.image_size == (32, 48)
    assert planned == plan(1) and PARAMS.read_text() == first


def test_edited_params_stay(capsys: pytest.CaptureFixture[str]) -> None:
    """The plan stands beside them, and the difference says what to take over."""
    edited = PARAMS.read_text().replace("seed: 0", "seed: 1", 1)
    PARAMS.write_text(edited)
    planned = plan(1)
    show(planned)
    assert PARAMS.read_text() == edited and read_params(PLANNED).train.seed == 1
    output = capsys.readouterr().out
    assert "+++ params.planned.yaml" in output and "cp params.planned.yaml params.yaml" in output
    shutil.copy(PLANNED, PARAMS)
    assert plan(1).out == PARAMS and not PLANNED.exists()


def test_a_network_of_a_person_stays() -> None:
    """The plan sets its sizes and epochs; one that a plan may have written is chosen anew."""
    text = PARAMS.read_text()
    PARAMS.write_text(text.replace("name: unet ", "name: residual_unet "))
    names = [decision.name for decision in plan(1).decisions]
    assert "train.num_epochs" in names and not {"train.network", "train.learning_rate"} & set(names)
    assert read_params(PLANNED).train.network.name == "residual_unet"
    for channels, is_kept in ((64, False), (32, True)):
        PARAMS.write_text(with_plan(text, {"train.network": {**PUBLISHED.network, "context_channels": channels}}))
        assert ("train.network" in [decision.name for decision in plan(1).decisions]) is not is_kept


def test_a_network_of_a_person_on_published_weights_needs_fewer_images() -> None:
    """So it gets the size that the plan's own network would get."""
    network = {**PUBLISHED.network, "context_channels": 32, "grids": (8, 4, 2)}
    chosen, from_random = (
        step._fixed_choice(EncoderSwiftNet(**{**network, "encoder_weights": weights}))
        for weights in ("imagenet", "none")
    )
    assert chosen and from_random and chosen.seen_share == PUBLISHED.seen_share < from_random.seen_share == 1


def test_after_an_import(capsys: pytest.CaptureFixture[str]) -> None:
    """Known data have known params; 0 minutes ask for no plan; edited params are left alone."""
    plan_after_import("folder", 1, take_census())
    planned = PARAMS.read_text()
    plan_after_import("camvid", 0, take_census())
    assert PARAMS.read_text() == planned
    plan_after_import("camvid", 30, take_census())
    assert read_params() == read_params(Path("params/camvid.yaml"))
    plan_after_import("demo", 30, take_census())
    assert PARAMS.read_text() == (ROOT / "params.yaml").read_text()
    PARAMS.write_text(PARAMS.read_text().replace("seed: 0", "seed: 1", 1))
    show(plan_after_import("camvid", 30, take_census()))
    assert "params.yaml has been edited and stays; `segline plan` says" in capsys.readouterr().out


def test_an_import_does_not_fail_for_want_of_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """The data are there; the reason is told."""
    census = take_census()
    Path("data/dataset.yaml").unlink()
    show(plan_after_import("folder", 30, census))
    assert "caution: no plan was made: data/dataset.yaml: not found" in capsys.readouterr().out
    write_data(Path())
    shutil.rmtree("data/masks")
    with pytest.raises(DataError, match="has no masks"):
        plan(1)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(minutes: float) -> None:
    """It is named."""
    with pytest.raises(ParamsError, match="--minutes is .*, expected more than 0"):
        plan(minutes)
