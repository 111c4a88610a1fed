"""Gaussian filtering in many dimensions, by position and colour, on the permutohedral lattice (Adams et al., 2010)."""

import numpy as np
from scipy import sparse

BLOCK_PX = 2**16
"""Pixels that are put on the lattice at once, which bounds the memory."""


class Lattice:
    """A Gaussian filter over N points with D features, exp(-|f - g|^2 / 2) for features f and g.

    Each point lies in a simplex of the lattice, whose D + 1 vertices take its values by barycentric weights (splat),
    are blurred with their neighbours along each axis of the lattice, and give values back (slice). The time is that of
    N (D + 1) weights, whatever the width of the Gaussian. It is an approximation: a point far away counts a little
    less or more than the formula says.

    Args:
        features: (N, D) float32, finite, in standard deviations of the Gaussian.
    """

    def __init__(self, features: np.ndarray) -> None:
        num_points, dim = features.shape
        blocks = [_embed(features[start : start + BLOCK_PX]) for start in range(0, num_points, BLOCK_PX)]
        keys = np.concatenate([keys for keys, _ in blocks])
        weights = np.concatenate([weights for _, weights in blocks])
        vertices, columns = np.unique(keys, return_inverse=True)
        starts = np.arange(0, (num_points + 1) * (dim + 1), dim + 1)
        self._slice = sparse.csr_array((weights.ravel(), columns.ravel(), starts), (num_points, len(vertices)))
        self._splat = self._slice.T.tocsr()
        self._blurs = [_blur(vertices, step) for step in _steps(dim)]

    def filter(self, values: np.ndarray) -> np.ndarray:
        """(N, K) float32 sums of values, weighted by the Gaussian, up to one factor for all."""
        summed = self._splat @ values
        for blur in self._blurs:
            summed = blur @ summed
        found: np.ndarray = self._slice @ summed
        return found


def _embed(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys (n, D + 1) int64 of the vertices of each point's simplex, and the point's barycentric weights there."""
    elevated = _elevate(features.astype(np.float64))
    dim = features.shape[1]
    nearest = np.rint(elevated / (dim + 1)) * (dim + 1)  # the remainder-0 point, if its coordinates' sum were 0
    order = np.argsort(-(elevated - nearest), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(dim + 1)[np.newaxis], axis=1)
    rank += (nearest.sum(axis=1) / (dim + 1)).astype(int)[:, np.newaxis]
    over = (rank > dim).astype(int) - (rank < 0)
    nearest, rank = nearest - over * (dim + 1), rank - over * (dim + 1)
    weights = _barycentric((elevated - nearest) / (dim + 1), rank)
    coords = nearest.astype(np.int64)
    corners = (coords + k - (dim + 1) * (rank > dim - k) for k in range(dim + 1))
    return np.stack([_key(corner) for corner in corners], axis=1), weights


def _elevate(features: np.ndarray) -> np.ndarray:
    """(n, D) features to (n, D + 1) coordinates whose sum is 0, scaled so that the blur has the variance 1."""
    dim = features.shape[1]
    numbers = np.arange(1, dim + 1)
    scaled = features * (dim + 1) * np.sqrt(2 / 3) / np.sqrt(numbers * (numbers + 1))
    sums = np.cumsum(scaled[:, ::-1], axis=1)[:, ::-1]  # of this feature and those after it
    return np.concatenate([sums[:, :1], sums[:, 1:] - numbers[:-1] * scaled[:, :-1], -dim * scaled[:, -1:]], axis=1)


def _barycentric(offset: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """(n, D + 1) float32 weights by the offset from the remainder-0 vertex, in multiples of D + 1, and its rank."""
    by_rank = np.empty_like(offset)
    np.put_along_axis(by_rank, rank, offset, axis=1)  # descending
    inner = by_rank[:, :-1] - by_rank[:, 1:]  # vertex k = D - r takes by_rank[r] - by_rank[r + 1]
    first = 1 - (by_rank[:, :1] - by_rank[:, -1:])
    return np.concatenate([first, inner[:, ::-1]], axis=1).astype(np.float32)


def _key(coords: np.ndarray) -> np.ndarray:
    """One number for each of (n, D + 1) coordinates: linear, so that a step on the lattice adds the step's own key."""
    factors = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, coords.shape[1])], np.uint64)
    found: np.ndarray = (coords[:, :-1].astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64).astype(np.int64)
    return found


def _steps(dim: int) -> np.ndarray:
    """The keys of the steps to a neighbour, along each of the D + 1 axes."""
    return _key(np.ones((dim + 1, dim + 1), np.int64) - (dim + 1) * np.eye(dim + 1, dtype=np.int64))


def _blur(vertices: np.ndarray, step: int) -> sparse.csr_array:
    """(M, M) matrix of [1 2 1] / 4 along an axis; vertices that are missing count 0."""
    num = len(vertices)
    matrix = sparse.eye_array(num, dtype=np.float32, format="csr") * np.float32(0.5)
    for sign in (1, -1):
        wanted = vertices + sign * step
        places = np.minimum(np.searchsorted(vertices, wanted), num - 1)
        rows = np.flatnonzero(vertices[places] == wanted)
        quarter = np.full(len(rows), 0.25, np.float32)
        matrix = matrix + sparse.csr_array((quarter, (rows, places[rows])), (num, num))
    return matrix.tocsr()
