"""Tests of pipeline/trials/params_change.py."""

from pathlib import Path

import pytest

from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import ParamsError
from pipeline.trials.params_change import difference, flatten, propose, with_values

TEXT = (Path(__file__).parents[2] / "params.yaml").read_text()
COMMENT = next(line.partition("# ")[2] for line in TEXT.splitlines() if line.startswith("  loss: "))
VALUES = {"train.learning_rate": 1e-5, "train.augment.crop": [64, 96], "train.loss.soft_dice": 0.25}


def test_values_have_names_by_which_they_change() -> None:
    """The nested params themselves stay as they are."""
    content = {"train": {"loss": {"dice": 1}, "crop": [1, 2]}}
    assert flatten(content) == {"train.loss.dice": 1, "train.crop": [1, 2]}
    assert with_values(content, {"train.loss.dice": 2}) == {"train": {"loss": {"dice": 2}, "crop": [1, 2]}}
    assert content["train"]["loss"] == {"dice": 1}


def test_only_the_values_change() -> None:
    """Comments stay, in their column too; the difference has a line for each value."""
    changed = propose(TEXT, VALUES | {"train.batch_size": 8})
    assert parse_yaml(changed) == with_values(parse_yaml(TEXT), VALUES)
    lines = difference(TEXT, changed, "new.yaml").splitlines()
    assert lines[:2] == ["--- params.yaml", "+++ new.yaml"]
    assert [line for line in lines[2:] if line[0] == "+"] == [
        "+  learning_rate: 1e-05            # peak, after the warm-up; falls to 0 by a cosine",
        f"+  loss: {{cross_entropy: 0.5, soft_dice: 0.25}}  # {COMMENT}",
        "+    crop: [64, 96]                # px, cut from the scaled image",
    ]
    assert propose(TEXT, {"train.batch_size": 8}) == TEXT and not difference(TEXT, TEXT, "new.yaml")


def test_a_value_that_cannot_be_replaced_alone_is_refused() -> None:
    """An alias stands for a value elsewhere too, and a list over several lines may have comments in it."""
    with pytest.raises(ParamsError, match=r"params.yaml: line 2: \*one stands for itself or for nothing"):
        propose("a: &one 1\nb: *one\n", {"b": 2})
    with pytest.raises(ParamsError, match=r"params.yaml: a value is an alias \(`\*name`\).*; write it out"):
        propose("a: &one {c: 1}\nb: *one\n", {"b.c": 2})
    with pytest.raises(ParamsError, match=r"params.yaml: line 2: a has several lines; write it in one"):
        propose("a:\n- 1 # one\n- 2\n", {"a": [2, 3]})
