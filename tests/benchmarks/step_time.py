"""Seconds of a training step: our loop over batches, and Keras's `fit` on the same batches, in turn."""

import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from pipeline.backend.devices import set_up_devices
from pipeline.dataset.packed import Packed
from pipeline.networks.unet import build_unet
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.machine import has_bfloat16, sums_faster_by_products
from pipeline.training.trainer import Trainer, build_optimizer

SIZE, CROP, NUM_CLASSES, BATCH_SIZE = (240, 320), (192, 256), 11, 4
NUM_STEPS, NUM_ROUNDS = 20, 5
LOSS = {"cross_entropy": 0.5, "soft_dice": 0.5}
RANGES = Ranges(True, False, (0.7, 1.6), 0.0, 0.2, 0.2, 0.3, 0.0, 0.0, 0.0, 0.0)
RARITY = np.ones(NUM_CLASSES)


def build_trainer() -> Trainer:
    """The network and the loss of params/camvid.yaml, in bfloat16 if the processor has it."""
    import keras

    from pipeline.networks.blocks.layers import sum_by_products

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if has_bfloat16() else "float32")
    network = build_unet(
        num_classes=NUM_CLASSES,
        num_levels=4,
        width=32,
        dropout=0.0,
        channel_mean=(99, 99, 99),
        channel_std=(70, 70, 70),
    )
    if sums_faster_by_products():
        sum_by_products(network)
    trainer = Trainer(network, np.ones(NUM_CLASSES, np.float32), LOSS, CROP, 255, 0.0, 0.0)
    optimizer = build_optimizer(
        learning_rate=1e-3, weight_decay=0.01, clip_norm=1.0, num_steps=1000, num_warmup_steps=10
    )
    trainer.compile(optimizer=optimizer, jit_compile=False)
    return trainer


def main() -> None:
    """Times both, the first round left out."""
    set_up_devices(num_threads=2)
    random = np.random.default_rng(0)
    num_images = NUM_STEPS * BATCH_SIZE
    packed = Packed(
        random.integers(0, 256, (num_images, *SIZE, 3), np.uint8),
        random.integers(0, NUM_CLASSES, (num_images, *SIZE), np.uint8),
    )
    trainer = build_trainer()

    def loop(batches: EpochBatches) -> None:
        for batch in batches:
            trainer.learn(batch)

    def fit(batches: EpochBatches) -> None:
        trainer.fit(((batch,) for batch in batches), steps_per_epoch=NUM_STEPS, verbose=0)

    seconds: dict[str, list[float]] = {"loop": [], "fit": []}
    ways: dict[str, Callable[[EpochBatches], None]] = {"loop": loop, "fit": fit}
    for epoch in range(NUM_ROUNDS + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way(EpochBatches(packed, RANGES, CROP, RARITY, BATCH_SIZE, 0, epoch))
            seconds[name].append((time.perf_counter() - started) / NUM_STEPS)
            print(f"{name} {seconds[name][-1]:.3f} s a step", flush=True)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    print(json.dumps({**medians, "ratio": medians["fit"] / medians["loop"]}))


if __name__ == "__main__":
    main()
