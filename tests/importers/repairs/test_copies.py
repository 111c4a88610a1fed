"""Tests of images that are copies of others."""

from pathlib import Path

from pipeline.dataset.contract import Sample
from pipeline.importers.repairs.command import Command
from pipeline.importers.repairs.copies import skip_copies


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
