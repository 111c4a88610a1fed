"""Packed arrays on disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from pipeline.dataset.packed import create_packed, read_packed
from pipeline.errors import EvidenceError, StageError


def test_round_trip_through_the_disk(tmp_path: Path) -> None:
    """Pixels written to the maps are read again, as uint8 and without loading them."""
    packed = create_packed(tmp_path, "train", 2, (3, 4))
    packed.images[1], packed.masks[1] = 7, 5
    del packed
    again = read_packed("train", tmp_path)
    assert isinstance(again.images, np.memmap) and len(again) == 2
    assert again.images.shape == (2, 3, 4, 3) and again.images[1].min() == 7 and again.masks[1].max() == 5


def test_an_empty_split_is_an_empty_array(tmp_path: Path) -> None:
    """A split without images has arrays all the same."""
    create_packed(tmp_path, "val", 0, (3, 4))
    assert len(read_packed("val", tmp_path)) == 0


def test_missing_arrays_name_the_stage(tmp_path: Path) -> None:
    """Without the files the message says what makes them."""
    with pytest.raises(EvidenceError, match="run the stage `preprocess` first"):
        read_packed("train", tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has that: asked for too much, it refuses at once and is not filled first."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def test_a_disk_too_small_is_reported_before_anything_is_packed(disk: Path) -> None:
    """Room for all is asked for at once; a mapped file without it would end the process at some later write."""
    num_images = shutil.disk_usage(disk).total // (1000 * 1000 * 3) + 1
    with pytest.raises(StageError, match="train_images.npy: no space left on the disk: .* MB are needed, .* are free"):
        create_packed(disk, "train", num_images, (1000, 1000))
    assert not list(disk.iterdir())
