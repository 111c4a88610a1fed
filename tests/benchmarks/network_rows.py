"""The rows of docs/networks.md: each network is trained for the same time on the packed arrays of a project.

Speeds are of the training step, with augmentation, and of prediction, both in images of the params' sizes. The score is
mean IoU on val after `--seconds` of steps. Last line: one JSON object.

    python -m tests.benchmarks.network_rows PROJECT [--seconds 90] [--only NAME ...]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.backend.devices import set_up_devices
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.packed import read_packed
from pipeline.networks.table import NETWORKS
from pipeline.params import TrainParams, read_params
from pipeline.steps.train import build_trainer, train
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.class_weights import class_weights

PUBLISHED = {"encoder": "efficientnet_lite0", "encoder_weights": "imagenet", "encoder_weights_md5": ""}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "unet": {"num_levels": 4, "width": 16, "dropout": 0.0},
    "residual_unet": {"num_levels": 4, "width": 16, "dropout": 0.0},
    "fcn8s": {"width": 16, "head_channels": 256, "dropout": 0.1},
    "segnet": {"width": 16},
    "pspnet": {
        **{"num_blocks": (2, 2, 2, 2), "width": 16, "bottleneck": False, "grids": (1, 2, 3, 6)},
        **{"dropout": 0.1},
    },
    "deeplabv3plus": {
        **{"num_blocks": (2, 2, 2, 2), "width": 16, "bottleneck": False, "rates": (2, 4, 6)},
        **{"context_channels": 64, "dropout": 0.1},
    },
    "fc_densenet": {"num_layers": (4, 4, 4, 4, 4), "growth": 12, "dropout": 0.0},
    "swiftnet": {
        **{"num_blocks": (2, 2, 2, 2), "width": 16, "bottleneck": False, "grids": (8, 4, 2)},
        **{"context_channels": 48, "dropout": 0.1},
    },
    "encoder_unet": {**PUBLISHED, "width": 16, "dropout": 0.1},
    "encoder_swiftnet": {**PUBLISHED, "grids": (8, 4, 2), "context_channels": 64, "dropout": 0.1},
}
"""Of each network one that two cores can train; none was chosen by its score."""
NUM_WARM, NUM_TIMED = 2, 8


def main() -> None:
    """Prints a row for each network, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--only", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    arguments = parser.parse_args()
    os.chdir(arguments.project)
    params = read_params().train
    set_up_devices(params.num_threads)
    rows = {name: measure(name, params, arguments.seconds) for name in arguments.only}
    for name, row in rows.items():
        cells = (
            *(f"`{name}`", f"{row['millions']:.2f}", f"{row['train_images_per_s']:.1f}"),
            *(f"{row['images_per_s']:.1f}", str(row["num_epochs"]), f"{row['val_mean_iou']:.3f}"),
        )
        print(f"| {' | '.join(cells)} |")
    print(json.dumps(rows))


def measure(name: str, params: TrainParams, seconds: float) -> dict[str, Any]:
    """Trains one network for `seconds` of steps and gives its row."""
    fingerprint, train_set, val_set = Fingerprint.read(), read_packed("train"), read_packed("val")
    network = NETWORKS[name](name=name, **SHAPES[name])
    params = params.model_copy(update={"network": network, "precision": "float32"})
    trainer = build_trainer(fingerprint, params, 0, params.precision)
    batches = EpochBatches(
        *(train_set, Ranges(**params.augment.model_dump(exclude={"crop"})), params.augment.crop),
        class_weights(fingerprint.class_pixels, "inverse_sqrt"),
        *(params.batch_size, params.seed, 0),
    )
    step_s = median_s(lambda number: trainer.learn(batches[number % len(batches)]))
    images = np.asarray(val_set.images[: params.batch_size], np.float32)
    predict_s = median_s(lambda _: trainer.scored.predict_on_batch(images))
    num_epochs = max(2, round(seconds / (step_s * len(batches))))
    with tempfile.TemporaryDirectory() as folder:
        changed = params.model_copy(update={"num_epochs": num_epochs})
        summary = train(train_set, val_set, fingerprint, changed, Path(folder))
    return {
        "millions": trainer.network.count_params() / 1e6,
        "train_images_per_s": params.batch_size / step_s,
        "images_per_s": len(images) / predict_s,
        "num_epochs": num_epochs,
        "val_mean_iou": summary["val_mean_iou"],
    }


def median_s(call: Callable[[int], Any]) -> float:
    """Seconds of a call, the median of some after a few to warm up."""
    times = []
    for number in range(NUM_WARM + NUM_TIMED):
        started = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - started)
    return statistics.median(times[NUM_WARM:])


if __name__ == "__main__":
    main()
