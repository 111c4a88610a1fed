"""Tests of scoring models anew."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.contract import ClassList, write_contract
from pipeline.dataset.manifest import read_manifest
from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import md5_of_test_split
from pipeline.promotion.rescore import check_probabilities, rescore
from tests.contest import ROAD, SKY, write_split
from tests.finished_project import CLASSES, tiny_model
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_split(tmp_path / "data", [2, 4])


def test_models_are_scored_on_the_same_images() -> None:
    """Each model has its counts of each image, and what was scored is named."""
    found = rescore({"a": tiny_model(SKY), "b": tiny_model(ROAD)})
    assert found.test_md5 == md5_of_test_split(read_manifest())
    assert [table.groups for table in found.tables.values()] == [("group 0", "group 1")] * 2
    assert found.tables["a"].matrices.tolist() == [[[16, 0], [48, 0]], [[32, 0], [32, 0]]]
    assert found.tables["b"].matrices.tolist() == [[[0, 16], [0, 48]], [[0, 32], [0, 32]]]


def test_test_split_that_was_not_validated(tmp_path: Path) -> None:
    """A test image that was changed after validation is named."""
    image = tmp_path / "data/images/0.png"
    image.write_bytes(image.read_bytes() + b"x")
    with pytest.raises(EvidenceError, match=r"data/images/0.png: is not the file that was validated; run `dvc repro"):
        rescore({"a": tiny_model(SKY)})


@pytest.mark.parametrize(
    ("probability", "found"),
    [
        (math.nan, "range from nan to nan and sum to nan to nan"),
        (math.inf, "range from nan to nan and sum to nan to nan"),
        (0.9, "range from 0 to 0.9 and sum to 0.9 to 0.9"),
        (1.0001, "range from 0 to 1.0001 and sum to 1.0001 to 1.0001"),
        (-1.0, "range from -1 to -0 and sum to -1 to -1"),
    ],
)
def test_probabilities_that_are_none(tmp_path: Path, probability: float, found: str) -> None:
    """Ids that came of nan or logits are no prediction: the model is named, with the image; nothing is compared."""
    broken = write_tiny_model(tmp_path / "model", CLASSES, probability=probability)
    with pytest.raises(EvidenceError, match=f"segline/7: its probabilities on .*0.png {found} in a pixel, expected"):
        rescore({"segline/7": broken})


@given(st.integers(1, 40), st.floats(0.1, 50), st.integers(0, 2**32 - 1))
def test_rounding_is_no_fault(num_classes: int, spread: float, seed: int) -> None:
    """A softmax in float32, and the mean of two, sum to 1 within the tolerance."""
    logits = np.random.default_rng(seed).normal(0, spread, (2, 16, 16, num_classes)).astype(np.float32)
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs = shifted / shifted.sum(axis=-1, keepdims=True)
    for one in (probs[0], (probs[0] + probs[1]) / 2):
        assert one.dtype == np.float32
        check_probabilities("model", "image", one)
    with pytest.raises(EvidenceError, match="sum to"):
        check_probabilities("model", "image", probs[0] * np.float32(1 + 1e-4))


def test_other_classes_cannot_be_compared(tmp_path: Path) -> None:
    """A model of other classes than today's is refused, with a way out."""
    write_contract(tmp_path / "data", ClassList(("sky", "tree"), CLASSES.colours, 255), [])
    with pytest.raises(EvidenceError, match="a knows the classes sky, road, today's data has sky, tree; .*NAME"):
        rescore({"a": tiny_model(SKY)})
