"""Each network, small, each loss and each option is trained by the stage, better than the majority class, and exported.

The export has to pass parity. Last line: one JSON object. `NAME` is of a network, "loss" and that of a loss, or of an
option such as train.ema_decay; by default all are tried.

    python -m tests.benchmarks.networks [NAME...]
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow
from pipeline.dataset.packed import read_packed
from pipeline.errors import ExportError
from pipeline.networks.table import NETWORKS
from pipeline.params import parse_params
from pipeline.steps.export import export, golden_rows, read_trained
from pipeline.steps.preprocess import preprocess
from pipeline.steps.train import train
from pipeline.training.losses.table import LOSSES
from pipeline.trials.params_change import with_values
from pipeline.vision.codec import read_mask
from pipeline.vision.confusion import confusion, mean_iou
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.networks.small import SMALL

SIZE = (56, 72)
NUM_TRAIN = 48
RECIPE = {"num_epochs": 12, "batch_size": 8, "precision": "float32", "class_weights": "none", "learning_rate": 0.01}
ADDED = {"boundary": {"cross_entropy": 1.0}}
"""What is added to a loss that is none alone: the boundary's says nothing of pixels far from it."""
SUM = "sum of the losses"
TRIALS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"network": {"name": name, **SMALL[name]}} for name in NETWORKS},
    **{
        f"loss {name}": {"network": {"name": "unet", **SMALL["unet"]}, "loss": {name: 1.0} | ADDED.get(name, {})}
        for name in LOSSES
    },
    SUM: {"network": {"name": "unet", **SMALL["unet"]}, "loss": dict.fromkeys(LOSSES, 1.0)},
}
"""Changes to the section `train`."""
OPTIONS: Mapping[str, Any] = {
    "train.num_networks": 2,
    "train.label_smoothing": 0.1,
    "train.class_weights": "median_frequency",
    "train.ema_decay": 0.9,
    "train.auxiliary_weight": 0.4,
    "train.small_epochs": 4,
    "train.early_stopping_epochs": 3,
    "train.augment.flip_vertical": True,
    "train.augment.rotate_deg": 10.0,
    "train.augment.gamma": 0.3,
    "train.augment.white_balance": 0.1,
    "train.augment.rare_class_share": 0.5,
    "train.augment.class_mix": 0.5,
    "export.flip": True,
    "export.dense_crf.num_iterations": 2,
}
"""Values of params, tried one by one with a U-Net."""
LONGER = {"train.class_weights": "inverse_sqrt", "train.learning_rate": 0.02, "train.num_epochs": 24}
"""Besides, so that rare classes are learnt too, and an option that spoils that is seen."""


def main() -> None:
    """Tries the networks, losses and options that the command names."""
    names = sys.argv[1:] or [*TRIALS, *OPTIONS]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        rows = write_packed(Path(folder))
        found = {name: attempt(name, rows, Path(folder)) for name in names}
    for name, (gain, is_exported) in found.items():
        print(f"{name}: val mean IoU above the baseline by {gain:.3f}{'' if is_exported else ', parity FAILS'}")
    trained = sum(gain > 0 for gain, _ in found.values())
    exported = sum(is_exported for _, is_exported in found.values())
    print(json.dumps({"trained": trained, "exported": exported, "of": len(names)}))
    sys.exit(trained + exported < 2 * len(names))


def write_packed(folder: Path) -> list[ManifestRow]:
    """Draws a data set into `folder`, which is the current directory, and packs it."""
    rows = write_data(folder, num_train=NUM_TRAIN, num_val=8)
    packing = small_params().preprocess.model_copy(update={"image_size": SIZE})
    preprocess(rows, CLASSES, packing, folder / "work/preprocess")
    return rows


def attempt(name: str, rows: list[ManifestRow], folder: Path) -> tuple[float, bool]:
    """Trains and exports; gives the gain in val mean IoU over the majority class, and whether parity held."""
    content = small_content(**RECIPE, **TRIALS.get(name, {}))
    option = {**LONGER, name: OPTIONS[name]} if name in OPTIONS else {}
    params = parse_params(with_values(content, {"train.augment.crop": [48, 64], **option}))
    out = folder / "out" / name
    summary = train(read_packed("train"), read_packed("val"), Fingerprint.read(), params.train, out)
    golden = list(golden_rows(rows, 4))
    try:
        network, weights_md5 = read_trained(out, "float32")
        export(network, CLASSES, SIZE, golden, params.export, out / "model", weights_md5)
    except ExportError as err:
        print(f"{name}: {err}", file=sys.stderr)
        return summary["val_mean_iou"] - baseline(rows), False
    return summary["val_mean_iou"] - baseline(rows), True


def baseline(rows: list[ManifestRow]) -> float:
    """Mean IoU on val of the most frequent class everywhere."""
    masks = np.stack([read_mask(row.mask) for row in rows if row.split == "val"])
    most = np.bincount(masks[masks < len(CLASSES)]).argmax()
    return mean_iou(confusion(masks, np.full_like(masks, most), len(CLASSES), CLASSES.ignore_id))


if __name__ == "__main__":
    main()
