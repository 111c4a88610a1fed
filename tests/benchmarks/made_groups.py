"""Made-up counts of groups of uneven size with heavy-tailed effects, as a second population beside the real counts.

A group's size is lognormal. Its classes' shares are gamma around shares that fall like 1 / rank, and a rare class is in
a third of the groups only. The error of a class in a group is logistic in three sums of Student's t with 3 degrees of
freedom: how hard the group is, how hard the class is there, both the same for all models, and what is the model's own.
Two models then differ by 0.06 in a group's mean IoU (standard deviation), as two trainings of the real counts do.
"""

import numpy as np

from pipeline.vision.confusion import mean_iou

DEGREES = 3
HARD_GROUP, HARD_CLASS, OWN = 0.5, 0.4, 0.2
"""Standard deviations of the effects, in logits."""
ERROR = 0.25
"""Share of a class's pixels that are wrong in a middling group: mean IoU is 0.6 then."""
MIDDLING_PX = 200_000


def make_groups(num_groups: int, num_classes: int, sigma: float, num_models: int, seed: int) -> np.ndarray:
    """(M, N, K, K) int64 counts of M equally good models on N groups, with the same labels for each.

    Args:
        num_groups: N.
        num_classes: K.
        sigma: of the sizes' logarithm; 0: all groups are of one size, 1: uneven, 1.5: very uneven.
        num_models: M.
        seed: of everything.
    """
    random = np.random.Generator(np.random.Philox(seed))
    pixels = _draw_pixels(random, num_groups, num_classes, sigma)
    shares = pixels / pixels.sum(axis=1, keepdims=True)
    others = (shares[:, None, :] + shares.mean(axis=0)) * (1 - np.eye(num_classes))  # (N, K, K)
    others /= others.sum(axis=2, keepdims=True)
    hard = HARD_GROUP * _heavy(random, num_groups, 1) + HARD_CLASS * _heavy(random, num_groups, num_classes)
    logits = np.log(ERROR / (1 - ERROR)) + np.linspace(-0.8, 0.8, num_classes) + hard
    models = []
    for _ in range(num_models):
        own = OWN * (_heavy(random, num_groups, 1) + _heavy(random, num_groups, num_classes))
        wrong = pixels / (1 + np.exp(-logits - own))
        counts = (wrong[:, :, None] * others).astype(np.int64)  # rounded down: no more than there are
        right = pixels - counts.sum(axis=2)
        models.append(counts + right[:, :, None] * np.eye(num_classes, dtype=np.int64))
    return np.stack(models)


def make_population() -> np.ndarray:
    """Eight models on 2,000 uneven groups (sigma 1) of 6 classes, from which test splits are drawn."""
    return make_groups(2000, 6, 1.0, 8, 0)


def draw_equals(population: np.ndarray, num_units: int, num_models: int, random: np.random.Generator) -> np.ndarray:
    """(N, U, K, K): one test split of units drawn from (M, P, K, K), and N models that are alike in each of them.

    In each unit each model has the counts of a training that is drawn for it, so any two differ by luck alone.
    """
    units = random.integers(population.shape[1], size=num_units)
    trainings = random.integers(len(population), size=(num_models, num_units))
    return population[trainings, units]


def mean_ious(models: np.ndarray) -> np.ndarray:
    """(N,) pooled mean IoU of each of (N, U, K, K)."""
    return np.array([mean_iou(model.sum(axis=0)) for model in models])


def _draw_pixels(random: np.random.Generator, num_groups: int, num_classes: int, sigma: float) -> np.ndarray:
    """(N, K) int64 labelled pixels."""
    usual = 1 / np.arange(1, num_classes + 1) ** 1.2
    found = random.random((num_groups, num_classes)) < np.linspace(1.6, 0.3, num_classes)
    shares = random.gamma(3.0, usual, (num_groups, num_classes)) * found
    shares[:, 0] += 1e-9  # a group has one class at least
    sizes = MIDDLING_PX * np.exp(random.normal(0, sigma, (num_groups, 1)))
    return np.asarray(np.rint(sizes * shares / shares.sum(axis=1, keepdims=True)).astype(np.int64))


def _heavy(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Student's t, scaled to a standard deviation of 1."""
    return np.asarray(random.standard_t(DEGREES, shape) / np.sqrt(DEGREES / (DEGREES - 2)))
