"""Time and memory of the error bars: 2,000 resamples of 500 images of 20 classes."""

import json
import resource
import time
from typing import Any

import numpy as np

from pipeline.evaluation.bootstrap import class_intervals, mean_iou_interval
from tests.benchmarks.real_counts import table_of

NUM_IMAGES, NUM_CLASSES, NUM_ROUNDS = 500, 20, 5
SETTINGS: dict[str, Any] = {"unit": "image", "num_resamples": 2000, "confidence": 0.95, "min_units": 5}


def main() -> None:
    """Times the intervals of the mean IoU and of all classes, and says how much the whole program took."""
    random = np.random.Generator(np.random.Philox(0))
    counts = random.integers(0, 20_000, (NUM_IMAGES, NUM_CLASSES, NUM_CLASSES))
    table = table_of(counts, tuple(f"class {id_}" for id_ in range(NUM_CLASSES)))
    seconds = []
    for seed in range(NUM_ROUNDS):
        started = time.perf_counter()
        mean_iou_interval(table, seed=seed, **SETTINGS)
        class_intervals(table, seed=seed, **SETTINGS)
        seconds.append(time.perf_counter() - started)
        print(f"mean IoU and {NUM_CLASSES} classes: {seconds[-1]:.3f} s")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(max(seconds), 3), "peak_mb": round(peak_mb)}))


if __name__ == "__main__":
    main()
