"""The importer of Pascal VOC's layout (Everingham et al., 2010), also as CVAT and Datumaro export it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import examples
from pipeline.importers.source import Source
from pipeline.text import quoted

if TYPE_CHECKING:
    from pipeline.dataset.contract import Sample
    from pipeline.importers.label_map import Labels

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
VOID_COLOUR = (224, 224, 192)
IMAGES, MASKS, LISTS, LABEL_MAP = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation", "labelmap.txt"
SPLIT_OF_LIST = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
"""Split by the name of a list or of a subset, in lower case; those of other lists are split by group."""


def voc(
    folder: Path,
    *,
    classes: Path | None = None,
    kind: Literal["auto", "index", "colour"] = "auto",
    unannotated: Literal["refuse", "skip"] = "refuse",
    group: str = "",
    samples: Path | None = None,
) -> Source:
    """Bring in Pascal VOC's layout; its lists train, val and test are frozen splits, void (255) is ignored.

    Example of the command: segline import voc VOCdevkit/VOC2012

    Args:
        folder: folder with JPEGImages, SegmentationClass and, optional, ImageSets/Segmentation and labelmap.txt.
        classes: class file; without one, labelmap.txt or the 20 classes of Pascal VOC and background.
        kind: of the masks.
        unannotated: of images in the lists that have no mask.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group and the lists.

    Raises:
        DataError: another layout, a listed image or mask is missing, two splits name one, or masks have undeclared
            values.
    """
    from pipeline.importers.groups import groups_note, to_samples
    from pipeline.importers.mask_files import from_mask_files
    from pipeline.importers.pairs import Pair

    if lacking := [name for name in (IMAGES, MASKS) if not (folder / name).is_dir()]:
        near = [f"; did you mean {path.parent}?" for path in sorted(folder.glob(f"*/{IMAGES}"))]
        raise DataError(
            f"{folder}: is not in Pascal VOC's layout, found no {' and no '.join(lacking)}; expected the folders "
            f"{IMAGES}, {MASKS} and, optional, {LISTS}{''.join(near[:1])}"
        )
    labels = _labels(folder, classes)
    images, masks = _by_name(folder / IMAGES), _by_name(folder / MASKS)
    splits = _read_lists(folder / LISTS) or dict.fromkeys(masks, "")
    listed, notes = _with_files(folder, splits, images, masks, unannotated)
    pairs = [
        Pair(name.replace("/", "__"), images[name].relative_to(folder / IMAGES).as_posix(), images[name], masks[name])
        for name in listed
    ]
    by_name = {pair.name: splits[name] for pair, name in zip(pairs, listed, strict=True)}
    rows = [replace(row, split=row.split or by_name[row.name]) for row in to_samples(pairs, group, samples)]
    if others := len(images) - len(listed):
        notes.append(f"images that no list names, or without a mask, were left out: {others}")
    return from_mask_files(labels, _sorted(rows), kind, [*labels.notes, *notes, *groups_note(rows)])


def _labels(folder: Path, classes: Path | None) -> "Labels":
    from pipeline.importers.class_files import read_class_file, to_labels, voc_colour

    path = folder / LABEL_MAP
    if classes:
        labels = read_class_file(classes)
    else:
        rows = [{"name": name, "colour": [*voc_colour(index)]} for index, name in enumerate(NAMES)]
        rows = _read_label_map(path) if path.exists() else rows
        is_void_free = all(row.get("colour") != [*VOID_COLOUR] for row in rows)
        labels = to_labels(path if path.exists() else folder, rows, [VOID_COLOUR] if is_void_free else [])
    return replace(labels, has_own_values=True)  # 0 and 255 alone are background and void, not a binary mask


def _read_label_map(path: Path) -> list[dict[str, Any]]:
    """Rows of lines `name:r,g,b:parts:actions`; the colour may be left out."""
    from pipeline.disk.regular_files import read_text

    rows: list[dict[str, Any]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        colour = rest.partition(":")[0]
        try:
            rows.append(
                {"name": name, "colour": [int(part) for part in colour.split(",")]} if colour else {"name": name}
            )
        except ValueError as err:
            raise DataError(
                f"{path}: line {number} is {quoted(line)}, expected a class as name:r,g,b::; correct it, or name the "
                "classes with --classes"
            ) from err
    return rows


def _by_name(folder: Path) -> dict[str, Path]:
    from pipeline.disk.regular_files import check_place
    from pipeline.vision.picture_files import list_images

    found: dict[str, Path] = {}
    for path in list_images(folder):
        check_place(path, (folder,))
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise DataError(f"{path}: has the same name as {found[name]}; rename one, names tell samples apart")
        found[name] = path
    return found


def _read_lists(folder: Path) -> dict[str, str]:
    """Split by name, "" if only lists of other names have it."""
    from pipeline.disk.regular_files import read_text

    splits: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        split = SPLIT_OF_LIST.get(path.stem.lower(), "")
        for name in filter(None, map(str.strip, read_text(path).splitlines())):
            before = splits.get(name, "")
            if before and split and before != split:
                raise DataError(f"{path}: names {quoted(name)}, which is in the {before} list too; remove one of them")
            splits[name] = before or split
    return splits


def _with_files(
    folder: Path, splits: Mapping[str, str], images: Mapping[str, Path], masks: Mapping[str, Path], unannotated: str
) -> tuple[list[str], list[str]]:
    """The names that have both files, and notes; a test list without any mask is left out."""
    if lost := [name for name in splits if name not in images]:
        raise DataError(
            f"{folder}: {len(lost)} of {len(splits)} listed images are not in {IMAGES}: {examples(lost)}; put them "
            f"there, or remove them from the lists in {LISTS}"
        )
    notes = []
    hidden = [name for name, split in splits.items() if split == "test"]
    if hidden and not any(name in masks for name in hidden):
        notes.append(f"the test list's {len(hidden)} images have no masks and were left out; there is no test split")
        splits = {name: split for name, split in splits.items() if split != "test"}
    bare = [name for name in splits if name not in masks]
    if bare and unannotated == "refuse" or not any(name in masks for name in splits):
        raise DataError(
            f"{folder}: {len(bare)} of {len(splits)} listed images have no mask in {MASKS}: {examples(bare)}; put them "
            "there, or leave these images out with --unannotated skip"
        )
    if bare:
        notes.append(f"listed images without a mask were left out: {len(bare)}")
    return [name for name in splits if name in masks], notes


def _sorted(samples: "Sequence[Sample]") -> "list[Sample]":
    return sorted(samples, key=lambda sample: sample.name)
