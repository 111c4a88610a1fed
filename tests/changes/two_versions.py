"""A project of DVC and git whose data set has two versions, and snapshots without files."""

import subprocess
from pathlib import Path

import numpy as np

from pipeline.changes.snapshot import Labelled, Snapshot, read_snapshot
from pipeline.dataset.contract import ClassList
from pipeline.dataset.versions import add_data, read_version, version_now
from pipeline.vision.codec import read_mask, write_png
from tests.drawn_data import CLASSES, write_data

SHARES = 0.15, 0.2


def commit_data(project: Path, num_train: int = 3) -> str:
    """Draws `data/` with three samples of each split, s000 to s008 if `num_train` is 3, and commits its version."""
    if not (project / "dvc.yaml").exists():
        (project / "dvc.yaml").write_text("stages: {}\n")
    write_data(project, num_train=num_train, num_val=3, num_test=3)
    md5 = add_data()
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "data"], check=True)
    return md5


def read_both() -> tuple[Snapshot, Snapshot]:
    """The version in data.dvc, from DVC's cache, and the data folder as it is now."""
    version = read_version()
    assert version
    return read_snapshot(version, *SHARES), read_snapshot(version_now(), *SHARES, Path("data"))


def relabel(name: str, rows: int = 4) -> None:
    """Makes the lowest rows of a mask "sign"; where there are no boxes, 56 pixels of "ground" each."""
    path = Path(f"data/masks/{name}.png")
    mask = read_mask(path)
    mask[-rows:] = 2
    write_png(path, mask)


def labelled(image: str, mask: str, split: str = "train", group: str = "", is_frozen: bool = True) -> Labelled:
    """A sample of which only MD5s, group and split are there."""
    return Labelled(None, None, image, mask, group or image, split, is_frozen)


def snapshot(classes: ClassList = CLASSES, **samples: Labelled) -> Snapshot:
    """A version without files."""
    return Snapshot("0" * 32 + ".dir", classes, samples)


def ids(*rows: list[int]) -> np.ndarray:
    """A mask (H, W) uint8."""
    return np.array(rows, np.uint8)
