"""Facts as tables that can be judged row by row: samples, leaks between splits, classes and splits.

A row is a dictionary; None stands for an unknown value, which is not judged.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import SPLITS, ClassList
from pipeline.text import shown
from pipeline.validation.duplicates import (
    KEEP_ORDER,
    Duplicate,
    HashedImage,
    duplicates_across,
    duplicates_within,
    near_duplicates,
)
from pipeline.validation.scan import Facts, ImageFacts, MaskFacts

TableRow = dict[str, Any]
NUM_IDS_SHOWN = 5
TWIN_COLUMNS = {
    kind: (kind, f"known_{kind}", f"{kind}_of", f"{kind}_split", f"{kind}_bits") for kind in ("copy", "repeat", "look")
}
ID_COLUMNS = (
    "undeclared_pixels", "undeclared", "ignored_share", "looks_binary", "ignore_id", "num_classes", "only_class",
)  # fmt: skip


def sample_row(facts: Facts, classes: ClassList, most_ignored: float) -> TableRow:
    """The columns of one sample; `most_ignored` is `most_ignored_share` of all samples."""
    sample, image, mask = facts.sample, facts.image, facts.mask
    row = _sample_columns(facts) | {
        "has_image": sample.image is not None,
        "has_mask": sample.mask is not None,
        "image_decodes": image is not None if sample.image else None,
        "mask_decodes": mask is not None if sample.mask else None,
        "image_error": _fault(facts.image_error, sample.image),
        "mask_error": _fault(facts.mask_error, sample.mask),
        "mask_suffix": sample.mask.suffix.lower() if sample.mask else None,
        "mask_channels": mask.num_channels if mask else None,
        "mask_depth": mask.depth if mask else None,
        "has_alpha": image.has_alpha if image else None,
        "has_low_range": image.low_range if image else None,
        "brightness": image.brightness if image and not image.low_range else None,
        "orientation": image.orientation if image else None,
    }
    return row | _size_columns(image, mask) | _id_columns(mask, classes, most_ignored)


def most_ignored_share(facts: Sequence[Facts], classes: ClassList) -> float:
    """The largest ignored share of a mask that holds a class other than 0; 0.0 if there is none.

    In a mask of 0 and 255, pixels of 255 count as ignored. So do margins and shadows, but other masks have these too.
    """
    masks = [one.mask.pixels for one in facts if one.mask and one.mask.pixels is not None]
    foreground = range(1, len(classes))
    shares = [_ignored_share(pixels, classes) for pixels in masks if any(id_ in foreground for id_ in pixels)]
    return max(shares, default=0.0)


def leak_rows(facts: Sequence[Facts], known_groups: Collection[str], max_bits: int) -> list[TableRow]:
    """A row for each sample: its copies and near-duplicates, and the splits of its group.

    `known_groups` may be in several splits. Of the 64 bits of near-duplicates' difference hashes `max_bits` may differ.
    """
    pictures = [
        HashedImage(one.sample.name, one.sample.split, one.sample.group in known_groups, one.image.md5, one.image.hash)
        for one in facts
        if one.image
    ]
    copies = {one.name: one for one in duplicates_across(pictures)}
    repeats = {one.name: one for one in duplicates_within(pictures)}
    looks = {one.name: one for one in near_duplicates(pictures, max_bits) if one.name not in copies}
    first_split: dict[str, str] = {}
    for one in sorted(facts, key=lambda one: KEEP_ORDER.index(one.sample.split)):
        first_split.setdefault(one.sample.group, one.sample.split)
    rows = []
    for one in facts:
        name, group = one.sample.name, one.sample.group
        first = first_split[group]
        rows.append(
            _sample_columns(one)
            | {"in_two_splits": group not in known_groups and first != one.sample.split, "first_split": first}
            | _twin_columns("copy", copies.get(name))
            | _twin_columns("repeat", repeats.get(name))
            | _twin_columns("look", looks.get(name))
        )
    return rows


def class_rows(facts: Sequence[Facts], classes: ClassList, path: Path) -> list[TableRow]:
    """The number of masks of each split that have a class; None for a split without samples.

    `path` is the file that declares the classes.
    """
    counts: dict[str, Counter[int]] = {split: Counter() for split in SPLITS}
    for one in facts:
        if one.mask and one.mask.pixels is not None:
            counts[one.sample.split].update(one.mask.pixels.keys())
    empty = set(SPLITS) - {one.sample.split for one in facts}
    return [
        {"class": name, "path": path.as_posix()}
        | {split: None if split in empty else counts[split][id_] for split in SPLITS}
        for id_, name in enumerate(classes.names)
    ]


def split_rows(facts: Sequence[Facts], path: Path) -> list[TableRow]:
    """The number of samples and groups of each split; `path` is the file that can name splits."""
    num_groups = len({one.sample.group for one in facts})
    return [
        {
            "split": split,
            "path": path.as_posix(),
            "num_samples": sum(one.sample.split == split for one in facts),
            "num_groups": len({one.sample.group for one in facts if one.sample.split == split}),
            "num_groups_in_all": num_groups,
        }
        for split in SPLITS
    ]


def _sample_columns(facts: Facts) -> TableRow:
    sample = facts.sample
    return {
        "name": sample.name,
        "group": sample.group,
        "split": sample.split,
        "image": sample.image.as_posix() if sample.image else "",
        "mask": sample.mask.as_posix() if sample.mask else "",
        "file": (sample.image or sample.mask or Path()).as_posix(),
    }


def _fault(error: str, path: Path | None) -> str:
    """The fault in the message of an error about a picture, without file and advice."""
    return error.removeprefix(f"{shown(str(path))}: ").rpartition("; ")[0] if error else ""


def _size_columns(image: ImageFacts | None, mask: MaskFacts | None) -> TableRow:
    if image is None or mask is None:
        return dict.fromkeys(("size_difference", "image_size", "mask_size", "size_advice", "unproven_turn"))
    advice = "export the mask again at the image's own size"
    if mask.size == image.stored_size:
        advice = (
            f"the mask seems to be drawn on the unrotated picture (EXIF orientation {image.orientation}): turn it as "
            "the picture is turned"
        )
    return {
        "size_difference": f"{mask.size[0] - image.size[0]} x {mask.size[1] - image.size[1]}",
        "image_size": f"{image.size[0]} x {image.size[1]}",
        "mask_size": f"{mask.size[0]} x {mask.size[1]}",
        "size_advice": advice,
        "unproven_turn": image.orientation != 1 and mask.size == image.size == image.stored_size,
    }


def _ignored_share(pixels: Mapping[int, int], classes: ClassList) -> float:
    return pixels.get(classes.ignore_id, 0) / max(sum(pixels.values()), 1)


def _id_columns(mask: MaskFacts | None, classes: ClassList, most_ignored: float) -> TableRow:
    if mask is None or mask.pixels is None:
        return dict.fromkeys(ID_COLUMNS)
    share = _ignored_share(mask.pixels, classes)
    present = [id_ for id_ in mask.pixels if id_ < len(classes)]
    foreign = [id_ for id_ in mask.pixels if id_ >= len(classes) and id_ != classes.ignore_id]
    undeclared = [f"{id_} ({mask.pixels[id_]} px)" for id_ in foreign[:NUM_IDS_SHOWN]]
    return {
        "undeclared_pixels": sum(mask.pixels[id_] for id_ in foreign),
        "undeclared": ", ".join(undeclared) + (", ..." if len(foreign) > NUM_IDS_SHOWN else ""),
        "ignored_share": share,
        "looks_binary": len(classes) > 1 and present == [0] and not foreign and share > most_ignored,
        "ignore_id": classes.ignore_id,
        "num_classes": len(present) or None,
        "only_class": classes.names[present[0]] if len(present) == 1 else "",
    }


def _twin_columns(kind: str, twin: Duplicate | None) -> TableRow:
    """The twin of a sample: `KIND` is True if it has one, `known_KIND` if it has one that is known."""
    names = TWIN_COLUMNS[kind]
    if twin is None:
        return dict(zip(names, (False, False, "", "", 0), strict=True))
    return dict(zip(names, (not twin.known, twin.known, twin.of, twin.split, twin.num_bits), strict=True))
