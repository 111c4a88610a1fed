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
from pipeline.promotion.rules import RULES
from pipeline.vision.picture_files import HIGHEST
from tests.conftest import ROOT

PATHS = [ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")]


def content_with(**changes: Any) -> dict[str, Any]:
    """The project's own params, with a value changed for each `section__name`."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    for place, value in changes.items():
        section, *names, last = place.split("__")
        target = content[section]
        for name in names:
            target = target[name]
        target[last] = value
    return content


def message_of(content: Any) -> str:
    """What is said against a content that is wrong."""
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
    ("loss", "message"),
    [
        (
            {"soft_dcie": 1},
            "names 'soft_dcie', expected one of cross_entropy, focal, soft_dice, tversky, lovasz_softmax, boundary, "
            "did you mean `soft_dice`?",
        ),
        ({"soft_dice": 1, "zzz": 0}, "`train.loss`: names 'zzz', expected one of cross_entropy, focal"),
        ({}, "`train.loss`: no loss has a weight above 0; give one to cross_entropy or focal or "),
        ({"cross_entropy": 0, "soft_dice": 0.0}, "`train.loss`: no loss has a weight above 0"),
        ({"soft_dice": -1}, "`train.loss.soft_dice` is -1"),
        ({"soft_dice": 1001}, "`train.loss.soft_dice` is 1001"),
        ({"soft_dice": math.nan}, "`train.loss.soft_dice` is nan"),
        ({5: 1}, "is 5, expected a text"),
        (0.5, "`train.loss` is 0.5; Input should be a valid dictionary"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(loss: Any, message: str) -> None:
    """Each weight belongs to a known loss, and one at least is above 0."""
    assert message in message_of(content_with(train__loss=loss))


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0, 0.0])
def test_an_impossible_learning_rate_is_refused(rate: float) -> None:
    """A learning rate is a positive number; nan is none."""
    assert "`train.learning_rate` is " in message_of(content_with(train__learning_rate=rate))


@pytest.mark.parametrize("rate", ["1e-5", "1e-05", "1.0e-5", ".00001"])
def test_a_small_number_needs_no_dot(tmp_path: Path, rate: str) -> None:
    """However a float is written, it is one."""
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "p.yaml").write_text(text.replace("learning_rate: 0.002", f"learning_rate: {rate}"))
    assert read_params(tmp_path / "p.yaml").train.learning_rate == 1e-5


def test_a_whole_float_is_a_whole_number_and_an_integer_a_float() -> None:
    """1e3 resamples are 1000, a scale of 1 is 1.0; a fraction or a truth value is neither."""
    params = parse_params(content_with(promote__num_resamples=1e3, train__augment__scale=[1, 2], promote__anchor=3.0))
    assert params.promote.num_resamples == 1000 and isinstance(params.promote.num_resamples, int)
    assert params.train.augment.scale == (1.0, 2.0) and params.promote.anchor == 3
    for name, value in (("num_resamples", 1000.5), ("num_resamples", True), ("anchor", True), ("seed", False)):
        assert f"`promote.{name}" in message_of(content_with(**{f"promote__{name}": value}))
    assert "`train.learning_rate` is True" in message_of(content_with(train__learning_rate=True))


ENDS: list[tuple[str, Any, Any]] = [
    ("validate__near_duplicate_bits", 16, 17),
    ("preprocess__image_size", [8192, 8192], [8192, 8193]),
    ("train__seed", 2**32 - 1, 2**32),
    ("train__num_epochs", 100_000, 10**12),
    ("train__batch_size", 4096, 10**9),
    ("train__learning_rate", 1e-12, 1e30),
    ("train__warmup_epochs", 16.0, 1e300),
    ("train__weight_decay", 10, 1e5),
    ("train__clip_norm", 1e9, 1e30),
    ("train__label_smoothing", 0.5, 0.51),
    ("train__ema_decay", 0.999999, 1),
    ("train__auxiliary_weight", 10, 10.1),
    ("train__augment__gamma", 3, 3.01),
    ("train__augment__white_balance", 3, 3.01),
    ("train__augment__rare_class_share", 1, 1.01),
    ("train__augment__class_mix", 1, 1.01),
    ("train__early_stopping_epochs", 100_000, 10**6),
    ("train__num_threads", 256, 1e9),
    ("train__num_networks", 20, 21),
    ("train__network__dropout", 0.9, 1 - 1e-9),
    ("train__loss__soft_dice", 1000, 1001),
    ("train__augment__scale", [0.1, 10.0], [1e-9, 1e9]),
    ("train__augment__crop", [16, 16], [8, 8]),
    ("export__num_golden_images", 10_000, 10**12),
    ("export__postprocess__open_px", 255, 1e12),
    ("export__postprocess__close_px", 255, 256),
    ("export__postprocess__min_area_px", 2**26, 2**63),
    ("export__dense_crf__num_iterations", 100, 101),
    ("export__dense_crf__colour", 0.1, 0.0),
    ("evaluate__num_worst_overlays", 500, 10**6),
    ("evaluate__seed", 0, -1),
    ("evaluate__boundary_tolerance_px", 64, 65),
    ("evaluate__suspect_min_area_px", 2**26, 2**64),
    ("evaluate__bootstrap__num_resamples", 100_000, 10**9),
    ("evaluate__bootstrap__confidence", 0.9999, 0.99999),
    ("evaluate__bootstrap__min_units", 100_000, 10**400),
    ("promote__anchor", 2**31 - 1, 2**31),
    ("promote__margin", 1, 10**400),
    ("promote__class_costs", {"car": 1e6}, {"car": 0}),
]


@pytest.mark.parametrize(("place", "good", "bad"), ENDS, ids=[place for place, _, _ in ENDS])
def test_each_range_has_ends(place: str, good: Any, bad: Any) -> None:
    """The last value that works is taken; one that would crash, hang or overflow later is refused by its name."""
    assert parse_params(content_with(**{place: good}))
    message = message_of(content_with(**{place: bad}))
    assert place.rpartition("__")[2] in message and len(message) < 600


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train__network__num_levels": 7, "train__network__width": 1024},
            "`train`: network unet (num_levels 7, width 1024, dropout 0.0) has 510 * 10^9 weights, expected",
        ),
        (
            {"train__batch_size": 65_536},
            "`train`: batch_size 65536, augment.crop [96, 128] and network unet (num_levels 4, width 16, dropout 0.0) "
            "make feature maps of 96 GiB, expected at most 32",
        ),
        (
            {"train__warmup_epochs": 16.5},
            "`train`: warmup_epochs is 16.5, num_epochs 16: the training would end",
        ),
        (
            {"train__network__num_levels": 7, "train__network__width": 2},
            "`train`: augment.crop is [96, 128], and network unet (num_levels 7, width 2, dropout 0.0) needs at least "
            "128 px on each side",
        ),
        (
            {"promote__attempts": 52},
            "`promote`: confidence is 0.95 and attempts 52, num_resamples 2000: too few lie beyond an end; expected at "
            "least 10400 resamples",
        ),
        ({"promote__attempts": 0}, "`promote.attempts` is 0"),
        ({"promote__confidence": 0.9999}, "`promote`: confidence is 0.9999, num_resamples 2000: too few lie beyond an"),
    ],
)
def test_values_that_do_not_go_together_are_refused(changes: dict[str, Any], message: str) -> None:
    """Each may be sound by itself; together they do not fit into memory, time or statistics."""
    assert message in message_of(content_with(**changes))


def test_all_that_is_wrong_is_reported_at_once() -> None:
    """The message has a line for each wrong value."""
    message = message_of(content_with(train__num_epochs=0, gate__floors={"mean_iou": 1.5}, validate__on_error="skip"))
    assert message.count("params.yaml: ") == 3
    assert all(name in message for name in ("train.num_epochs", "gate.floors.mean_iou", "validate.on_error"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"validate__split__val": 0.5, "validate__split__test": 0.5},
            "val + test is 1, which leaves nothing for train",
        ),
        (
            {"train__loss": {"soft_dice": 1}, "train__label_smoothing": 0.1},
            "label_smoothing is 0.1, and loss has no cross_entropy, the only one that it changes; give that a weight",
        ),
        (
            {"train__num_epochs": 4, "train__small_epochs": 4},
            "small_epochs is 4, num_epochs 4: no epoch would have whole images; lower it",
        ),
        (
            {"train__small_epochs": 1, "train__augment__crop": [24, 96]},
            "small_epochs is 1, so augment.crop [24, 96] is halved at first",
        ),
        ({"train__augment__scale": [2.0, 1.0]}, "scale is [2.0, 1.0]; put the smaller number first"),
        ({"train__num_epochs": True}, "`train.num_epochs` is True"),
        ({"train__num_epochs": 2.5}, "`train.num_epochs` is 2.5"),
        ({"preprocess__image_size": [64]}, "`preprocess.image_size"),
        ({"train__network__num_levels": 8}, "`train.network.num_levels` is 8"),
        ({"export__flip": "yes"}, "`export.flip` is 'yes'"),
        ({"export__flip": 1}, "`export.flip` is 1"),
        ({"evaluate__bootstrap__unit": "pixel"}, "`evaluate.bootstrap.unit` is 'pixel'"),
        ({"evaluate__bootstrap__min_units": 1}, "`evaluate.bootstrap.min_units` is 1"),
        ({"evaluate__boundary_width": 0.0}, "`evaluate.boundary_width` is 0.0"),
        ({"gate__floors": {"mean_iou/brightness/dark": 7}}, "`gate.floors.mean_iou/brightness/dark` is 7"),
        ({"gate__ceilings": {"mean_iou/size/small": -1}}, "`gate.ceilings.mean_iou/size/small` is -1"),
    ],
)
def test_values_that_do_not_go_are_refused(changes: dict[str, Any], message: str) -> None:
    """Ranges, types and values that contradict each other are reported by name."""
    assert message in message_of(content_with(**changes))


def test_each_attempt_has_an_equal_share_of_the_level() -> None:
    """One attempt has all of it."""
    assert parse_params(content_with()).promote.bootstrap()["confidence"] == 0.95
    params = parse_params(content_with(promote__attempts=5, promote__num_resamples=1000)).promote
    assert params.bootstrap()["confidence"] == pytest.approx(0.99) and params.confidence == 0.95


def test_an_unknown_rule_of_promotion_is_answered_with_the_nearest() -> None:
    """The names are those of `RULES`."""
    message = message_of(content_with(promote__rule="superiour"))
    assert f"`promote.rule`: names 'superiour', expected one of {', '.join(RULES)}, did you mean `superior`?" in message
    assert f"names 'best', expected one of {', '.join(RULES)}" in message_of(content_with(promote__rule="best"))
    assert "`promote.rule` is 5, expected a text" in message_of(content_with(promote__rule=5))


def test_a_table_of_thresholds_is_switched_off_by_its_emptiness() -> None:
    """None by leaving its name out."""
    off: dict[str, Any] = {name: {} for name in content_with()["gate"]}
    assert parse_params(content_with() | {"gate": off}).gate.floors == {}
    assert "`gate.ceilings` is missing" in message_of(content_with() | {"gate": {"floors": {}, "floors_low": {}}})


@pytest.mark.parametrize("content", [None, [], "train", 3])
def test_a_file_without_sections_is_refused(content: Any) -> None:
    """An empty file, a list or a text is no params file."""
    assert "expected sections such as `train:`" in message_of(content)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    """Outside a project the message says where to be."""
    with pytest.raises(ParamsError, match="not found; run this in the project's folder"):
        read_params(tmp_path / "params.yaml")


def test_a_file_that_is_not_yaml_is_reported(tmp_path: Path) -> None:
    """A file that cannot be parsed is named."""
    (tmp_path / "params.yaml").write_text("train: {")
    with pytest.raises(ParamsError, match=r"params\.yaml: is not YAML"):
        read_params(tmp_path / "params.yaml")


@given(st.sampled_from(["train", "gate", "export"]), st.recursive(st.none() | st.text() | st.floats(), st.lists))
def test_nonsense_is_always_refused_in_our_words(section: str, value: Any) -> None:
    """Whatever stands for a section, the answer is an error of ours."""
    assert section in message_of(content_with() | {section: value})


def test_the_limits_of_pictures_are_below_those_of_every_reader() -> None:
    """What the params may allow is what pictures may have at all."""
    fields = ValidateParams.model_fields
    (px,) = [one.le for one in fields["max_image_px"].metadata if hasattr(one, "le")]
    (megabytes,) = [one.le for one in fields["max_file_mb"].metadata if hasattr(one, "le")]
    assert px == HIGHEST.max_image_px and megabytes * 1_000_000 <= HIGHEST.max_file_bytes
