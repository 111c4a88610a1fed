"""Scores the network of the stage `train` on val, at the working size: mean IoU with its interval by groups.

A trial of `segline tune` runs it after its training. The number is the one that chose the best epoch.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipeline.backend.devices import set_up_devices
from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow, read_manifest
from pipeline.dataset.packed import Packed, read_packed
from pipeline.disk.files import read_json
from pipeline.disk.records import write_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.networks.table import NETWORKS
from pipeline.params import read_params
from pipeline.runtime.program import run
from pipeline.vision.confusion import confusion

NETWORK = Path("work/train/networks/01")
VAL_SCORE = Path("work/score_val/interval.json")


def score_val(
    network: keras.Model, val_set: Packed, rows: Sequence[ManifestRow], classes: ClassList, batch_size: int
) -> ImageTable:
    """The confusion counts of each image of val; `rows` are its rows of the manifest, in the order of the arrays.

    Raises:
        EvidenceError: there are more or fewer rows than images.
    """
    if len(rows) != len(val_set):
        raise EvidenceError(f"val has {len(rows)} rows and {len(val_set)} packed images; run `dvc repro preprocess`")
    num_classes = len(classes)
    matrices = np.zeros((len(rows), num_classes, num_classes), np.int64)
    for start in range(0, len(rows), batch_size):
        images = np.asarray(val_set.images[start : start + batch_size], np.float32)
        preds = np.argmax(network.predict_on_batch(images), axis=-1).astype(np.uint8)
        for place, pred in enumerate(preds, start):
            matrices[place] = confusion(val_set.masks[place], pred, num_classes, classes.ignore_id)
    names, groups = tuple(row.name for row in rows), tuple(row.group for row in rows)
    heights, widths = (np.full(len(rows), side, np.int64) for side in val_set.masks.shape[1:])
    return ImageTable(classes.names, names, groups, heights, widths, np.zeros(len(rows)), matrices)


def read_network(folder: Path) -> keras.Model:
    """The network that the stage `train` wrote to a folder, in the precision of the training."""
    description = read_json(folder / "network.json", "the stage `train`")
    keras.mixed_precision.set_global_policy(description["precision"])
    network = NETWORKS[description["name"]].build(**description["arguments"])
    network.load_weights(folder / "model.weights.h5")
    return network


def main() -> None:
    """Writes `VAL_SCORE`."""
    params, rows = read_params(), [row for row in read_manifest() if row.split == "val"]
    set_up_devices(params.train.num_threads)
    val_set, classes = read_packed("val"), Fingerprint.read().classes
    table = score_val(read_network(NETWORK), val_set, rows, classes, params.train.batch_size)
    write_record(VAL_SCORE, mean_iou_interval(table, **params.evaluate.bootstrap.model_dump()))


if __name__ == "__main__":
    run(main)
