"""The choice of images to label next: the most uncertain ones, spread over groups, then over what they look like."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from pipeline.vision.opencv import cv2

SHORTLIST = 5
"""Images to choose from for each that is chosen."""
THUMBNAIL = 4
"""Rows and columns."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image without a label.

    Attributes:
        name: as of a sample.
        relative: path below its folder.
        group: unit of images that resemble each other.
        md5: of its file.
        uncertainty: of the model, in [0, 1]; see `uncertainty_of`.
        look: feature vector; see `look_of`.
    """

    name: str
    relative: str
    group: str
    md5: str
    uncertainty: float
    look: np.ndarray


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An image to label; `rank` is 1 for the first, `why` a sentence for people."""

    candidate: Candidate
    rank: int
    why: str


def uncertainty_of(probs: np.ndarray) -> float:
    """Mean over pixels of the entropy of the classes in nats / log K (entropy sampling: Settles, 2009, 3.1).

    Args:
        probs: (H, W, K) probabilities.

    Returns:
        0: every pixel is certain, to 1: all classes are alike everywhere. 0 if there is one class.
    """
    num_classes = probs.shape[-1]
    return float(entr(probs).sum(axis=-1).mean(dtype=np.float64) / math.log(num_classes)) if num_classes > 1 else 0.0


def look_of(image: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """The mean probability of each class, and a thumbnail of the image in [0, 1].

    Args:
        image: (H, W, 3) uint8 RGB.
        probs: (H, W, K) probabilities.

    Returns:
        (K + 48,) float32; the thumbnail is divided by the root of 48, so that its part of a distance is at most 1.
    """
    thumbnail = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).ravel() / 255
    shares = probs.mean(axis=(0, 1), dtype=np.float64)
    return np.concatenate([shares, thumbnail / math.sqrt(thumbnail.size)]).astype(np.float32)


def select(candidates: Sequence[Candidate], num: int) -> list[Suggestion]:
    """Chooses `num` images, or all if they are fewer.

    No group gives more images than is needed to reach `num` with equal shares of the groups. From the 5 `num` most
    uncertain images within 5 shares of each group, the most uncertain one is first, then always the one with the
    largest product of uncertainty and distance to the nearest one chosen: the greedy heuristic for the weighted
    k-center problem (Dyer and Frieze, 1985). Without weights, and measured from what is labelled too, it is k-center
    greedy (Sener and Savarese, 2018, algorithm 1), which in a small folder takes images of which the model is certain.

    Returns:
        In order of choice.
    """
    if not candidates:
        return []
    num = min(num, len(candidates))
    share = _share(Counter(one.group for one in candidates), num)
    pool = _shortlist(candidates, num, share)
    looks, weights = np.stack([one.look for one in pool]), np.array([one.uncertainty for one in pool])
    distance, is_free, taken = np.full(len(pool), np.inf), np.ones(len(pool), bool), Counter[str]()
    suggestions: list[Suggestion] = []
    while len(suggestions) < num:
        best = int(np.argmax(np.where(is_free, weights * distance, -1))) if suggestions else 0
        chosen = pool[best]
        suggestions.append(Suggestion(chosen, len(suggestions) + 1, _why(float(distance[best]), len(pool))))
        distance = np.minimum(distance, np.linalg.norm(looks - looks[best], axis=1))
        is_free[best] = False
        taken[chosen.group] += 1
        if taken[chosen.group] == share:
            is_free[[one.group == chosen.group for one in pool]] = False
    return suggestions


def _share(sizes: Counter[str], num: int) -> int:
    """The smallest number of images of each group that together are `num`, where small groups give all of theirs."""
    return next(share for share in range(1, num + 1) if sum(min(share, size) for size in sizes.values()) >= num)


def _shortlist(candidates: Sequence[Candidate], num: int, share: int) -> list[Candidate]:
    """The most uncertain images first. As no group has more than 5 shares of 5 `num`, the groups can give `num`."""
    by_group: dict[str, list[Candidate]] = defaultdict(list)
    for one in sorted(candidates, key=lambda one: (-one.uncertainty, one.name)):
        by_group[one.group].append(one)
    most = [one for group in by_group.values() for one in group[: SHORTLIST * share]]
    return sorted(most, key=lambda one: (-one.uncertainty, one.name))[: SHORTLIST * num]


def _why(distance: float, num_pool: int) -> str:
    if math.isinf(distance):
        return "most uncertain of all"
    return f"uncertain and unlike those above (distance {distance:.3f}), of the {num_pool} most uncertain"
