"""The statistics that name and describe the packed arrays."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import ChannelSums, Fingerprint
from pipeline.errors import EvidenceError


def test_sums_agree_with_numpy() -> None:
    """Mean and standard deviation from the sums are those of all pixels at once."""
    images = np.random.default_rng(0).integers(0, 256, (5, 7, 9, 3), np.uint8)
    sums = ChannelSums()
    for image in images:
        sums.add(image)
    np.testing.assert_allclose(sums.mean(), images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(sums.std(), images.std(axis=(0, 1, 2)), rtol=1e-12)


def test_a_constant_channel_can_be_divided_by() -> None:
    """The deviation of a channel without contrast is 1, not 0."""
    sums = ChannelSums()
    sums.add(np.full((4, 4, 3), 7, np.uint8))
    assert sums.std() == (1.0, 1.0, 1.0)


def test_round_trip(tmp_path: Path) -> None:
    """The content comes back as it was written."""
    classes = ClassList(("sky", "road"), ((0, 0, 255), (9, 9, 9)), 255)
    pixels = {"sky": 3, "road": 4}
    written = Fingerprint(classes, (8, 9), {"train": 1}, (1.0, 2.0, 3.5), (1.0, 1.0, 1.0), pixels, {"a.npy": "00"})
    written.write(tmp_path / "fingerprint.json")
    assert Fingerprint.read(tmp_path / "fingerprint.json") == written


def test_class_pixels_keep_the_order_of_ids(tmp_path: Path) -> None:
    """A fingerprint that was read lists pixels by id, though JSON's keys are sorted: loss weights follow this order."""
    classes = ClassList(("sky", "road", "car"), ((0, 0, 255), (9, 9, 9), (7, 7, 7)), 255)
    pixels = {"sky": 3, "road": 4, "car": 5}
    written = Fingerprint(classes, (8, 9), {"train": 1}, (1.0, 2.0, 3.5), (1.0, 1.0, 1.0), pixels, {"a.npy": "00"})
    written.write(tmp_path / "fingerprint.json")
    assert list(Fingerprint.read(tmp_path / "fingerprint.json").class_pixels.items()) == list(pixels.items())


def test_a_missing_fingerprint_names_the_stage(tmp_path: Path) -> None:
    """Without the file the message says what makes it."""
    with pytest.raises(EvidenceError, match="not found; the stage `preprocess` writes it"):
        Fingerprint.read(tmp_path / "fingerprint.json")
