"""The ratchet: 50 challengers in a row, each truly 0.3 points worse than the champion, under `non_inferior`.

Two kinds. Tuned: each is made from the champion, so the comparison is exact, and without an anchor every one passes.
Retrained: each comes from another training, so the comparison is blurred, and luck lets a loss pass now and then.

With people: some refusals are overridden, and some champions are rolled back, once or twice in a row. All of it goes
through the ledger's own replay, and the anchor is the one that `promote` would find. What an override loses is its own;
the rule must lose no more for it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from pipeline.ledger.ledger import Aliases, Kind, Line, replay
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.references import find_best
from pipeline.promotion.rules import judge
from tests.benchmarks.real_counts import RealCounts, read_counts, share_that, table_of, true_mean_iou, worsen

NUM_CHALLENGERS, LOSS, MARGIN = 50, 0.003, 0.005
NUM_SPLITS = 10
OVERRIDES, ROLLBACKS = 0.1, (0.15, 0.05)
"""Share of the refusals that are overridden; shares of the challengers after which there are one and two rollbacks."""
NOBODY = Aliases(None, None)


class Model(NamedTuple):
    """What is promoted: a training of the file, made worse until `level` losses lie between it and the start."""

    training: int
    level: int


class Lost(NamedTuple):
    """Points of mean IoU that are truly lost.

    Attributes:
        by_rule: by the last model that the rule promoted.
        in_all: by the last champion, which an override may have made.
    """

    by_rule: float
    in_all: float


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

    def run(self, is_retrained: bool, has_anchor: bool, has_people: bool) -> Lost:
        """The points that are truly lost after all challengers; with people they roll back and override meanwhile."""
        models, lines = {1: Model(0, 0)}, [_line("promote", 1, [], {})]
        for number in range(2, NUM_CHALLENGERS + 2):
            champion = models[replay(lines, NOBODY).champion or 1]
            shift = int(self.random.integers(1, len(self.population))) if is_retrained else 0
            challenger = Model((champion.training + shift) % len(self.population), champion.level + 1)
            best = find_best(lines, NOBODY, models)
            against = {str(one): self.compare(challenger, models[one]) for one in (best, _champion_of(lines)) if one}
            anchor = against[str(best)] if has_anchor and best else None
            limits = replace(self.params.limits(None), margin=MARGIN)
            promoted = judge("non_inferior", limits, against[str(_champion_of(lines))], anchor).promoted
            chance = self.random.random() if has_people else 1.0
            if promoted or chance < OVERRIDES:
                models[number] = challenger
                lines.append(_line("promote" if promoted else "override", number, lines, against))
            num_rollbacks = sum(chance > 1 - share for share in ROLLBACKS) if has_people else 0
            for _ in range(num_rollbacks):
                if previous := replay(lines, NOBODY).previous:
                    lines.append(_line("rollback", previous, lines, {}))
        by_rule = [line.version for line in lines if line.kind == "promote"]
        return Lost(*(100 * LOSS * models[one].level for one in (by_rule[-1], _champion_of(lines))))

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


def _champion_of(lines: Sequence[Line]) -> int:
    return replay(lines, NOBODY).champion or 0


def _line(kind: Kind, version: int, lines: Sequence[Line], rivals: Mapping[str, Comparison]) -> Line:
    """The ledger's next line, with what the anchor is chosen by."""
    comparisons = {
        number: {"low": against.difference.low, "p_value": against.p_value, "confidence": against.confidence}
        for number, against in rivals.items()
    }
    expected, number = replay(lines, NOBODY).champion, len(lines) + 1
    evidence = {"comparisons": comparisons}
    return Line(kind, version, expected, number - 1, NOBODY, (), evidence, "", "", str(number), number)


def main() -> None:
    """Prints the points lost with and without an anchor and people, on several test splits."""
    counts, params = read_counts(), read_params().promote
    ratchets = [Ratchet(counts, params, seed) for seed in range(NUM_SPLITS)]
    num_units = counts.units(params.unit).shape[1]
    print(
        f"{NUM_CHALLENGERS} challengers, each truly {100 * LOSS:g} points worse than the champion; margin "
        f"{100 * MARGIN:g} points; {NUM_SPLITS} test splits of {num_units} {params.unit}s\n"
        f"people override {100 * OVERRIDES:g}% of the refusals, and roll back after {100 * ROLLBACKS[0]:g}% of the "
        f"challengers, {100 * ROLLBACKS[1]:g}% twice in a row"
    )
    print("challengers  anchor  people  points lost by the rule: mean   most   by the last champion: mean   most")
    worst = 0.0
    for kind, people, anchor in product(("tuned", "retrained"), ("no", "yes"), ("best", "none")):
        lost = [ratchet.run(kind == "retrained", anchor == "best", people == "yes") for ratchet in ratchets]
        by_rule, in_all = zip(*lost, strict=True)
        row = f"{kind:11}  {anchor:6}  {people:6}  {np.mean(by_rule):29.2f} {max(by_rule):6.2f}"
        print(f"{row} {np.mean(in_all):28.2f} {max(in_all):6.2f}", flush=True)
        worst = max(worst, float(np.mean(by_rule))) if anchor == "best" else worst
    print(json.dumps({"points_lost": round(worst, 2)}))


if __name__ == "__main__":
    main()
