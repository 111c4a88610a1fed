"""The plan: values of params.yaml that fit a data set and a machine, each with its reason."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import StageError
from pipeline.planning.census import Census
from pipeline.planning.machine import StepCost
from pipeline.planning.recipe import MIN_OBJECT_PX, PUBLISHED, Choice, Recipe, choose_recipe
from pipeline.planning.shares import ENOUGH, Shares, choose_shares

IMAGES_PER_TRAINING, EPOCHS_AT_LEAST, EPOCHS_AT_MOST = 3000, 40, 400
"""A training should see so many images, and each image so often, if the time allows; no more than 2.5 times of that."""
MORE = 2.5
USED = 0.85
"""Share of the time budget that start and steps may take; reading, checkpoints and writing take the rest."""
AT_LEAST = 0.3
"""Share of the time budget that the steps get, however long the start takes."""
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400)
STEP_S = 0.03
"""Of a step beside what its pixels take."""
AGREES = 2.0
"""A measured speed that differs by more makes another draft."""
NUM_SPEEDS, NUM_DRAFTS = 3, 12
"""Drafts by speed, so that a measurement ends; and drafts in all, each with half of the memory."""
MEMORY_SHARE = 0.7
"""Of the free memory: what a training may take, as it also holds checkpoints and batches ahead."""
EVEN = 0.2
"""Share of the rarest class over that of the most frequent one, from which classes count as even."""
ABOVE_BASELINE = 0.1
OF_NETWORK = ("train.network", "train.learning_rate")
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """A value of params.yaml by its name, such as "train.batch_size", and the reason for it in one line."""

    name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Plan:
    """Values with reasons, and what cannot be had, for the user."""

    decisions: tuple[Decision, ...]
    cautions: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The values by name."""
        return {decision.name: decision.value for decision in self.decisions}

    @property
    def reasons(self) -> dict[str, str]:
        """The reasons by name."""
        return {decision.name: decision.reason for decision in self.decisions}


@dataclass(frozen=True)
class Planned:
    """Params that fit, written.

    Attributes:
        decisions: values by name, each with its reason; none if no plan was made.
        cautions: what cannot be had with this data set and time, or why there is no plan.
        out: the file that holds the plan: params.yaml, or another one if a person has edited that.
        difference: unified diff from params.yaml to `out`; "" if `out` is params.yaml.
    """

    decisions: tuple[Decision, ...]
    cautions: tuple[str, ...]
    out: Path
    difference: str


def make_plan(
    census: Census,
    minutes: float,
    num_cores: int,
    free_mb: float,
    measure: Callable[[Values], StepCost],
    fixed: Choice | None = None,
) -> Plan:
    """Chooses values for a training of about `minutes`; the same census, speed and memory give the same plan.

    Args:
        free_mb: free memory, in MB of 10^6 bytes.
        measure: takes the values that a training step depends on and says what it costs.
        fixed: the network, if a person has chosen it; the plan then leaves it, and its learning rate, as they are.

    Raises:
        StageError: not even the smallest training step runs.
    """
    shares = choose_shares(census.samples)
    if not all(shares.groups.values()):
        return Plan((), (_too_few_groups(sum(shares.groups.values())),))
    budget_s = 60 * minutes * USED
    recipe, cost = _fit_recipe(census, shares, budget_s, num_cores, free_mb, measure, fixed)
    num_epochs, whole_s = _choose_epochs(shares, recipe, cost, budget_s)
    decisions = [
        *_decide_splits(census, shares),
        *_decide_step(census, recipe, num_cores),
        *_decide_schedule(shares, recipe, num_epochs, whole_s, minutes),
        *_decide_gate(census, shares),
    ]
    if fixed:
        decisions = [one for one in decisions if one.name not in OF_NETWORK]
    return Plan(tuple(decisions), tuple(_cautions(census, shares, recipe, num_epochs, minutes)))


def _fit_recipe(
    census: Census,
    shares: Shares,
    budget_s: float,
    num_cores: int,
    free_mb: float,
    measure: Callable[[Values], StepCost],
    fixed: Choice | None,
) -> tuple[Recipe, StepCost]:
    """Drafts a recipe, measures it, and drafts again if it is slower, faster or larger than the draft assumed."""
    speed, max_batch_px = float(num_cores), math.inf  # in cores of `Recipe.core_s`; assumed until it is measured
    num_seen = wanted_images(shares.images["train"])
    for draft in range(NUM_DRAFTS):
        recipe = choose_recipe(
            *(census.size, census.object_px, shares.images["train"]),
            *(speed * budget_s / num_seen, max_batch_px, budget_s),
            fixed=fixed,
        )
        cost = measure({decision.name: decision.value for decision in _decide_step(census, recipe, num_cores)})
        is_fitting = cost.step_s is not None and cost.peak_mb <= MEMORY_SHARE * free_mb
        if cost.step_s is None or not is_fitting:
            max_batch_px = recipe.batch_size * math.prod(recipe.crop) / 2
            continue
        measured = recipe.core_s * recipe.batch_size / max(cost.step_s - STEP_S, cost.step_s / 10)
        if 1 / AGREES <= measured / speed <= AGREES or draft >= NUM_SPEEDS:
            break
        speed = 2.0 ** round(math.log2(measured))
    if not is_fitting:
        raise StageError(
            f"a training step fails, or takes more than {MEMORY_SHARE:.0%} of {free_mb:,.0f} MB of free memory, even "
            f"with batches of {recipe.batch_size} crops of {list(recipe.crop)}; end other programs and plan again"
        )
    return recipe, cost


