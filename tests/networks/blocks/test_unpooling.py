"""Pooling that remembers its places."""

import numpy as np

from pipeline.networks.blocks.unpooling import PoolWithPlaces, Unpool


def test_maxima_go_back_to_their_places() -> None:
    """The rest is 0; of equals the first is the maximum, so that nothing is put back twice."""
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    x[0, :2, :2, 0] = 0
    maxima, places = PoolWithPlaces()(x)
    windows = x.reshape(2, 2, 2, 3, 2, 3)
    np.testing.assert_array_equal(maxima, windows.max((2, 4)))
    back = np.asarray(Unpool()([maxima, places]))
    assert back.shape == x.shape
    kept = back != 0
    np.testing.assert_array_equal(back[kept], x[kept])
    np.testing.assert_array_equal(back.reshape(2, 2, 2, 3, 2, 3).max((2, 4)).clip(0), windows.max((2, 4)).clip(0))
    assert kept.sum() == maxima.shape.num_elements() - 1
    np.testing.assert_array_equal(np.asarray(places)[0, 0, 0, 0], [1, 0, 0, 0])
