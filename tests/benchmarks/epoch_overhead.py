"""The share of an epoch that is spent outside of the network's own steps.

A training of the sizes of params/camvid.yaml on random images, with all that the stage does: batches, checkpoints, live
metrics, panel, and scores on val. The steps are those of training and, on val, the network's predictions. The first
epoch, which makes the graphs, is left out. Last line: one JSON object.

    python -m tests.benchmarks.epoch_overhead
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.backend.devices import set_up_devices
from pipeline.dataset.contract import ClassList
from pipeline.dataset.packed import Packed
from pipeline.monitoring.live_metrics import LiveMetrics
from pipeline.training.batches import EpochBatches
from pipeline.training.checkpoints import read_interval_s
from pipeline.training.fit import Fit
from tests.benchmarks.step_time import BATCH_SIZE, CROP, NUM_CLASSES, RANGES, RARITY, SIZE, build_trainer

NUM_TRAIN, NUM_VAL, NUM_EPOCHS = 92, 25, 4
"""A quarter of CamVid's published splits."""


def main() -> None:
    """Trains, and compares the time of the steps with that of the epochs."""
    set_up_devices(num_threads=2)
    random = np.random.default_rng(0)
    train_set, val_set = (
        Packed(
            random.integers(0, 256, (num, *SIZE, 3), np.uint8),
            random.integers(0, NUM_CLASSES, (num, *SIZE), np.uint8),
        )
        for num in (NUM_TRAIN, NUM_VAL)
    )
    names = tuple(f"class {number}" for number in range(NUM_CLASSES))
    classes = ClassList(names, tuple((number, number, number) for number in range(NUM_CLASSES)), 255)
    trainer = build_trainer()
    trainer.optimizer.build(trainer.trainable_variables)
    steps: list[float] = []
    trainer.learn = timed(trainer.learn, steps)  # type: ignore[method-assign]
    trainer.network.predict_on_batch = timed(trainer.network.predict_on_batch, steps)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        live = LiveMetrics(classes, dict.fromkeys(names, 1), val_set, NUM_EPOCHS)
        batches = partial(EpochBatches, train_set, RANGES, CROP, RARITY, BATCH_SIZE, 0)
        fit = Fit(trainer, batches, val_set, 1, 0, keras.config.dtype_policy().name, {"cpu": "one"}, live)
        fit.run(Path("checkpoints"), read_interval_s())
        steps.clear()
        fit.num_epochs = NUM_EPOCHS
        started = time.perf_counter()
        fit.run(Path("checkpoints"), read_interval_s())
        whole = time.perf_counter() - started
    print(json.dumps({"share": round(1 - sum(steps) / whole, 4)}))


def timed(call: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """The same call, whose times are added to `seconds`."""

    def timed_call(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*args, **options)
        finally:
            seconds.append(time.perf_counter() - started)

    return timed_call


if __name__ == "__main__":
    main()