def wanted_images(num_train: int) -> int:
    """Images that a training should see, repetitions counted."""
    return max(IMAGES_PER_TRAINING, min(EPOCHS_AT_LEAST * num_train, 5 * IMAGES_PER_TRAINING), num_train)


def _choose_epochs(shares: Shares, recipe: Recipe, cost: StepCost, budget_s: float) -> tuple[int, float]:
    """The number of epochs, and the seconds that they take with the start."""
    image_s = (cost.step_s or math.inf) / recipe.batch_size
    steps = max(1, shares.images["train"] // recipe.batch_size)
    epoch_s = image_s * (steps * recipe.batch_size + recipe.val_share * shares.images["val"])
    steps_s = max(budget_s - cost.start_s, AT_LEAST * budget_s)
    most = MORE * wanted_images(shares.images["train"]) / max(1, shares.images["train"])
    fitting = [number for number in EPOCHS if number * epoch_s <= steps_s and number <= most]
    number = max(fitting, default=1)
    return number, cost.start_s + number * epoch_s


def _decide_splits(census: Census, shares: Shares) -> Iterator[Decision]:
    unit = "groups" if census.has_groups else "images"
    numbers = ", ".join(f"{number} {split}" for split, number in shares.groups.items())
    split = {"val": shares.val, "test": shares.test}
    yield Decision("validate.split", split, f"shares of the groups: {numbers} of {sum(shares.groups.values())} {unit}")


def _decide_step(census: Census, recipe: Recipe, num_cores: int) -> Iterator[Decision]:
    """All that the time of a step follows from."""
    height, width = census.size
    scale = recipe.size[0] / height
    objects = f"its smallest objects have {census.object_px * scale:.0f} px" if recipe.size != census.size else ""
    why = f"px; images have [{height}, {width}] in the median; {objects}".removesuffix("; ")
    yield Decision("preprocess.image_size", list(recipe.size), why)
    yield Decision("train.augment.crop", list(recipe.crop), "px, cut from the scaled image; three quarters of it")
    yield Decision("train.batch_size", recipe.batch_size, "fits into memory, and into a quarter of the training images")
    yield Decision("train.network", dict(recipe.choice.network), recipe.choice.reason)
    share = 0.0 if _is_even(census) else 0.5
    yield Decision("train.augment.rare_class_share", share, "of the crops; 0.5 where classes are unlike in size")
    yield Decision("train.num_threads", num_cores, "cores of the machine; another number changes the bits")


def _decide_schedule(
    shares: Shares, recipe: Recipe, num_epochs: int, whole_s: float, minutes: float
) -> Iterator[Decision]:
    steps = max(1, shares.images["train"] // recipe.batch_size)
    takes = f"{steps * num_epochs} steps; with the start about {whole_s / 60:.1f} of {minutes:g} minutes here"
    yield Decision("train.num_epochs", num_epochs, takes)
    of_8 = 0.001 if recipe.choice is PUBLISHED else 0.002
    rate = float(f"{of_8 * math.sqrt(recipe.batch_size / 8):.1g}")
    yield Decision("train.learning_rate", rate, f"peak, after the warm-up; {of_8} for a batch of 8, by its square root")
    warmup = min(max(1, math.ceil(20 / steps)), max(1, num_epochs // 5))
    yield Decision("train.warmup_epochs", warmup, "about 20 steps, a fifth of the training at most")
    yield Decision("train.small_epochs", 0, "none: the time is that of whole images")


def _is_even(census: Census) -> bool:
    return min(census.shares) >= EVEN * max(census.shares)


def _decide_gate(census: Census, shares: Shares) -> Iterator[Decision]:
    counted = census.shares
    shown = f"the rarest class has {min(counted):.2%} of the pixels, the most frequent {max(counted):.0%}"
    yield Decision("train.class_weights", "none" if _is_even(census) else "inverse_sqrt", shown)
    floor = round(min(0.99, census.baseline + ABOVE_BASELINE), 2)
    yield Decision(
        *("gate.floors", {"mean_iou": floor}, f"majority-class baseline {census.baseline:.3f} + {ABOVE_BASELINE}")
    )
    has_interval = shares.groups["test"] >= ENOUGH["test"]
    low = {"mean_iou": round(min(0.99, census.baseline), 2)} if has_interval else {}
    why = "the baseline is below the interval" if has_interval else f"off: {shares.groups['test']} test groups, not 5"
    yield Decision("gate.floors_low", low, why)


def _cautions(census: Census, shares: Shares, recipe: Recipe, num_epochs: int, minutes: float) -> Iterator[str]:
    if shares.groups["test"] < ENOUGH["test"]:
        yield (
            f"the test split has {shares.groups['test']} groups, {ENOUGH['test']} are needed for an interval; "
            "`segline crossval --folds 5` scores the recipe on all of train and val"
        )
    if not recipe.keeps_objects:
        yield (
            f"the smallest or thinnest objects have less than {MIN_OBJECT_PX} px at the working size "
            f"{list(recipe.size)}; give more time (--minutes), or cut the images into tiles"
        )
    wanted = round(recipe.choice.seen_share * wanted_images(shares.images["train"]))
    if num_epochs * shares.images["train"] < wanted / 2:
        yield (
            f"in {minutes:g} minutes the training sees {num_epochs * shares.images['train']} images, fewer than half "
            f"of the {wanted} that it should; give more time with --minutes"
        )


def _too_few_groups(number: int) -> str:
    return (
        f"{number} group{'' if number == 1 else 's'} cannot fill train, val and test, which need one each; import "
        "again with finer groups (--group or --samples), or with more images"
    )
