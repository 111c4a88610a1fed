"""Tests of params compared with each other and with the data set."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.contract import ClassList
from pipeline.dataset.names import THIRDS
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import ParamsError
from pipeline.evaluation.metrics.table import METRICS
from pipeline.params import parse_params
from pipeline.params_fit import check_fit, check_params
from tests.drawn_data import small_content

CLASSES = ClassList(("sky", "car"), ((0, 0, 255), (9, 9, 9)), 255)


def _message(classes: ClassList | None = CLASSES, crop: Any = None, **gate: Any) -> str:
    content = small_content()
    content["gate"] |= gate
    content["train"]["augment"]["crop"] = crop or content["train"]["augment"]["crop"]
    with pytest.raises(ParamsError) as caught:
        check_fit(parse_params(content), classes)
    return str(caught.value)


def test_what_fits_is_silent() -> None:
    """Known scores, every slice that there can be, floors in order; without a data set no class is unknown."""
    slices = {f"mean_iou/{kind}/{name}": 0.5 for kind, names in THIRDS.items() for name in names}
    content = small_content()
    content["gate"]["floors"] = dict.fromkeys(METRICS, 0.5) | slices | {"iou/sky": 0.5, "mean_iou/group/a/b": 0.2}
    content["gate"] |= {"floors_low": {"iou/sky": 0.5, "mean_iou": 0.5}, "ceilings": {"recall/car": 0.9}}
    check_fit(parse_params(content), CLASSES)
    content["gate"] |= {"floors": {"iou/tram": 0.5, "boundary_f1/tram": 0.5}, "floors_low": {"iou/tram": 0.5}}
    check_fit(parse_params(content), None)


def test_params_are_read_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stage refuses what `gate` would refuse after the training."""
    monkeypatch.chdir(tmp_path)
    content = small_content()
    Path("params.yaml").write_text(to_yaml(content))
    check_params(CLASSES)
    content["gate"]["floors"] = {"iou/tram": 0.5}
    Path("params.yaml").write_text(to_yaml(content))
    with pytest.raises(ParamsError, match="names 'iou/tram', which is not a score"):
        check_params(CLASSES)


def test_costs_of_unknown_classes_are_refused() -> None:
    """Before anything is trained; without a data set no class is unknown."""
    content = small_content()
    content["promote"]["class_costs"] = {"tram": 2.0, "car": 3}
    with pytest.raises(ParamsError, match="`promote.class_costs` names 'tram', expected one of .*car"):
        check_fit(parse_params(content), CLASSES)
    check_fit(parse_params(content), None)


@pytest.mark.parametrize("crop", [[33, 48], [32, 49]])
def test_a_crop_that_does_not_fit_is_refused(crop: list[int]) -> None:
    """Not only after `preprocess` has packed."""
    assert f"`train.augment.crop` is {crop}, images are packed at [32, 48]" in _message(crop=crop)


@pytest.mark.parametrize("table", ["floors", "floors_low", "ceilings"])
def test_a_name_that_no_score_has_is_refused(table: str) -> None:
    """With the nearest name, or all of them."""
    near: dict[str, Any] = {table: {"iou/cat": 0.5}}
    refusal = "which is not a score of this data set"
    assert f"`gate.{table}` names 'iou/cat', {refusal}; did you mean 'iou/car'?" in _message(**near)
    other: dict[str, Any] = {table: {"zzz": 0.5}}
    assert f"names 'zzz', {refusal}; known are mean_iou, " in _message(**other)


@pytest.mark.parametrize("key", ["dark", "brightness/small", "brightness/", "group/", "size", "", "lightness/dark"])
@pytest.mark.parametrize("table", ["floors", "floors_low"])
@pytest.mark.parametrize("classes", [CLASSES, None])
def test_a_slice_that_cannot_be_is_refused(classes: ClassList | None, table: str, key: str) -> None:
    """Whatever the data are, there is none of this name."""
    floors: dict[str, Any] = {table: {f"mean_iou/{key}": 0.5}}
    assert f"`gate.{table}` names 'mean_iou/{key}', which is not a score" in _message(classes, **floors)


@pytest.mark.parametrize("name", ["boundary_iou", "recall/car"])
def test_a_low_end_that_no_score_has_is_refused(name: str) -> None:
    """Only the mean IoU and the IoU of a class have intervals."""
    assert f"`gate.floors_low` names '{name}', which is not a score" in _message(floors_low={name: 0.5})


def test_floors_out_of_order_are_refused() -> None:
    """A lower end cannot reach what the score does not have to."""
    message = _message(floors={"mean_iou": 0.6, "iou/car": 0.4}, floors_low={"mean_iou": 0.7, "iou/car": 0.5})
    assert "`gate.floors_low` of 'mean_iou' is 0.7, `gate.floors` 0.6; the lower end" in message
    assert "`gate.floors_low` of 'iou/car' is 0.5, `gate.floors` 0.4; the lower end" in message


def test_all_that_does_not_fit_is_reported_at_once() -> None:
    """A line each."""
    assert _message(crop=[40, 40], floors={"iou/tram": 0.5}, ceilings={"dark": 0.5}).count("params.yaml: ") == 3
