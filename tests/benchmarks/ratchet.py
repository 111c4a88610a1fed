"""The ratchet: 50 challengers in a row, each truly 0.3 points worse than the champion, under `non_inferior`.

Two kinds. Tuned: each is made from the champion, so the comparison is exact, and without an anchor every one passes.
Retrained: each comes from another training, so the comparison is blurred, and luck lets a loss pass now and then.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.ledger.ledger import Aliases, Line
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.references import find_best
from pipeline.promotion.rules import judge
from tests.benchmarks.real_counts import RealCounts, read_counts, share_that, table_of, true_mean_iou, worsen

NUM_CHALLENGERS, LOSS, MARGIN = 50, 0.003, 0.005
NUM_SPLITS = 10
NOBODY = Aliases(None, None)


class Model(NamedTuple):
    """What is promoted: a training of the file, made worse until `level` losses lie between it and the start."""

    training: int
    level: int


class Ratchet:
    """One test split, on which all models are compared."""

    def __init__(self, counts: RealCounts, params: PromoteParams, seed: int) -> None:
        self.population, self.params, self.names = counts.units(params.unit), params, counts.class_names
        self.random = np.random.Generator(np.random.Philox(seed))
        num_units = self.population.shape[1]
        self.drawn = self.random.integers(num_units, size=num_units)
        self.start = min(true_mean_iou(training) for training in self.population)
        self.split = cache(self._split)
        self.compare = cache(self._compare)

    def run(self, is_retrained: bool, has_anchor: bool) -> float:
        """The points of mean IoU that the last champion has truly lost."""
        champion = Model(0, 0)
        models, lines = {1: champion}, [_line(1, None, {})]
        for number in range(2, NUM_CHALLENGERS + 2):
            shift = int(self.random.integers(1, len(self.population))) if is_retrained else 0
            challenger = Model((champion.training + shift) % len(self.population), champion.level + 1)
            best = find_best(lines, NOBODY, models)
            anchor = models[best or 1]
            against = self.compare(challenger, champion)
            limits = replace(self.params.limits(None), margin=MARGIN)
            against_anchor = self.compare(challenger, anchor) if has_anchor else None
            ruling = judge("non_inferior", limits, against, against_anchor)
            if ruling.promoted:
                rivals = {str(best): self.compare(challenger, anchor), str(lines[-1].version): against}
                lines.append(_line(number, lines[-1].version, rivals))
                models[number] = champion = challenger
        return 100 * LOSS * champion.level

    def _split(self, model: Model) -> np.ndarray:
        """(U, K, K) counts of a model on the split; over the whole population it has lost what its level says."""
        training = self.population[model.training]
        wanted = self.start - LOSS * model.level
        share = share_that(lambda share: -true_mean_iou(worsen(training, share)), -wanted)
        return np.asarray(worsen(training, share)[self.drawn])

    def _compare(self, challenger: Model, other: Model) -> Comparison:
        tables = [table_of(self.split(model), self.names) for model in (challenger, other)]
        return compare(
            tables[0],
            tables[1],
            unit="group",
            num_resamples=self.params.num_resamples,
            seed=self.params.seed,
            confidence=self.params.confidence,
            min_units=self.params.min_units,
        )


def _line(number: int, expected: int | None, rivals: Mapping[str, Comparison]) -> Line:
    """The ledger's line of a promotion, with what the anchor is chosen by."""
    comparisons = {
        version: {"low": against.difference.low, "p_value": against.p_value, "confidence": against.confidence}
        for version, against in rivals.items()
    }
    evidence = {"comparisons": comparisons}
    return Line("promote", number, expected, number - 1, NOBODY, (), evidence, "", "", str(number), number)


def main() -> None:
    """Prints the points lost with and without an anchor, on several test splits."""
    counts, params = read_counts(), read_params().promote
    ratchets = [Ratchet(counts, params, seed) for seed in range(NUM_SPLITS)]
    num_units = counts.units(params.unit).shape[1]
    print(
        f"{NUM_CHALLENGERS} challengers, each truly {100 * LOSS:g} points worse; margin {100 * MARGIN:g} points; "
        f"{NUM_SPLITS} test splits of {num_units} {params.unit}s"
    )
    print("challengers  anchor  points lost: mean   most")
    worst = 0.0
    for kind in ("tuned", "retrained"):
        for anchor in ("best", "none"):
            lost = [ratchet.run(kind == "retrained", anchor == "best") for ratchet in ratchets]
            print(f"{kind:11}  {anchor:6}         {np.mean(lost):10.2f} {max(lost):6.2f}", flush=True)
            worst = max(worst, float(np.mean(lost))) if anchor == "best" else worst
    print(json.dumps({"points_lost": round(worst, 2)}))


if __name__ == "__main__":
    main()
