"""The gradient of a convolution's kernel: TensorFlow's own operation, and matrix products, in turn, in float32.

The shapes are those of the levels of a U-Net of width 32 on 8 images of 192 x 256. Last line: one JSON object with the
ratio of both times (above 1: products are faster) for each shape, and of the sums of the times as `whole`.

    python -m tests.benchmarks.kernel_gradient
"""

import json
import statistics
import time
from typing import Any

import numpy as np

from pipeline.backend.devices import set_up_devices

SHAPES = (
    (192, 256, 32, 32),
    (192, 256, 64, 32),
    (96, 128, 64, 64),
    (48, 64, 128, 128),
    (24, 32, 256, 256),
    (12, 16, 512, 512),
)
"""Height, width, channels before and after."""
NUM_IMAGES, NUM_ROUNDS = 8, 7


def main() -> None:
    """Times both."""
    set_up_devices(num_threads=2)
    import tensorflow as tf

    from pipeline.backend.tf import kernel_gradient

    def own(x: Any, dy: Any, shape: tuple[int, ...]) -> Any:
        options: Any = {"strides": [1, 1, 1, 1], "padding": "SAME"}
        return tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=shape, out_backprop=dy, **options)

    random = np.random.default_rng(0)
    medians: dict[str, tuple[float, float]] = {}
    for height, width, before, after in SHAPES:
        x, dy = (
            tf.constant(random.normal(size=(NUM_IMAGES, height, width, channels)).astype(np.float32))
            for channels in (before, after)
        )
        ways = [tf.function(way) for way in (own, kernel_gradient)]
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(NUM_ROUNDS):
            for way, times in zip(ways, seconds, strict=True):
                started = time.perf_counter()
                way(x, dy, (3, 3, before, after)).numpy()
                times.append(time.perf_counter() - started)
        own_s, products_s = (statistics.median(times[1:]) for times in seconds)
        medians[f"{height}x{width} {before} to {after}"] = own_s, products_s
        print(f"{height} x {width}, {before} to {after}: {1e3 * own_s:.0f} and {1e3 * products_s:.0f} ms", flush=True)
    whole = [sum(times) for times in zip(*medians.values(), strict=True)]
    ratios = {name: round(own_s / products_s, 2) for name, (own_s, products_s) in medians.items()}
    print(json.dumps({**ratios, "whole": round(whole[0] / whole[1], 2)}))


if __name__ == "__main__":
    main()
