"""A small data set of drawn rectangles and the params to train on it in seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.dataset.contract import ClassList, Sample, write_contract
from pipeline.dataset.manifest import MANIFEST, ManifestRow, write_manifest
from pipeline.disk.files import md5_of
from pipeline.params import Params, parse_params
from pipeline.vision.codec import write_png

CLASSES = ClassList(("ground", "box", "sign"), ((90, 90, 90), (200, 40, 40), (40, 40, 200)), 255)
SIZE = (40, 56)
ROOT = Path(__file__).parents[1]
SMALL: dict[str, dict[str, Any]] = {
    "preprocess": {"image_size": [32, 48]},
    "train": {"num_epochs": 3, "batch_size": 4, "precision": "float32", "learning_rate": 0.01},
    "network": {"num_levels": 2, "width": 4, "dropout": 0.1},
    "augment": {"crop": [24, 32]},
    "gate": {"floors": {"mean_iou": 0.0}, "floors_low": {}},
}


def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One image (40, 56, 3) with its mask: a red box and a blue sign on grey ground, an ignored margin on top."""
    mask = np.zeros(SIZE, np.uint8)
    for class_id in (1, 2):
        top, left = random.integers(4, 22), random.integers(0, 36)
        mask[top : top + random.integers(8, 16), left : left + random.integers(8, 18)] = class_id
    image = np.array(CLASSES.colours)[mask] + random.integers(-25, 25, (*SIZE, 3))
    mask[:2] = 255
    return image.astype(np.uint8), mask


def write_data(root: Path, num_train: int = 16, num_val: int = 4, num_test: int = 4) -> list[ManifestRow]:
    """Writes `data/` and the manifest under `root`; returns the manifest's rows, paths relative to `root`."""
    random, samples, rows = np.random.default_rng(0), [], []
    splits = ["train"] * num_train + ["val"] * num_val + ["test"] * num_test
    for index, split in enumerate(splits):
        name = f"s{index:03}"
        image, mask = draw(random)
        paths = Path("data/images") / f"{name}.png", Path("data/masks") / f"{name}.png"
        for path, pixels in zip(paths, (image, mask), strict=True):
            write_png(root / path, pixels)
        samples.append(Sample(name, *paths, name, split))
        rows.append(ManifestRow(name, *paths, name, split, *SIZE, md5_of(root / paths[0]), md5_of(root / paths[1])))
    write_contract(root / "data", CLASSES, samples)
    write_manifest(root / MANIFEST, rows)
    return rows


def small_content(**changes: Any) -> dict[str, Any]:
    """The project's params, made small; `changes` go to the section `train`."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section in ("preprocess", "train", "gate"):
        content[section] |= SMALL[section]
    content["train"]["network"] |= SMALL["network"]
    content["train"]["augment"] |= SMALL["augment"]
    content["train"] |= changes
    return content


def small_params(**changes: Any) -> Params:
    """The same, checked."""
    return parse_params(small_content(**changes))
