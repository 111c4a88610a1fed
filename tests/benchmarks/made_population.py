"""Made-up models on made-up groups of very uneven size, in which heavy-tailed effects decide who is better where."""

import numpy as np

from pipeline.vision.confusion import mean_iou

NUM_CLASSES, NUM_GROUPS, NUM_MODELS = 6, 2000, 8
PIXELS = 20_000
"""Of a median group."""


def make_population(seed: int = 0) -> np.ndarray:
    """Equal models: (M, P, K, K) int64 counts, rows are targets.

    Sizes are lognormal with sigma 1, the classes' shares are Dirichlet's. The logit of a model's error on a class of a
    group is the sum of the group's difficulty (normal, all models alike) and an effect of its own, Student's t with 3
    degrees of freedom. Wrong pixels go to the other classes alike.
    """
    random = np.random.Generator(np.random.Philox(seed))
    pixels = PIXELS * random.lognormal(0, 1, NUM_GROUPS)
    shares = random.dirichlet(np.full(NUM_CLASSES, 0.5), NUM_GROUPS)
    labelled = np.rint(pixels[:, None] * shares).astype(np.int64)  # (P, K)
    difficulty = random.normal(-1.8, 0.6, (NUM_GROUPS, NUM_CLASSES))
    effects = 0.25 * random.standard_t(3, (NUM_MODELS, NUM_GROUPS, NUM_CLASSES))
    wrong = labelled / (1 + np.exp(-difficulty - effects))
    errors = (wrong[..., None] * (1 - np.eye(NUM_CLASSES)) / (NUM_CLASSES - 1)).astype(np.int64)
    right = labelled - errors.sum(axis=-1)
    return np.asarray(errors + right[..., None] * np.eye(NUM_CLASSES, dtype=np.int64))


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
