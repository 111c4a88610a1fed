"""Rows of `false_promotions` on made-up groups of uneven size with heavy-tailed effects, and rows of harmful models.

Harm: a challenger that is truly better by 5 points in most groups loses 30 points in 5 or 10 % of the groups of the
test split; or one of 19 classes falls by 30, which only 3 groups have. What is in no group of the test split cannot be
seen: the rows "drawn" give each group that chance, so that many splits of 15 groups have none.
"""

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.params import PromoteParams
from pipeline.vision.confusion import iou_per_class
from tests.benchmarks.made_groups import make_groups
from tests.benchmarks.promotion_trials import Pair, draw_exchanged, row_of, try_out
from tests.benchmarks.real_counts import share_that, true_mean_iou, worsen

NUM_GROUPS, SIGMA = 3000, 1.0
NUM_EQUAL, NUM_PAIRS = 600, 300
LOSS, GAIN_ELSEWHERE = 0.3, 0.05
NUM_WITH_CLASS, NUM_IMAGES = 3, 10
POWER = ((5, 6, 0.02), (5, 6, 0.05), (15, 6, 0.02), (15, 6, 0.05), (40, 6, 0.02), (80, 19, 0.02))
"""Number of groups, number of classes and gain."""
Draw = Callable[[int, int, float, int], Iterator[Pair]]
"""Number of groups, number of classes, gain and number of pairs."""


def measure_made(params: PromoteParams) -> dict[str, float]:
    """Prints the rows; returns what the last line of the benchmark has of them."""
    populations = {number: make_groups(NUM_GROUPS, number, SIGMA, 2, number) for number in (6, 19)}

    def draw(num_groups: int, num_classes: int, gain: float, num_pairs: int) -> Iterator[Pair]:
        return draw_exchanged(populations[num_classes], gain, num_groups, num_pairs)

    return _measure_equal(draw, params) | _measure_power(draw, params) | _measure_harm(draw, params)


def _measure_equal(draw: Draw, params: PromoteParams) -> dict[str, float]:
    told = {}
    for num_groups, num_classes in ((5, 6), (15, 6), (40, 6), (80, 19)):
        shares = try_out(draw(num_groups, num_classes, 0.0, NUM_EQUAL), params)
        print(row_of(f"{num_groups} groups", f"equal, {num_classes} classes", shares), flush=True)
        told[f"superior_{num_groups}"] = shares.superior
    shares = try_out(draw(15, 6, 0.0, NUM_PAIRS), params, "image", NUM_IMAGES)
    print(row_of("15 groups", f"equal, unit: image, {NUM_IMAGES} images a group", shares), flush=True)
    return told | {"superior_by_image": shares.superior}


def _measure_power(draw: Draw, params: PromoteParams) -> dict[str, float]:
    told = {}
    for num_groups, num_classes, gain in POWER:
        shares = try_out(draw(num_groups, num_classes, gain, NUM_PAIRS), params)
        name = f"better by {100 * gain:g} points, {num_classes} classes"
        print(row_of(f"{num_groups} groups", name, shares), flush=True)
        k19 = "_k19" if num_classes == 19 else ""
        told[f"power_{100 * gain:g}_points_{num_groups}{k19}"] = shares.whole
    return told


def _measure_harm(draw: Draw, params: PromoteParams) -> dict[str, float]:
    told: dict[str, float] = {}
    for num_groups in (15, 40):
        passed = []
        for share, is_drawn in ((0.05, False), (0.1, False), (0.1, True)):
            pairs = (
                _concentrate(pair, number, share, is_drawn)
                for number, pair in enumerate(draw(num_groups, 6, GAIN_ELSEWHERE, NUM_PAIRS))
            )
            shares = try_out(pairs, params)
            name = f"-{100 * LOSS:g} points in {100 * share:g}%{' drawn' if is_drawn else ''}, else +5"
            print(row_of(f"{num_groups} groups", name, shares), flush=True)
            passed.append(shares.whole)
        told |= {f"concentrated_{num_groups}": max(passed[:2]), f"concentrated_{num_groups}_drawn": passed[2]}
    shares = try_out((_drop_class(pair) for pair in draw(40, 19, GAIN_ELSEWHERE, NUM_PAIRS)), params)
    print(row_of("40 groups", f"a class of {NUM_WITH_CLASS} groups -30 points, else +5", shares), flush=True)
    return told | {"rare_class_40": shares.whole}


def _concentrate(pair: Pair, seed: int, share: float, is_drawn: bool) -> Pair:
    """The challenger loses in a share of the groups, at least one; or each group is one of them with that chance."""
    num_groups = len(pair.challenger)
    random = np.random.Generator(np.random.Philox(seed).jumped())
    number = max(1, round(share * num_groups))
    drawn = random.random(num_groups) < share if is_drawn else random.permutation(num_groups) < number
    challenger = pair.challenger.copy()
    for group in np.flatnonzero(drawn):
        challenger[group] = _lose(pair.champion[group : group + 1])[0]
    return pair._replace(challenger=challenger)


def _lose(champion: np.ndarray) -> np.ndarray:
    """(1, K, K) counts of a group whose mean IoU is lower by `LOSS`, or almost 0."""
    start = true_mean_iou(champion)
    lost = share_that(lambda part: start - true_mean_iou(worsen(champion, part)), min(LOSS, 0.9 * start))
    return worsen(champion, lost)


def _drop_class(pair: Pair) -> Pair:
    """The last class is left in the labels of few groups, and the challenger's IoU of it falls by 30 points there."""
    challenger, champion = pair.challenger.copy(), pair.champion.copy()
    labelled = np.flatnonzero(champion[:, -1].sum(axis=1))
    for counts in (challenger, champion):
        counts[labelled[NUM_WITH_CLASS:], -1] = 0

    def worse(part: float) -> np.ndarray:
        moved = np.rint(part * challenger[:, -1, -1]).astype(np.int64)
        changed = challenger.copy()
        changed[:, -1, -1] -= moved
        changed[:, -1, 0] += moved
        return changed

    start = iou_per_class(champion.sum(axis=0))[-1]
    part = share_that(lambda part: start - iou_per_class(worse(part).sum(axis=0))[-1], min(LOSS, 0.9 * start))
    return pair._replace(challenger=worse(part), champion=champion)
