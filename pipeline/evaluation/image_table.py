"""The confusion counts of each test image, from which every number can be computed again."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

import numpy as np

from pipeline.disk.files import written_whole
from pipeline.errors import EvidenceError
from pipeline.vision.confusion import mean_iou, pixel_accuracy

PER_IMAGE = Path("work/evaluate/per_image.csv")
COLUMNS = (
    "name",
    "group",
    "height",
    "width",
    "brightness",
    "num_counted",
    "num_ignored",
    "mean_iou",
    "pixel_accuracy",
)
"""After them come the counts, K * K columns "A>B": the pixels of class A that are predicted as B."""
MAX_SHOWN = 300  # characters of what is wrong in a message
MAX_COUNT = 2**31
"""Pixels of an image; sums of such counts fit into int64."""


@dataclass(frozen=True)
class ImageTable:
    """A model's counts on each image of a test split.

    Attributes:
        class_names: of the K classes, in order of id.
        names: of the N images, each once.
        groups: of the N images; images of a group are not independent of each other.
        heights: (N,) int64, pixels.
        widths: (N,) int64, pixels.
        brightness: (N,) float64 mean luma, in [0, 255].
        matrices: (N, K, K) int64 counts of `confusion`, rows are targets.
    """

    class_names: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    heights: np.ndarray
    widths: np.ndarray
    brightness: np.ndarray
    matrices: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def pooled(self) -> np.ndarray:
        """(K, K) int64 counts of all images together."""
        return np.asarray(self.matrices.sum(axis=0))

    def select(self, chosen: np.ndarray) -> "ImageTable":
        """The images where `chosen`, (N,) bool, is true, in their order; row numbers are taken, too."""
        rows = np.arange(len(self))[chosen]
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
            heights=self.heights[rows],
            widths=self.widths[rows],
            brightness=self.brightness[rows],
            matrices=self.matrices[rows],
        )

    def counted(self) -> "ImageTable":
        """The images with a counted pixel."""
        return self.select(self.matrices.sum(axis=(1, 2)) > 0)

    def write(self, path: Path = PER_IMAGE) -> None:
        """Writes the table as CSV, an image a row; a score that does not exist is an empty cell."""
        with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow((*COLUMNS, *_pairs(self.class_names)))
            table.writerows(self._cells(index) for index in range(len(self)))

    @classmethod
    def read(cls, path: Path = PER_IMAGE) -> "ImageTable":
        """Reads the table.

        Raises:
            EvidenceError: it is missing, has no image, or is not whole.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return _parse(file)
        except FileNotFoundError as err:
            raise EvidenceError(f"{path}: not found; run the stage `evaluate` first (`dvc repro evaluate`)") from err
        except (OSError, ValueError, OverflowError, csv.Error) as err:
            raise EvidenceError(f"{path}: is damaged ({str(err)[:MAX_SHOWN]}); run the stage `evaluate` again") from err

    def _cells(self, index: int) -> list[object]:
        matrix, counted = self.matrices[index], int(self.matrices[index].sum())
        height, width = int(self.heights[index]), int(self.widths[index])
        shares = ("" if math.isnan(share) else share for share in (mean_iou(matrix), pixel_accuracy(matrix)))
        sizes = (height, width, float(self.brightness[index]), counted, height * width - counted)
        return [self.names[index], self.groups[index], *sizes, *shares, *matrix.ravel().tolist()]


def _pairs(class_names: Sequence[str]) -> list[str]:
    return [f"{target}>{pred}" for target in class_names for pred in class_names]


def _parse(file: TextIO) -> ImageTable:
    lines = csv.reader(file, strict=True)
    class_names = _parse_header(next(lines, []))
    rows, matrices = [], []
    width = len(COLUMNS) + len(class_names) ** 2
    for cells in lines:
        if len(cells) != width:
            raise ValueError(f"line {lines.line_num} has {len(cells)} cells, expected {width}")
        rows.append(cells[: len(COLUMNS)])
        matrices.append(np.array(cells[len(COLUMNS) :]).astype(np.int64))
    if not rows:
        raise ValueError("it has no image")
    names, groups, *numbers = zip(*(row[:-2] for row in rows), strict=True)  # the scores follow from the counts
    heights, widths, counted, ignored = (np.array(numbers[column]).astype(np.int64) for column in (0, 1, 3, 4))
    table = ImageTable(
        class_names=class_names,
        names=names,
        groups=groups,
        heights=heights,
        widths=widths,
        brightness=np.array(numbers[2]).astype(np.float64),
        matrices=np.stack(matrices).reshape(-1, len(class_names), len(class_names)),
    )
    _check(table, counted, ignored)
    return table


def _parse_header(header: Sequence[str]) -> tuple[str, ...]:
    """The class names, which may hold any character, ">" too: "A>A" is twice the same around its middle."""
    pairs = header[len(COLUMNS) :]
    num_classes = math.isqrt(len(pairs))
    names = tuple(pair[: len(pair) // 2] for pair in pairs[:: num_classes + 1])
    if not names or tuple(header[: len(COLUMNS)]) != COLUMNS or list(pairs) != _pairs(names):
        found = ascii(", ".join(header[:12]))[:MAX_SHOWN] if header else "missing"
        raise ValueError(f"its columns are {found}...; expected {', '.join(COLUMNS)}, A>B")
    return names


def _check(table: ImageTable, counted: np.ndarray, ignored: np.ndarray) -> None:
    if len(set(table.names)) < len(table):
        raise ValueError("an image is in it twice")
    if (table.matrices < 0).any() or (ignored < 0).any():
        raise ValueError("a count is negative")
    if max(int(column.max()) for column in (table.heights, table.widths, counted, ignored)) > MAX_COUNT:
        raise ValueError(f"a count is above {MAX_COUNT}")
    if not np.isfinite(table.brightness).all():
        raise ValueError("a brightness is not a number")
    whole = (table.matrices.sum(axis=(1, 2)) == counted) & (counted + ignored == table.heights * table.widths)
    if not whole.all():
        raise ValueError(f"the counts of image {table.names[int(np.argmin(whole))]} do not add up to its pixels")


def check_same_images(challenger: ImageTable, champion: ImageTable) -> None:
    """Refuses to compare models that were scored on different images.

    Raises:
        EvidenceError: the tables are of other images, masks, groups or classes.
    """
    for what, noun in (("class_names", "classes"), ("names", "images"), ("groups", "groups")):
        ours, theirs = getattr(challenger, what), getattr(champion, what)
        if ours != theirs:
            pairs = zip_longest(ours, theirs, fillvalue="nothing")
            first = next(f"{one!r} and {other!r}" for one, other in pairs if one != other)
            raise EvidenceError(
                f"challenger and champion were scored on different {noun}: {first}; score both on today's test split"
            )
    truths = [table.matrices.sum(axis=2) for table in (challenger, champion)]
    other = (truths[0] != truths[1]).any(axis=1)
    if other.any():
        raise EvidenceError(
            f"challenger and champion were scored on different masks of {challenger.names[int(np.argmax(other))]}; "
            "score both on today's test split"
        )
