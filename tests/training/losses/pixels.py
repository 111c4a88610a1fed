"""Drawn targets and logits of a few pixels."""

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

NUM_CLASSES, IGNORE = 3, 255
SHAPE = (2, 3, 2)
targets_of = arrays(np.int32, SHAPE, elements=st.sampled_from([0, 1, 2, IGNORE]))
logits_of = arrays(np.float32, (*SHAPE, NUM_CLASSES), elements=st.floats(-8, 8, width=32))
WEIGHTS = np.array([0.5, 1.0, 2.0], np.float32)


def softmax(logits: np.ndarray) -> list[float]:
    """Probabilities of one pixel in double precision."""
    exps = [math.exp(float(value)) for value in logits]
    return [value / sum(exps) for value in exps]
