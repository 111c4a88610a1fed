"""Tests of pipeline/params.py."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ParamsError
from pipeline.params import Params, ValidateParams, parse_params, read_params
from pipeline.picture_files import HIGHEST
from tests.conftest import ROOT

PATHS = [ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")]


def _content(**changes: Any) -> dict[str, Any]:
    """The project's own params, with a value changed for each `section__name`."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    for place, value in changes.items():
        section, *names, last = place.split("__")
        target = content[section]
        for name in names:
            target = target[name]
        target[last] = value
    return content


def _message(content: Any) -> str:
    with pytest.raises(ParamsError) as caught:
        parse_params(content)
    return str(caught.value)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_params_of_the_project_are_complete(path: Path) -> None:
    """Every params file that comes with the project is one."""
    assert isinstance(read_params(path), Params)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_promotion_draws_what_the_intervals_draw(path: Path) -> None:
    """What makes images no units of their own, or makes all of them one group, holds for scores and promotion alike."""
    params = read_params(path)
    assert params.promote.unit == params.evaluate.bootstrap.unit


@pytest.mark.parametrize(
    ("name", "guess"), [("num_epoch", "num_epochs"), ("learning_rat", "learning_rate"), ("batchsize", "batch_size")]
)
def test_a_typo_is_answered_with_the_name_that_was_meant(name: str, guess: str) -> None:
    """An unknown name gives the nearest known one."""
    assert f"unknown name `train.{name}`, did you mean `{guess}`?" in _message(_content(**{f"train__{name}": 1}))


def test_a_name_like_no_other_is_answered_with_all() -> None:
    """Where no known name is near, all of that section are listed."""
    message = _message(_content(preprocess__zzz=1))
    assert "unknown name `preprocess.zzz` (known here: size); remove it or correct its spelling" in message


def test_a_missing_value_is_named() -> None:
    """Nothing has a default."""
    content = _content()
    del content["train"]["unet"]["width"]
    assert "`train.unet.width` is missing; nothing has a default, so add it" in _message(content)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0, 0.0])
def test_an_impossible_learning_rate_is_refused(rate: float) -> None:
    """A learning rate is a positive number; nan is none."""
    assert "`train.learning_rate` is " in _message(_content(train__learning_rate=rate))


def test_a_number_that_yaml_takes_for_text_is_explained() -> None:
    """YAML reads 1e-3 as text; the message says how to write it."""
    message = _message(_content(train__learning_rate=yaml.safe_load("1e-3")))
    assert "`train.learning_rate` is the text '1e-3', expected a number; YAML wants 1.0e-3, not 1e-3" in message


def test_all_that_is_wrong_is_told_at_once() -> None:
    """The message has a line for each wrong value."""
    message = _message(_content(train__num_epochs=0, gate__min_mean_iou=1.5, validate__on_error="skip"))
    assert message.count("params.yaml: ") == 3
    assert all(name in message for name in ("train.num_epochs", "gate.min_mean_iou", "validate.on_error"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"validate__split__val": 0.5, "validate__split__test": 0.5},
            "val + test is 1, which leaves nothing for train",
        ),
        ({"train__augment__scale": [2.0, 1.0]}, "scale is [2.0, 1.0]; put the smaller number first"),
        ({"train__num_epochs": True}, "`train.num_epochs` is True"),
        ({"train__num_epochs": 2.5}, "`train.num_epochs` is 2.5"),
        ({"preprocess__size": [64]}, "`preprocess.size"),
        ({"train__unet__num_levels": 8}, "`train.unet.num_levels` is 8"),
        ({"evaluate__bootstrap__unit": "pixel"}, "`evaluate.bootstrap.unit` is 'pixel'"),
        ({"evaluate__bootstrap__min_units": 1}, "`evaluate.bootstrap.min_units` is 1"),
        ({"evaluate__boundary_width": 0.0}, "`evaluate.boundary_width` is 0.0"),
        ({"gate__min_slice_iou": {"brightness/dark": 7}}, "`gate.min_slice_iou.brightness/dark` is 7"),
        ({"gate__min_slice_iou_low": {"size/small": -1}}, "`gate.min_slice_iou_low.size/small` is -1"),
    ],
)
def test_values_that_do_not_go_are_refused(changes: dict[str, Any], message: str) -> None:
    """Ranges, types and values that contradict each other are told by name."""
    assert message in _message(_content(**changes))


def test_a_floor_is_switched_off_by_null() -> None:
    """Every floor of the gate can be left out by null, none by leaving its name out."""
    off = dict.fromkeys(_content()["gate"])
    assert parse_params(_content() | {"gate": off}).gate.min_mean_iou is None
    assert "`gate.min_mean_iou_low` is missing" in _message(
        _content() | {"gate": {name: None for name in off if name != "min_mean_iou_low"}}
    )


@pytest.mark.parametrize("content", [None, [], "train", 3])
def test_a_file_without_sections_is_refused(content: Any) -> None:
    """An empty file, a list or a text is no params file."""
    assert "expected sections such as `train:`" in _message(content)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """Outside a project the message says where to be."""
    with pytest.raises(ParamsError, match="not found; run this in the project's folder"):
        read_params(tmp_path / "params.yaml")


def test_a_file_that_is_not_yaml_is_told(tmp_path: Path) -> None:
    """A file that cannot be parsed is named."""
    (tmp_path / "params.yaml").write_text("train: {")
    with pytest.raises(ParamsError, match=r"params\.yaml: is not YAML"):
        read_params(tmp_path / "params.yaml")


@given(st.sampled_from(["train", "gate", "export"]), st.recursive(st.none() | st.text() | st.floats(), st.lists))
def test_nonsense_is_always_refused_in_our_words(section: str, value: Any) -> None:
    """Whatever stands for a section, the answer is an error of ours."""
    assert section in _message(_content() | {section: value})


def test_the_limits_of_pictures_are_below_those_of_every_reader() -> None:
    """What the params may allow is what pictures may have at all."""
    fields = ValidateParams.model_fields
    (px,) = [one.le for one in fields["max_image_px"].metadata if hasattr(one, "le")]
    (megabytes,) = [one.le for one in fields["max_file_mb"].metadata if hasattr(one, "le")]
    assert px == HIGHEST.max_image_px and megabytes * 1_000_000 <= HIGHEST.max_file_bytes
