"""Resizing and pooling by matrices."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.networks.blocks.resizing import AverageTo, ResizeLike

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("before", "after"), [((4, 5), (8, 10)), ((7, 3), (16, 31)), ((1, 1), (5, 4)), ((9, 8), (4, 4))]
)
def test_resizing_is_that_of_tensorflow(before: tuple[int, int], after: tuple[int, int]) -> None:
    """Bilinear with centres at 0.5, to sizes that are no multiples, too; making smaller looks at the nearest two."""
    x, like = RANDOM.normal(size=(2, *before, 3)).astype(np.float32), np.zeros((2, *after, 1), np.float32)
    expected = tf.image.resize(x, after, "bilinear")
    np.testing.assert_allclose(ResizeLike()([x, like]), expected, atol=1e-6)
    layer = keras.Model(inputs := [keras.Input((None, None, 3)), keras.Input((None, None, 1))], ResizeLike()(inputs))
    np.testing.assert_allclose(layer.predict([x, like], verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize(("num", "height", "width"), [(1, 5, 7), (3, 8, 7), (6, 4, 13), (2, 2, 2)])
def test_pooling_by_hand(num: int, height: int, width: int) -> None:
    """Window i of n over s pixels goes from floor(i s / n) to ceil((i + 1) s / n), as in PyTorch's adaptive pooling."""
    x = RANDOM.normal(size=(2, height, width, 3)).astype(np.float32)
    means = np.asarray(AverageTo(num)(x))
    for i in range(num):
        for j in range(num):
            rows = slice(i * height // num, -(-(i + 1) * height // num))
            columns = slice(j * width // num, -(-(j + 1) * width // num))
            np.testing.assert_allclose(means[:, i, j], x[:, rows, columns].mean((1, 2)), atol=1e-6)
