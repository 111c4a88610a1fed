"""The importer of Cityscapes (Cordts et al., 2016): the 19 classes that are evaluated, all others ignored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import examples
from pipeline.importers.source import Source

if TYPE_CHECKING:
    from pipeline.dataset.contract import Sample
    from pipeline.importers.label_map import Labels

CLASSES = (
    ("road", 7, (128, 64, 128)), ("sidewalk", 8, (244, 35, 232)), ("building", 11, (70, 70, 70)),
    ("wall", 12, (102, 102, 156)), ("fence", 13, (190, 153, 153)), ("pole", 17, (153, 153, 153)),
    ("traffic light", 19, (250, 170, 30)), ("traffic sign", 20, (220, 220, 0)), ("vegetation", 21, (107, 142, 35)),
    ("terrain", 22, (152, 251, 152)), ("sky", 23, (70, 130, 180)), ("person", 24, (220, 20, 60)),
    ("rider", 25, (255, 0, 0)), ("car", 26, (0, 0, 142)), ("truck", 27, (0, 0, 70)), ("bus", 28, (0, 60, 100)),
    ("train", 31, (0, 80, 100)), ("motorcycle", 32, (0, 0, 230)), ("bicycle", 33, (119, 11, 32)),
)  # fmt: skip
"""Name, id and colour in the order of the train ids, from cityscapesScripts' labels.py."""
IGNORED = (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)
IMAGES, MASKS = "leftImg8bit", "gtFine"
IMAGE_END, MASK_END = "_leftImg8bit.png", "_gtFine_labelIds.png"
HELD_OUT_SHARE = 1 / 6
"""About as much of the training images as Cityscapes' own val split is."""


def cityscapes(folder: Path, *, group: Literal["city", "sequence"] = "city", samples: Path | None = None) -> Source:
    """Bring in Cityscapes with its 19 train ids; its own splits are frozen, the other ids are ignored.

    The test split's labels are not published. Without them, the val split becomes the test split, as papers do, and
    the last cities of train by name become the val split.

    Example of the command: segline import cityscapes cityscapes --group sequence

    Args:
        folder: folder with leftImg8bit/SPLIT/CITY and gtFine/SPLIT/CITY.
        group: what is never split: a city, or a recorded sequence of one.
        samples: CSV: name and, optional, group, split; has precedence over --group and the folders.

    Raises:
        DataError: another layout, an image without labels, or an unknown id.
    """
    from pipeline.importers.groups import to_samples
    from pipeline.importers.mask_files import from_mask_files
    from pipeline.importers.pairs import Pair

    splits, pairs = {}, []
    for split in ("train", "val", "test"):
        for image, mask in _frames(folder, split):
            stem = image.name.removesuffix(IMAGE_END)
            splits[stem] = split
            pairs.append(Pair(name=stem, relative=f"{split}/{image.parent.name}/{stem}", image=image, mask=mask))
    if not pairs:
        near = [f"; did you mean {path.parent}?" for path in sorted(folder.glob(f"*/{IMAGES}"))]
        raise DataError(
            f"{folder}: is not in Cityscapes' layout, found no {IMAGES}/SPLIT/CITY/*{IMAGE_END}; expected the folders "
            f"{IMAGES} and {MASKS}{''.join(near[:1])}"
        )
    rows = to_samples(pairs, "^[^/]+/[^/]+/([^_]+)" if group == "city" else "^[^/]+/[^/]+/([^_]+_[^_]+)", samples)
    rows = [replace(row, split=row.split or splits[row.name]) for row in rows]
    labels = _labels(folder)
    rows, notes = (rows, []) if samples else _with_labels(folder, rows)
    return from_mask_files(labels, sorted(rows, key=lambda row: row.name), "index", notes)


def _labels(folder: Path) -> "Labels":
    from pipeline.importers.class_files import to_labels

    rows = [{"name": name, "value": id_, "colour": [*colour]} for name, id_, colour in CLASSES]
    others = [{"name": f"label id {id_}", "value": id_, "ignore": True} for id_ in IGNORED]
    return to_labels(folder, [*rows, *others])


def _frames(folder: Path, split: str) -> list[tuple[Path, Path]]:
    images = sorted((folder / IMAGES / split).glob(f"*/*{IMAGE_END}"))
    masks = [
        folder / MASKS / split / image.parent.name / f"{image.name.removesuffix(IMAGE_END)}{MASK_END}"
        for image in images
    ]
    bare = [image.name for image, mask in zip(images, masks, strict=True) if not mask.exists()]
    if bare and split == "test" and len(bare) == len(images):
        return []
    if bare:
        raise DataError(
            f"{folder}: {len(bare)} of {len(images)} images of {split} have no *{MASK_END} in {MASKS}/{split}: "
            f"{examples(bare)}; unpack gtFine there, or move these images away"
        )
    return list(zip(images, masks, strict=True))


def _with_labels(folder: Path, samples: "Sequence[Sample]") -> "tuple[list[Sample], list[str]]":
    """The samples without a test split whose masks are dummies, and notes."""
    test = [sample for sample in samples if sample.split == "test"]
    if test and not all(_is_dummy(sample) for sample in test[:20]):
        return [*samples], []
    rows = [sample for sample in samples if sample.split != "test"]
    sizes = Counter(sample.group for sample in rows if sample.split == "train")
    held_out: set[str] = set()
    while len(held_out) < len(sizes) - 1 and sum(sizes[name] for name in held_out) < HELD_OUT_SHARE * sizes.total():
        held_out.add(sorted(sizes)[-1 - len(held_out)])
    if not held_out or not any(sample.split == "val" for sample in rows):
        raise DataError(
            f"{folder}: test has no labels, so val becomes test and a part of train becomes val, but train has "
            f"{len(sizes)} groups and val {sum(row.split == 'val' for row in rows)} images; bring both whole, or name "
            "the splits with --samples"
        )
    becomes = {"val": "test", "train": "train"}
    rows = [
        replace(row, split="val" if row.split == "train" and row.group in held_out else becomes[row.split])
        for row in rows
    ]
    return rows, [
        f"there are no labels of the test split{f', its {len(test)} images were left out' if test else ''}: val is the "
        f"test split, and of train {examples(sorted(held_out))} are the val split"
    ]


def _is_dummy(sample: "Sample") -> bool:
    import numpy as np

    from pipeline.vision.codec import read_stored

    assert sample.mask
    return not np.isin(read_stored(sample.mask), [id_ for _, id_, _ in CLASSES]).any()
