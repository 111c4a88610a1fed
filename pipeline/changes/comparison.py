"""The comparison of two versions of a data set, and its tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.changes.labels import ClassPixels, Labels, compare_labels
from pipeline.changes.pairs import Move, Pairs, moved_groups, pair_samples
from pipeline.changes.snapshot import Snapshot
from pipeline.disk.records import write_rows

Kind = Literal["added", "removed", "other image", "relabelled", "renamed", "moved group"]


@dataclass(frozen=True)
class Change:
    """A row of changes.csv.

    Attributes:
        name: of the sample, the former one if it was removed; of a moved group its own.
        split: of the sample, the former one if it was removed; "" for a group.
        before, after: classes of a relabelling, names of a renamed sample, splits of a moved group; else "".
        num_pixels: relabelled pixels, else None.
        pixel_share: their share of the sample, in (0, 1].
    """

    change: Kind
    name: str
    split: str
    before: str = ""
    after: str = ""
    num_pixels: int | None = None
    pixel_share: float | None = None


@dataclass(frozen=True)
class ClassRow:
    """A row of classes.csv: a class, what happened to it, its pixels and its share of all pixels in both versions."""

    name: str
    change: str
    pixels_before: int
    pixels_after: int
    share_before: float
    share_after: float


@dataclass(frozen=True)
class Comparison:
    """Two versions of a data set.

    Attributes:
        before, after: MD5s of the versions.
        changes: in the order of the kinds, then by name.
        classes: in order of id, then removed ones, the ignored pixels last.
        labels: of which the relabelled samples are in `changes` too.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    classes: tuple[ClassRow, ...]
    labels: Labels

    def write(self, folder: Path) -> None:
        """Writes changes.csv and classes.csv."""
        write_rows(folder / "changes.csv", Change, self.changes)
        write_rows(folder / "classes.csv", ClassRow, self.classes)


def compare_versions(before: Snapshot, after: Snapshot) -> Comparison:
    """Compares two versions; masks are read one after the other.

    Raises:
        StageError: a mask is not in DVC's cache.
        DataError: a mask cannot be read.
    """
    pairs = pair_samples(before, after)
    labels = compare_labels(before, after, pairs)
    changes = _list_changes(before, after, pairs, labels, moved_groups(before, after))
    totals = [max(1, sum(pixels)) for pixels in zip(*((row.before, row.after) for row in labels.classes), strict=True)]
    rows = tuple(_class_row(row, *totals) for row in labels.classes)
    return Comparison(before.md5, after.md5, tuple(changes), rows, labels)


def _class_row(row: ClassPixels, total_before: int, total_after: int) -> ClassRow:
    return ClassRow(*row, row.before / total_before, row.after / total_after)


def _list_changes(
    before: Snapshot, after: Snapshot, pairs: Pairs, labels: Labels, moves: list[Move]
) -> Iterator[Change]:
    old, new = before.samples, after.samples
    yield from (Change("added", name, new[name].split) for name in pairs.added)
    yield from (Change("removed", name, old[name].split) for name in pairs.removed)
    yield from (Change("other image", pair.name, new[pair.name].split) for pair in labels.other_images)
    for one in labels.relabelled:
        classes = one.before, one.after
        name = one.pair.name
        yield Change("relabelled", name, new[name].split, *classes, one.num_pixels, one.share)
    renamed = (pair for pair in pairs.kept if pair.former != pair.name)
    yield from (Change("renamed", pair.name, new[pair.name].split, *pair) for pair in renamed)
    yield from (Change("moved group", move.group, "", move.before, move.after) for move in moves)
