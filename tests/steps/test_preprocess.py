"""The stage `preprocess`."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.packed import read_packed
from pipeline.disk.files import md5_of
from pipeline.errors import DataError
from pipeline.steps.preprocess import NUM_THREADS, preprocess
from pipeline.vision.codec import read_image, read_mask
from pipeline.vision.resize import resize_image
from tests.drawn_data import CLASSES, small_params, write_data

PARAMS = small_params().preprocess


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_arrays_hold_the_resized_samples(tmp_path: Path) -> None:
    """Each split is packed in order of name; masks keep their ids, images are OpenCV's."""
    rows = write_data(tmp_path)
    preprocess(rows, CLASSES, PARAMS, Path("out"))
    packed, row = read_packed("val", Path("out")), rows[17]
    np.testing.assert_array_equal(packed.images[1], resize_image(read_image(row.image), PARAMS.image_size))
    assert set(np.unique(packed.masks)) <= set(np.unique([read_mask(row.mask) for row in rows]))
    assert Path("out/splits.csv").read_text().splitlines()[1] == "s000,train,0"


def test_fingerprint_describes_train(tmp_path: Path) -> None:
    """Mean, deviation and class pixels are those of the packed training images."""
    fingerprint = preprocess(write_data(tmp_path), CLASSES, PARAMS, Path("out"))
    packed = read_packed("train", Path("out"))
    np.testing.assert_allclose(fingerprint.channel_mean, packed.images.mean(axis=(0, 1, 2)))
    assert fingerprint.num_images == {"train": 16, "val": 4, "test": 4}
    assert fingerprint.class_pixels["box"] == int((packed.masks == 1).sum())


def test_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The folder's MD5 follows from data and params."""
    rows = write_data(tmp_path)
    for out in ("a", "b"):
        preprocess(rows, CLASSES, PARAMS, Path(out))
    assert md5_of(Path("a")) == md5_of(Path("b"))


def test_changed_data_is_found_out(tmp_path: Path) -> None:
    """An image that is no longer the validated one stops the stage."""
    rows = write_data(tmp_path)
    with pytest.raises(DataError, match=r"s000.png: image is \(40, 56\) .* manifest says \(41, 56\); the data changed"):
        preprocess([replace(rows[0], height=41)], CLASSES, PARAMS, Path("out"))


@pytest.mark.parametrize("side", ["images", "masks"])
def test_a_file_that_was_not_validated_is_found_out(tmp_path: Path, side: str) -> None:
    """Of the same size, as one that was damaged in DVC's cache, or gone."""
    rows = write_data(tmp_path)
    path = Path(f"data/{side}/s003.png")
    path.write_bytes(Path(f"data/{side}/s004.png").read_bytes())
    for fault in ("is not the file that was validated; run the stage `validate` again", "cannot be read"):
        with pytest.raises(DataError, match=f"{side}/s003.png: {fault}"):
            preprocess(rows, CLASSES, PARAMS, Path("out"))
        path.unlink(missing_ok=True)


@pytest.mark.e2e
def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    """Memory never holds more than a sixteenth of the images; mapped files are left out."""
    rows, size = write_data(tmp_path)[:16] * 16 * NUM_THREADS, (96, 144)
    tracemalloc.start()
    preprocess(rows, CLASSES, PARAMS.model_copy(update={"image_size": size}), Path("out"))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16 * NUM_THREADS * 4 * 96 * 144
