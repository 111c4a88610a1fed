"""Tests of an exported model in use."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.errors import EvidenceError
from pipeline.serving.model_card import DenseCrf, ModelCard, Postprocess
from pipeline.serving.predictor import Prediction, Predictor
from tests.tiny_model import NO_POSTPROCESS, write_tiny_model

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 255)


def test_predict_at_the_images_own_size(tmp_path: Path) -> None:
    """A mask of ids and a probability for each class, whatever the size."""
    predictor = Predictor.read(write_tiny_model(tmp_path / "model", CLASSES, favourite=1))
    for height, width in ((5, 7), (64, 3)):
        mask, probs = predictor.predict(np.zeros((height, width, 3), np.uint8))
        assert_array_equal(mask, np.ones((height, width)))
        assert (mask.dtype.name, probs.dtype.name, probs.shape) == ("uint8", "float32", (height, width, 2))


def test_card_cleans_the_mask() -> None:
    """The cleaning that the card asks for is done, and the probabilities stay."""
    ids = np.zeros((1, 9, 9), np.uint8)
    ids[0, 4, 4] = 1
    probs = np.eye(2, dtype=np.float32)[ids]
    card = ModelCard(CLASSES, (32, 32), Postprocess(0, 0, 2))
    prediction = Predictor(Path("model"), card, lambda images: (ids, probs)).predict(np.zeros((9, 9, 3), np.uint8))
    assert not prediction.mask.any()
    assert_array_equal(prediction.probs, probs[0])


def test_card_refines_the_mask() -> None:
    """With a CRF, a pixel that the network takes for another class than all around it, in one colour, is overruled."""
    ids = np.zeros((1, 9, 9), np.uint8)
    ids[0, 4, 4] = 1
    probs = np.where(np.eye(2, dtype=bool)[ids], np.float32(0.6), np.float32(0.4))
    crf = DenseCrf(5, bilateral_weight=4, position_px=5, colour=5, smooth_weight=0, smooth_px=1)
    card = ModelCard(CLASSES, (32, 32), Postprocess(0, 0, 0, crf))
    prediction = Predictor(Path("model"), card, lambda images: (ids, probs)).predict(np.zeros((9, 9, 3), np.uint8))
    assert (prediction.mask == 0).all() and prediction.mask.dtype == np.uint8
    assert_array_equal(prediction.probs, probs[0])


def test_confidence_is_that_of_the_mask() -> None:
    """The probability of each pixel's class, which is not the highest one where the mask was cleaned."""
    probs = np.array([[[0.75, 0.25], [0.25, 0.75]], [[0.5, 0.5], [1, 0]]], np.float32)
    confidence = Prediction(np.array([[0, 0], [1, 0]], np.uint8), probs).confidence()
    assert_array_equal(confidence, np.array([[0.75, 0.25], [0.5, 1]], np.float32))


def test_card_of_another_model_is_refused(tmp_path: Path) -> None:
    """A model with two classes beside a card of three is not used."""
    folder = write_tiny_model(tmp_path / "model", CLASSES)
    three = ClassList((*CLASSES.names, "car"), (*CLASSES.colours, (1, 2, 3)), 255)
    ModelCard(three, (32, 32), NO_POSTPROCESS).write(folder)
    with pytest.raises(EvidenceError, match=r"probabilities are \(4, 4, 2\) for .* expected 3 classes"):
        Predictor.read(folder).predict(np.zeros((4, 4, 3), np.uint8))


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """What is no exported model is named before TensorFlow is loaded."""
    with pytest.raises(EvidenceError, match="holds no saved_model.pb"):
        Predictor.read(tmp_path)
