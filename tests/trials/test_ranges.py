"""Tests of pipeline/trials/ranges.py."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ParamsError
from pipeline.trials.ranges import Choices, Numbers, read_ranges

VALUES: dict[str, Any] = {
    "preprocess.image_size": [32, 48],
    "train.seed": 0,
    "train.num_threads": 2,
    "train.batch_size": 8,
    "train.learning_rate": 0.002,
    "train.class_weights": "none",
    "train.augment.flip_vertical": False,
    "train.augment.crop": [24, 32],
}


def read(tmp_path: Path, text: str) -> dict[str, Any]:
    """The ranges in a file with this text."""
    (tmp_path / "ranges.yaml").write_text(text)
    return read_ranges(tmp_path / "ranges.yaml", VALUES)


def test_numbers_are_of_the_type_of_their_param(tmp_path: Path) -> None:
    """The value of params.yaml tells whether they are whole; choices are as they are written."""
    text = "train.batch_size: {low: 4.0, high: 16, step: 4}\ntrain.learning_rate: {low: 1, high: 2, log: true}\n"
    ranges = read(tmp_path, f"{text}train.augment.crop: {{choices: [[8, 8], [16, 16]]}}\n")
    assert ranges == {
        "train.batch_size": Numbers(low=4, high=16, step=4),
        "train.learning_rate": Numbers(low=1.0, high=2.0, log=True),
        "train.augment.crop": Choices(choices=[[8, 8], [16, 16]]),
    }
    assert isinstance(ranges["train.batch_size"].low, int) and isinstance(ranges["train.learning_rate"].low, float)
    assert ranges["train.batch_size"].ends == [4, 16] and ranges["train.augment.crop"].ends == [[8, 8], [16, 16]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing, expected lines such as"),
        ("- 1\n", "found list, expected lines such as"),
        ("a: {\n", "is not YAML"),
        ("train.learnin_rate: {low: 1, high: 2}", "is not in params.yaml, did you mean train.learning_rate"),
        ("1: {low: 1, high: 2}", "is not in params.yaml; expected a name such as train.batch_size"),
        ("train.augment: {low: 1, high: 2}", "is a section of params.yaml; name one of its values, such as train.aug"),
        ("preprocess.image_size: {choices: [1, 2]}", "only `train.*` is searched: the trials share their arrays"),
        ("train.seed: {low: 1, high: 2}", "is not searched: the best of several seeds is the luckiest"),
        ("train.num_threads: {low: 1, high: 2}", "is not searched: it changes the time"),
        ("train.batch_size: 4", "is 4, expected {low: ..., high: ...} or {choices"),
        ("train.batch_size: {low: 4}", "high is missing; expected {low"),
        ("train.batch_size: {low: 4, hi: 5}", "unknown name 'hi'; known are low, high, log, step"),
        ("train.batch_size: {low: four, high: 5}", "low is 'four'; "),
        ("train.batch_size: {low: 4, high: 8, step: 0}", "step is 0; Input should be greater than 0"),
        ("train.batch_size: {choices: [4]}", "choices is [4]; List should have at least 2 items"),
        ("train.batch_size: {choices: [4, 8, 4]}", "has the choice 4 twice"),
        ("train.batch_size: {low: 4.5, high: 8}", "low is 4.5; the param takes whole numbers"),
        ("train.batch_size: {low: 8, high: 4}", "low is 8, high 4; expected low < high"),
        ("train.batch_size: {low: 4, high: 9, step: 4}", "4 to 9 is no whole number of steps of 4"),
        ("train.learning_rate: {low: 0, high: 1, log: true}", "low is 0; expected a number above 0 with `log: true`"),
        ("train.learning_rate: {low: 1, high: 2, step: 1, log: true}", "has both log and step"),
        ("train.class_weights: {low: 1, high: 2}", "is 'none' in params.yaml, not a number; expected {choices"),
        ("train.augment.flip_vertical: {low: 0, high: 1}", "is False in params.yaml, not a number"),
    ],
)
def test_a_wrong_range_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message names file and param, what was found and what is expected."""
    with pytest.raises(ParamsError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "ranges.yaml"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message shows a line of it."""
    with pytest.raises(ParamsError, match="not found; write ranges such as `train.learning_rate: "):
        read_ranges(tmp_path / "gone.yaml", VALUES)


@given(st.floats(0.001, 0.5), st.floats(0.6, 1.0), st.floats(0, 1))
def test_a_rounded_number_stays_in_its_range(low: float, high: float, share: float) -> None:
    """It has four digits, but at the ends."""
    numbers = Numbers(low=low, high=high)
    value = numbers.rounded(low + share * (high - low))
    assert value in numbers
    assert value in (low, high) or len(f"{value:.10g}".lstrip("0.")) <= 4


def test_a_grid_holds_its_numbers_only() -> None:
    """Both ends are of it, and it is not rounded."""
    grid = Numbers(low=0.1, high=0.7, step=0.2)
    assert [value in grid for value in (0.1, 0.1 + 2 * 0.2, 0.7, 0.2, 0.9)] == [True, True, True, False, False]
    assert grid.rounded(0.1 + 2 * 0.2) == 0.1 + 2 * 0.2
    assert 3 in Choices(choices=[3, 5]) and 4 not in Choices(choices=[3, 5])
