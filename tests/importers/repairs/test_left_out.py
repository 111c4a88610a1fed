"""Tests of samples that are left out."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.command import Command
from pipeline.importers.repairs.left_out import skip_copies, skip_damaged
from pipeline.importers.repairs.repairs import AS_THEY_ARE
from pipeline.vision.codec import encode_png


def _copy(images: str, *, copies: str = "keep") -> None:
    """Stands for an importer."""


def _samples(folder: Path, **groups: str) -> list[Sample]:
    for number, name in enumerate(groups):
        (folder / name).write_bytes(b"same" if number < 2 else b"else")
    return [Sample(name, folder / name, None, group, "") for name, group in groups.items()]


def test_copies_in_other_groups_are_noted_or_left_out(tmp_path: Path) -> None:
    """The first one stays; copies in one group never meet in two splits."""
    command = Command(_copy, {"images": "photos", "copies": "keep"})
    samples = _samples(tmp_path, a="1", b="2", c="3")
    left, (note,) = skip_copies(samples, "keep", command)
    assert left == samples and note.startswith("images of several groups are copies, byte for byte: 1 (b); `validate`")
    assert note.endswith("`segline import _copy photos --copies skip`")
    left, notes = skip_copies(samples, "skip", command)
    assert [sample.name for sample in left] == ["a", "c"] and notes == ["copies of images left out: 1"]
    samples = _samples(tmp_path, a="1", b="1", c="3")
    assert skip_copies(samples, "skip", command) == (samples, [])


def test_samples_with_a_damaged_file_are_left_out_and_named(tmp_path: Path) -> None:
    """Image or mask; if nothing is left, that is an error."""
    command, content = Command(_copy, {"images": "photos", "copies": "keep"}), encode_png(np.zeros((4, 6), np.uint8))
    samples = []
    for name, sides in {"a": (content, content), "b": (content[:-20], content), "c": (content, b"")}.items():
        paths = [tmp_path / f"{name}{side}.png" for side in range(2)]
        for path, one in zip(paths, sides, strict=True):
            path.write_bytes(one)
        samples.append(Sample(name, paths[0], paths[1], name, ""))
    left, (note,) = skip_damaged(samples, AS_THEY_ARE, command)
    assert left == samples[:1] and "2 samples with a damaged file: " in note and "b0.png: " in note and "c1.png" in note
    assert skip_damaged(left, AS_THEY_ARE, command) == (left, [])
    with pytest.raises(DataError, match="none of 2 samples can be decoded"):
        skip_damaged(samples[1:], AS_THEY_ARE, command)
