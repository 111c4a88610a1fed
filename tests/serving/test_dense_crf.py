"""Tests of the fully connected CRF, against mean-field inference over all pairs of pixels."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.serving.dense_crf import refine
from pipeline.serving.model_card import DenseCrf

SETTINGS = DenseCrf(num_iterations=5, bilateral_weight=4, position_px=8, colour=20, smooth_weight=1, smooth_px=2)


def two_halves(height: int = 20, width: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a dark and a bright half, and which pixels are bright."""
    draw = np.random.default_rng(0)
    is_bright = np.zeros((height, width), bool)
    is_bright[:, width // 2 :] = True
    image = np.where(is_bright, 200, 50)[..., np.newaxis] + draw.integers(-10, 11, (height, width, 3))
    return image.astype(np.uint8), is_bright


def unsure(is_second: np.ndarray, certainty: float = 0.7) -> np.ndarray:
    """(H, W, 2) probabilities that prefer the second class at some pixels."""
    second = np.where(is_second, certainty, 1 - certainty)
    return np.stack([1 - second, second], axis=-1).astype(np.float32)


def slowly(image: np.ndarray, probs: np.ndarray, settings: DenseCrf) -> np.ndarray:
    """Mean-field inference with kernels of all pairs."""
    height, width, num_classes = probs.shape
    place = np.indices((height, width), float).reshape(2, -1).T
    colour = image.reshape(-1, 3).astype(float)
    kernels = []
    for features, weight in (
        (np.hstack([place / settings.position_px, colour / settings.colour]), settings.bilateral_weight),
        (place / settings.smooth_px, settings.smooth_weight),
    ):
        kernel = np.exp(-((features[:, np.newaxis] - features) ** 2).sum(axis=-1) / 2)
        scale = kernel.sum(axis=1) ** -0.5
        kernels.append(weight * scale[:, np.newaxis] * kernel * scale)
    logs = np.log(probs.reshape(-1, num_classes))
    found = probs.reshape(-1, num_classes)
    for _ in range(settings.num_iterations):
        powers = np.exp(logs + sum(kernels) @ found)
        found = powers / powers.sum(axis=1, keepdims=True)
    return found.reshape(probs.shape)


def test_agrees_with_all_pairs() -> None:
    """On a noisy prediction, marginals and classes are those of the exact kernels but for the lattice's coarseness."""
    image, is_bright = two_halves()
    noise = np.random.default_rng(1).random(is_bright.shape) < 0.2
    probs = unsure(is_bright ^ noise)
    found, expected = refine(image, probs, SETTINGS), slowly(image, probs, SETTINGS)
    assert np.mean(found.argmax(-1) == expected.argmax(-1)) > 0.99
    assert np.abs(found - expected).mean() < 0.02


def test_edges_move_to_those_of_the_picture() -> None:
    """A prediction whose edge is two pixels off gets the picture's edge."""
    image, is_bright = two_halves()
    refined = refine(image, unsure(np.roll(is_bright, 2, axis=1)), SETTINGS).argmax(-1).astype(bool)
    assert_array_equal(refined[:, 4:-4], is_bright[:, 4:-4])


def test_tiles_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture in tiles, whose margins hold two deviations, gets the classes of the whole one."""
    image, is_bright = two_halves(50, 60)
    noise = np.random.default_rng(2).random(is_bright.shape) < 0.2
    probs, near = unsure(is_bright ^ noise), replace(SETTINGS, position_px=4)
    whole = refine(image, probs, near)
    monkeypatch.setattr("pipeline.serving.dense_crf.TILE_PX", 20)
    tiled = refine(image, probs, near)
    assert np.mean(tiled.argmax(-1) == whole.argmax(-1)) > 0.99
    assert np.abs(tiled - whole).mean() < 0.01


def test_without_weights_nothing_changes() -> None:
    """Kernels without weight leave the network's probabilities."""
    image, is_bright = two_halves()
    probs = unsure(is_bright)
    off = replace(SETTINGS, bilateral_weight=0, smooth_weight=0)
    assert_allclose(refine(image, probs, off), probs, atol=1e-6)


def test_probabilities_of_zero_and_tiny_pictures() -> None:
    """Marginals are shares of one, also of one pixel and where a class has no probability."""
    for shape in ((1, 1), (1, 7), (5, 3)):
        probs = unsure(np.ones(shape, bool), certainty=1.0)
        found = refine(np.full((*shape, 3), 255, np.uint8), probs, SETTINGS)
        assert found.dtype == np.float32
        assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
        assert (found.argmax(-1) == 1).all()
