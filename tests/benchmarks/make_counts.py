"""Trains one network with several seeds on the packed data of the current folder and keeps each image's counts.

`python -m tests.benchmarks.make_counts --num-seeds 8 --num-epochs 20`, in the folder of a project where `dvc repro
preprocess` has run. The images of test and val are counted: the last epoch's weights are used, so val chose nothing.
The file is written after each seed, so that a run that is cut short leaves what it has.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pipeline.backend.devices import set_up_devices
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.packed import Packed, read_packed
from pipeline.disk.files import written_whole
from pipeline.errors import EvidenceError
from pipeline.monitoring.live_metrics import LiveMetrics
from pipeline.params import TrainParams, read_params
from pipeline.steps.train import build_trainer
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.class_weights import class_weights
from pipeline.training.fit import Fit
from pipeline.training.precision import FLOAT32
from pipeline.vision.confusion import confusion, mean_iou
from tests.benchmarks.real_counts import COUNTS

COUNTED = ("test", "val")


def groups_of(splits: Sequence[str]) -> list[str]:
    """Groups of the splits' images, in the order in which `preprocess` packs them."""
    rows = read_manifest()
    return [row.group for split in splits for row in rows if row.split == split]


def train_and_count(
    train_set: Packed,
    val_set: Packed,
    counted: Sequence[Packed],
    fingerprint: Fingerprint,
    params: TrainParams,
    num_gpus: int,
) -> np.ndarray:
    """Trains to the last epoch, in float32.

    Returns:
        (N, K, K) int64 counts of the images of `counted`, at the working size.
    """
    keras.backend.clear_session()
    ranges, crop = Ranges(**params.augment.model_dump(exclude={"crop"})), params.augment.crop
    rarity = class_weights(fingerprint.class_pixels, "inverse_sqrt")
    batches = partial(EpochBatches, train_set, ranges, crop, rarity, params.batch_size, params.seed)
    trainer = build_trainer(fingerprint, params, num_gpus, FLOAT32)
    live = LiveMetrics(fingerprint.classes, fingerprint.class_pixels, val_set, params.num_epochs)
    fit = Fit(trainer, batches, val_set, params.num_epochs, 0, FLOAT32, {}, live)
    for epoch in range(params.num_epochs):
        fit.run_epoch(epoch)
    num_classes, ignore_id = len(fingerprint.classes), fingerprint.classes.ignore_id
    matrices = []
    for packed in counted:
        for start in range(0, len(packed), params.batch_size):
            images = np.asarray(packed.images[start : start + params.batch_size], np.float32)
            preds = np.argmax(trainer.scored.predict_on_batch(images), axis=-1).astype(np.uint8)
            for mask, pred in zip(packed.masks[start : start + params.batch_size], preds, strict=True):
                matrices.append(confusion(np.asarray(mask), pred, num_classes, ignore_id))
    return np.stack(matrices)


def main() -> None:
    """Trains the seeds one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-seeds", type=int, required=True, help="trainings, at least 8")
    parser.add_argument("--num-epochs", type=int, required=True, help="of each; all else is in params.yaml")
    parser.add_argument("--out", type=Path, default=COUNTS, help="file to write (%(default)s)")
    arguments = parser.parse_args()
    fingerprint, params = Fingerprint.read(), read_params().train
    train_set, val_set = read_packed("train"), read_packed("val")
    counted, groups = [read_packed(split) for split in COUNTED], groups_of(COUNTED)
    if len(groups) != sum(map(len, counted)):
        raise EvidenceError(f"the manifest has {len(groups)} images of {COUNTED}; run `dvc repro preprocess` again")
    gpus = set_up_devices(params.num_threads)
    found: list[np.ndarray] = []
    for seed in range(arguments.num_seeds):
        chosen = params.model_copy(update={"seed": seed, "num_epochs": arguments.num_epochs})
        found.append(train_and_count(train_set, val_set, counted, fingerprint, chosen, len(gpus)))
        print(f"seed {seed}: mean IoU {mean_iou(found[-1].sum(axis=0)):.4f}", flush=True)
        with written_whole(arguments.out) as beside, beside.open("wb") as file:
            names = np.array(fingerprint.classes.names)
            np.savez_compressed(file, matrices=np.stack(found), groups=np.array(groups), class_names=names)


if __name__ == "__main__":
    main()
