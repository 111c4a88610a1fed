"""What is said about values of `params.yaml` that are wrong."""

from typing import Any

import pytest

from tests.test_params import content_with, message_of


@pytest.mark.parametrize(
    ("name", "guess"), [("num_epoch", "num_epochs"), ("learning_rat", "learning_rate"), ("batchsize", "batch_size")]
)
def test_a_typo_is_answered_with_the_name_that_was_meant(name: str, guess: str) -> None:
    """An unknown name gives the nearest known one."""
    assert f"unknown name `train.{name}`, did you mean `{guess}`?" in message_of(content_with(**{f"train__{name}": 1}))


def test_a_name_like_no_other_is_answered_with_all() -> None:
    """Where no known name is near, all of that section are listed."""
    message = message_of(content_with(preprocess__zzz=1))
    assert "unknown name `preprocess.zzz` (known here: image_size); remove it or correct its spelling" in message


def test_an_unknown_name_in_a_network_is_answered() -> None:
    """Names are distinguished by the chosen network; its own name is not put between them."""
    message = message_of(content_with(train__network__widht=8))
    assert "unknown name `train.network.widht`, did you mean `width`?; remove it" in message


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"name": "u-net"}, "`train.network.name` is 'u-net', expected one of unet, residual_unet, "),
        ({"name": "u-net"}, ", did you mean `unet`?"),
        ({"name": None}, "`train.network.name` is 'None', expected one of unet"),
        ({"name": [7]}, "`train.network.name` is '(7,)', expected one of unet"),
        ({"width": 8}, "`train.network.name` is missing, expected one of unet"),
        (7, "`train.network` is 7; Input should be a valid dictionary"),
        (None, "`train.network` is None; Input should be a valid dictionary"),
    ],
)
def test_a_network_that_does_not_exist_is_answered_with_those_that_do(network: Any, message: str) -> None:
    """Whatever stands for a network, the answer is an error of ours."""
    assert message in message_of(content_with(train__network=network))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "unet",
            {"num_levels": 4, "width": 16, "dropout": 0.0},
            "`train.network: {name: unet, num_levels: ..., width: ",
        ),
        ("dice_weight", 0.3, "`train.loss: {cross_entropy: 1 - dice_weight, soft_dice: dice_weight}`"),
    ],
)
def test_a_name_of_before_is_answered_with_the_one_of_now(name: str, value: Any, message: str) -> None:
    """Params of a former version are not guessed at; the message says how to write them."""
    assert f"`train.{name}` is now written {message}" in message_of(content_with(**{f"train__{name}": value}))


def test_a_former_floor_of_the_gate_is_answered_with_the_one_of_now() -> None:
    """Floors have the name of the score, which is in the message."""
    message = message_of(content_with(gate__min_mean_iou=0.7, gate__min_class_iou_low=None))
    assert "`gate.min_mean_iou` is now written `gate.floors: {mean_iou: ...}`" in message
    assert "`gate.min_class_iou_low` is now written `gate.floors_low: {iou/CLASS: ...}`" in message


def test_a_missing_value_is_named() -> None:
    """Nothing has a default."""
    content = content_with()
    del content["train"]["network"]["width"]
    assert "`train.network.width` is missing; nothing has a default, so add it" in message_of(content)


def test_a_number_in_quotes_and_a_text_without_are_explained() -> None:
    """A number in quotes is a text, and a name of digits a number: the message says how to write them."""
    message = message_of(content_with(train__learning_rate="1e-3"))
    assert "`train.learning_rate` is the text '1e-3', expected a number; remove the quotes" in message
    message = message_of(content_with(validate__groups_in_several_splits=[1600000.0]))
    assert "`validate.groups_in_several_splits.0` is 1600000.0, expected a text; put it into quotes" in message
    assert "is 5, expected a text; put it into quotes" in message_of(content_with(gate__floors={5: 0.5}))


def test_a_long_name_is_cut_in_the_message() -> None:
    """A key of a table may have any length."""
    assert len(message_of(content_with(gate__floors={"9" * 100_000: 2.0}))) < 1000
