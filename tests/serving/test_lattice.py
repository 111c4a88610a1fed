"""Tests of the Gaussian filter on the lattice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from pipeline.serving.lattice import Lattice, _embed


@pytest.mark.parametrize(("dim", "side", "half"), [(1, 4001, 10), (2, 200, 8), (3, 60, 6)])
def test_the_variance_is_one(dim: int, side: int, half: float) -> None:
    """On a dense grid a point's value is spread with the Gaussian's variance, on the average over where it lies."""
    axis = np.linspace(-half, half, side, dtype=np.float32)
    features = np.stack(np.meshgrid(*[axis] * dim), axis=-1).reshape(-1, dim)
    near = np.flatnonzero((np.abs(features) < 1).all(axis=1))
    chosen = np.random.default_rng(0).choice(near, 100, replace=False)
    impulses = np.zeros((len(features), 100), np.float32)
    impulses[chosen, range(100)] = 1
    shares = Lattice(features).filter(impulses).astype(np.float64)
    apart = (features[:, np.newaxis] - features[chosen]) ** 2
    variances = (shares[..., np.newaxis] * apart).sum(axis=0) / shares.sum(axis=0)[:, np.newaxis]
    assert_allclose(variances.mean(axis=0), 1, atol=0.05)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(0.01, 1e4))
def test_weights_are_barycentric(dim: int, seed: int, scale: float) -> None:
    """The weights at a simplex's vertices are shares of one, and its vertices differ."""
    features = (np.random.default_rng(seed).normal(size=(50, dim)) * scale).astype(np.float32)
    keys, weights = _embed(features)
    assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert weights.min() > -1e-5
    assert all(len(set(row)) == dim + 1 for row in keys.tolist())


def test_points_far_apart_do_not_meet() -> None:
    """Two points give nothing to each other, and a point by itself keeps its value up to the factor."""
    features = np.array([[0, 0], [0, 0], [100, 100]], np.float32)
    found = Lattice(features).filter(np.array([[1], [0], [5]], np.float32))
    assert found[0] == found[1] > 0
    assert_allclose(found[2] / found[0], 5, rtol=0.5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points are put on the lattice in blocks, with the same sums."""
    draw = np.random.default_rng(3)
    features, values = draw.normal(size=(500, 3)).astype(np.float32), draw.random((500, 2), np.float32)
    whole = Lattice(features).filter(values)
    monkeypatch.setattr("pipeline.serving.lattice.BLOCK_PX", 7)
    assert np.array_equal(Lattice(features).filter(values), whole)
