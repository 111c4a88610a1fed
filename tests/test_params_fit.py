"""Tests of params beside each other and beside the data set."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.contract import ClassList
from pipeline.dataset.names import THIRDS
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import ParamsError
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
    """Known classes, every slice that there can be, floors in order; without a data set no class is unknown."""
    slices = {f"{kind}/{name}": 0.5 for kind, names in THIRDS.items() for name in names}
    content = small_content()
    content["gate"] |= {"min_class_iou": {"sky": 0.5}, "min_class_iou_low": {"sky": 0.5, "car": 0.1}}
    content["gate"] |= {"min_slice_iou": slices | {"group/a/b": 0.2}, "min_mean_iou": 0.5, "min_mean_iou_low": 0.5}
    check_fit(parse_params(content), CLASSES)
    content["gate"]["min_class_iou"] = {"tram": 0.5}
    check_fit(parse_params(content), None)


def test_params_are_read_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stage refuses what `gate` would refuse after the training."""
    monkeypatch.chdir(tmp_path)
    content = small_content()
    Path("params.yaml").write_text(to_yaml(content))
    check_params(CLASSES)
    content["gate"]["min_class_iou"] = {"tram": 0.5}
    Path("params.yaml").write_text(to_yaml(content))
    with pytest.raises(ParamsError, match="names 'tram', which is no class"):
        check_params(CLASSES)


@pytest.mark.parametrize("crop", [[33, 48], [32, 49]])
def test_a_crop_that_does_not_fit_is_refused(crop: list[int]) -> None:
    """Not only after `preprocess` has packed."""
    assert f"`train.augment.crop` is {crop}, images are packed at [32, 48]" in _message(crop=crop)


@pytest.mark.parametrize("place", ["min_class_iou", "min_class_iou_low"])
def test_a_class_that_is_not_there_is_refused(place: str) -> None:
    """With the nearest name, or all of them."""
    near: dict[str, Any] = {place: {"cat": 0.5}}
    assert f"`gate.{place}` names 'cat', which is no class of the data set; did you mean 'car'?" in _message(**near)
    other: dict[str, Any] = {place: {"zzz": 0.5}}
    assert "names 'zzz', which is no class of the data set; known are sky, car" in _message(**other)


@pytest.mark.parametrize("key", ["dark", "brightness/small", "brightness/", "group/", "size", "", "lightness/dark"])
@pytest.mark.parametrize("place", ["min_slice_iou", "min_slice_iou_low"])
def test_a_slice_that_cannot_be_is_refused(place: str, key: str) -> None:
    """Whatever the data are, there is none of this name."""
    floors: dict[str, Any] = {place: {key: 0.5}}
    assert f"`gate.{place}` names {key!r}, which is no slice; expected size/small, " in _message(**floors)


def test_floors_out_of_order_are_refused() -> None:
    """A lower end cannot reach what the score does not have to."""
    assert "`gate.min_mean_iou_low` is 0.7, `gate.min_mean_iou` 0.6; the lower end" in _message(
        min_mean_iou=0.6, min_mean_iou_low=0.7
    )
    assert "`gate.min_class_iou_low` of 'car' is 0.5, `gate.min_class_iou` 0.4; " in _message(
        min_class_iou={"car": 0.4}, min_class_iou_low={"car": 0.5}
    )


def test_all_that_does_not_fit_is_told_at_once() -> None:
    """A line each."""
    message = _message(crop=[40, 40], min_class_iou={"tram": 0.5}, min_slice_iou={"dark": 0.5})
    assert message.count("params.yaml: ") == 3
