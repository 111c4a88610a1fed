"""The folds of a cross-validation: what is scored together, the manifest of each fold, and the pooled counts."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.dataset.manifest import ManifestRow
from pipeline.errors import ParamsError
from pipeline.evaluation.bootstrap import Unit
from pipeline.evaluation.image_table import ImageTable
from pipeline.text import quoted


def make_folds(sizes: Mapping[str, int], num_folds: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Puts each group into one fold; the result follows from the arguments, not from their order.

    The largest group goes first, into the fold that has the fewest images then (LPT; Graham, 1969). Two folds differ by
    at most the largest group. Groups of one size are in the order of a hash of `seed` and name.

    Args:
        sizes: number of images of each group, 1 or more.
        num_folds: up to the number of groups.
        seed: of the hash.

    Returns:
        The names in each fold, sorted; no fold is empty.
    """
    folds: list[list[str]] = [[] for _ in range(num_folds)]
    totals = [0] * num_folds
    hashes = {name: hashlib.sha256(f"{seed}\n{name}".encode()).digest() for name in sizes}
    for name in sorted(sizes, key=lambda name: (-sizes[name], hashes[name])):
        smallest = totals.index(min(totals))
        folds[smallest].append(name)
        totals[smallest] += sizes[name]
    return tuple(tuple(sorted(fold)) for fold in folds)


def choose_unit(rows: Sequence[ManifestRow], num_folds: int, unit: Unit) -> Unit:
    """The unit that a fold has whole: the group, or the image if images are independent and groups are too few.

    Args:
        rows: of train and val.
        num_folds: of the cross-validation.
        unit: of the bootstrap; "image" says that images are independent.

    Raises:
        ParamsError: there are fewer groups, or images, than folds.
    """
    num_groups = len(_count(rows, "group"))
    if num_groups >= num_folds:
        return "group"
    if unit == "image" and len(rows) >= num_folds:
        return "image"
    what = f"{len(rows)} images" if unit == "image" else f"{num_groups} groups"
    raise ParamsError(
        f"--folds is {num_folds}, train and val have {what}; lower --folds, or add data of other groups"
        + ("; evaluate.bootstrap.unit: image folds by image, if images are independent" if unit != "image" else "")
    )


def split_by_folds(rows: Sequence[ManifestRow], num_folds: int, unit: Unit, seed: int) -> list[list[ManifestRow]]:
    """The manifest of each fold: its own samples are `test`, the others `train` and, for the best epoch, `val`.

    The fold's `val` has about the share of the images that val has in `rows`, and whole units. It is taken from the
    other folds: the epoch that is best on the samples to score would make their score too good.

    Args:
        rows: of train and val.
        num_folds: see `make_folds`, as for `seed`.
        unit: see `choose_unit`.

    Raises:
        ParamsError: the other folds of a fold have only one group, or only one image if images are folded.
    """
    sizes = _count(rows, unit)
    num_val = max(1, sum(row.split == "val" for row in rows))
    manifests = []
    for number, fold in enumerate(make_folds(sizes, num_folds, seed), 1):
        others = {name: size for name, size in sizes.items() if name not in fold}
        if len(others) < 2:
            raise ParamsError(
                f"fold {number} of {num_folds} leaves the {unit} {quoted(*others)} alone to train on, expected two "
                f"{unit}s or more, one of them to choose the best epoch; raise --folds, or add data of other groups"
            )
        parts = make_folds(others, min(max(2, round(len(rows) / num_val)), len(others)), seed)
        val = min(parts, key=lambda part: sum(others[name] for name in part))
        splits = dict.fromkeys(others, "train") | dict.fromkeys(val, "val") | dict.fromkeys(fold, "test")
        manifests.append([replace(row, split=splits[_unit_of(row, unit)]) for row in rows])
    return manifests


def join(tables: Sequence[ImageTable]) -> ImageTable:
    """The images of all tables, which have the same classes, in order of name."""
    names = [name for table in tables for name in table.names]
    joined = ImageTable(
        class_names=tables[0].class_names,
        names=tuple(names),
        groups=tuple(group for table in tables for group in table.groups),
        heights=np.concatenate([table.heights for table in tables]),
        widths=np.concatenate([table.widths for table in tables]),
        brightness=np.concatenate([table.brightness for table in tables]),
        matrices=np.concatenate([table.matrices for table in tables]),
    )
    return joined.select(np.argsort(np.array(names, object)))


def _count(rows: Sequence[ManifestRow], unit: Unit) -> Counter[str]:
    return Counter(_unit_of(row, unit) for row in rows)


def _unit_of(row: ManifestRow, unit: Unit) -> str:
    return row.group if unit == "group" else row.name
