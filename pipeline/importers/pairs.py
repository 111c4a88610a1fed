"""Pairs of images and masks with the same path below their two folders, or with names that fit two patterns."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.dataset.names import check_name, same_everywhere
from pipeline.disk.regular_files import check_place
from pipeline.errors import DataError
from pipeline.importers.repairs.command import Command, counted, name_some, next_step, refusal
from pipeline.importers.repairs.opened import IMPORTED_SUFFIXES
from pipeline.importers.repairs.pattern_guess import as_options, describe, guess_in_one, guess_patterns
from pipeline.importers.repairs.patterns import NamePattern, to_patterns, without_suffix
from pipeline.text import shown
from pipeline.vision.picture_files import list_images

Unpaired = Literal["refuse", "skip"]


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Attributes:
        name: path of the image below its folder, without suffix and without what its pattern adds, "/" written as "__".
        relative: the path as it is, with suffix.
    """

    name: str
    relative: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class PairRule:
    """How images and masks are paired.

    Attributes:
        mask_suffix: end of a mask's name beyond the image's, such as "_mask".
        pair: patterns of the names of images and of masks.
        unlabelled: "skip" leaves out images without a mask.
        unpaired_masks: "skip" leaves out masks without an image.
    """

    mask_suffix: str = ""
    pair: tuple[str, str] | None = None
    unlabelled: Unpaired = "refuse"
    unpaired_masks: Unpaired = "refuse"


@dataclass(frozen=True)
class _Side:
    """The pictures of one side by the key of their sample; `others` fit no pattern."""

    folder: Path
    by_key: dict[str, Path]
    others: list[Path]
    name: str

    def relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def pair_files(images: Path, masks: Path, mask_suffix: str = "") -> list[Pair]:
    """The pairs of `find_pairs`, by relative path without suffix and the mask's suffix."""
    return find_pairs(images, masks, PairRule(mask_suffix))[0]


def find_pairs(
    images: Path, masks: Path, rule: PairRule, command: Command | None = None
) -> tuple[list[Pair], list[str]]:
    """Pairs the pictures of two folders, and of all folders below.

    Args:
        images: folder of the images.
        masks: folder of the masks; it may lie in `images`, or be the same if the rule tells them apart.
        command: goes on from a refusal.

    Returns:
        Pairs in order of name, and notes on what was left out.

    Raises:
        DataError: a folder is missing or has no picture, an image has no mask or a mask no image and they are not to be
            skipped, two have one name, a name does not fit every machine, or a file is a link out of its folder or not
            a regular file.
    """
    patterns = to_patterns(rule.pair, rule.mask_suffix, command)
    image_paths, mask_paths = _list_sides(images, masks, patterns, rule, command)
    image_side = _to_side(images, image_paths, patterns[0], "image", rule, command)
    mask_side = _to_side(masks, mask_paths, patterns[1], "mask", rule, command)
    notes = _check_partners(image_side, mask_side, rule, command)
    pairs = [
        Pair(_name_of(key, image_side.relative(path), patterns[0]), image_side.relative(path), path, mask)
        for key, path in image_side.by_key.items()
        if (mask := mask_side.by_key.get(key))
    ]
    _check_names(pairs, command)
    for pair in pairs:
        check_place(pair.image, (images,))
        check_place(pair.mask, (masks,))
    return sorted(pairs, key=lambda pair: pair.name), notes


def count_other_files(folder: Path) -> int:
    """Number of files below a folder that are neither hidden nor pictures."""
    return sum(
        path.is_file() and path.suffix.lower() not in IMPORTED_SUFFIXES and not path.name.startswith(".")
        for path in folder.rglob("*")
    )


def count_hidden_pictures(folder: Path) -> int:
    """Number of pictures below a folder whose own name begins with a dot."""
    return sum(path.is_file() and path.suffix.lower() in IMPORTED_SUFFIXES for path in folder.rglob(".*"))


def _list_sides(
    images: Path, masks: Path, patterns: tuple[NamePattern, NamePattern], rule: PairRule, command: Command | None
) -> tuple[list[Path], list[Path]]:
    for folder, what in ((images, "image"), (masks, "mask")):
        if not folder.is_dir():
            raise refusal(f"{folder}: is not a folder; expected one of {what}s, correct the path", *next_step(command))
    image_paths, mask_paths = (list_images(folder, IMPORTED_SUFFIXES) for folder in (images, masks))
    if images.resolve() == masks.resolve():
        if not rule.pair and not rule.mask_suffix:
            raise _refuse_one_folder(images, image_paths, command)
        is_mask = {path: _is_mask(path.relative_to(images).as_posix(), patterns) for path in image_paths}
        image_paths, mask_paths = (
            [path for path in image_paths if not is_mask[path]],
            [path for path in mask_paths if is_mask[images / path.relative_to(masks)]],
        )
    elif masks.resolve().is_relative_to(images.resolve()):
        image_paths = _outside(image_paths, masks)
    elif images.resolve().is_relative_to(masks.resolve()):
        mask_paths = _outside(mask_paths, images)
    for folder, paths, what in ((images, image_paths, "image"), (masks, mask_paths, "mask")):
        if not paths:
            raise refusal(
                f"{folder}: found no {what}; expected files with {', '.join(IMPORTED_SUFFIXES)}", *next_step(command)
            )
    return image_paths, mask_paths


def _is_mask(relative: str, patterns: tuple[NamePattern, NamePattern]) -> bool:
    """True if a picture in a folder of both fits the pattern of masks, and not that of images with more characters."""
    image, mask = patterns
    if mask.key(relative) is None:
        return False
    return image.key(relative) is None or mask.num_literal >= image.num_literal


def _refuse_one_folder(folder: Path, paths: Sequence[Path], command: Command | None) -> DataError:
    found = f"{folder}: holds images and masks together, {counted(len(paths), 'picture')}"
    relative = [_nfc(path.relative_to(folder).as_posix()) for path in paths]
    guess = guess_in_one(relative) if relative else None
    if not guess:
        return refusal(
            f"{found}: {name_some(relative)}; tell them apart with --pair and two patterns of their names, such as "
            "--pair '{stem}.jpg' '{stem}.png', or move the masks to a folder of their own",
            *next_step(command),
        )
    return refusal(
        f"{found}: {name_some(relative)}; {describe(guess)}; tell them apart with --pair",
        *next_step(command, **as_options(guess)),
    )


def _outside(paths: Sequence[Path], folder: Path) -> list[Path]:
    inner = folder.resolve()
    return [path for path in paths if not path.resolve().is_relative_to(inner)]


def _to_side(
    folder: Path, paths: Sequence[Path], pattern: NamePattern, what: str, rule: PairRule, command: Command | None
) -> _Side:
    """The pictures by key; names that differ in case only are one on some machines."""
    keys = {path: pattern.key(path.relative_to(folder).as_posix()) for path in paths}
    by_key: dict[str, list[Path]] = {}
    for path, key in keys.items():
        if key is not None:
            by_key.setdefault(same_everywhere(key), []).append(path)
    others = [path for path, key in keys.items() if key is None]
    if doubles := [found for found in by_key.values() if len(found) > 1]:
        raise _refuse_doubles(folder, doubles, len(by_key), what, rule, command)
    return _Side(folder, {key: found[0] for key, found in by_key.items()}, others, what)


def _refuse_doubles(
    folder: Path, doubles: Sequence[list[Path]], num_names: int, what: str, rule: PairRule, command: Command | None
) -> DataError:
    pairs = name_some(" and ".join(path.relative_to(folder).as_posix() for path in sorted(found)) for found in doubles)
    text = (
        f"{folder}: {len(doubles)} of {num_names} {what}s have a name more than once: {pairs}; suffixes do not tell "
        'samples apart, nor do upper and lower case on every machine, and "/" becomes "__" in names; '
    )
    suffix = _common_suffix(doubles, num_names, folder)
    if suffix and not rule.pair:
        mask = f"{{stem}}{rule.mask_suffix}"
        pair = (f"{{stem}}{suffix}", mask) if what == "image" else ("{stem}", f"{mask}{suffix}")
        return refusal(
            f"{text}if those with {suffix} count, leave the others out, or rename one of each",
            *next_step(command, pair=pair, mask_suffix=""),
        )
    return refusal(f"{text}rename one of each, or move it away with its partner", *next_step(command))


def _common_suffix(doubles: Sequence[list[Path]], num_names: int, folder: Path) -> str:
    """A suffix of which every name has a file, "" if there is none or one name has two of them."""
    names: dict[str, set[str]] = {}
    if any(len({path.suffix.lower() for path in found}) < len(found) for found in doubles):
        return ""
    for path in list_images(folder, IMPORTED_SUFFIXES):
        stem = same_everywhere(without_suffix(path.relative_to(folder).as_posix()))
        names.setdefault(path.suffix.lower(), set()).add(stem)
    whole = [suffix for suffix, stems in names.items() if len(stems) >= num_names]
    return min(whole, key=IMPORTED_SUFFIXES.index, default="")


def _name_of(key: str, relative: str, pattern: NamePattern) -> str:
    return (pattern.key(relative) or key).replace("/", "__")


def _check_names(pairs: Sequence[Pair], command: Command | None) -> None:
    by_name: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_name.setdefault(same_everywhere(pair.name), []).append(pair)
    if doubles := [found for found in by_name.values() if len(found) > 1]:
        names = name_some(" and ".join(sorted(pair.relative for pair in found)) for found in doubles)
        raise refusal(
            f'{counted(len(doubles), "name")} of {len(by_name)} would be given more than once, "/" becomes "__" in '
            f"names: {names}; rename one of each",
            *next_step(command),
        )
    bad = {}
    for pair in pairs:
        try:
            check_name(pair.name, pair.image)
        except DataError as err:
            bad[pair.relative] = err
    if bad:
        first = next(iter(bad.values()))
        raise refusal(
            f"{counted(len(bad), 'image')} of {len(pairs)} have names that cannot be kept: {name_some(bad)}\n{first}, "
            "and its mask alike",
            *next_step(command),
        )


def _check_partners(images: _Side, masks: _Side, rule: PairRule, command: Command | None) -> list[str]:
    """Notes on the pictures that are left out."""
    lonely_images = [path for key, path in images.by_key.items() if key not in masks.by_key]
    lonely_masks = [path for key, path in masks.by_key.items() if key not in images.by_key]
    has_pairs = len(lonely_images) < len(images.by_key)
    refused = [
        (side, lonely)
        for side, lonely, choice in (
            (images, lonely_images, rule.unlabelled),
            (masks, lonely_masks, rule.unpaired_masks),
        )
        if lonely and (choice != "skip" or not has_pairs)
    ]
    if refused or not has_pairs:
        raise _refuse_unpaired(images, masks, refused, has_pairs, command)
    notes = [
        f"{side.name}s without {partner} were left out: {len(lonely)} ({name_some(map(side.relative, lonely))})"
        for side, lonely, partner in ((images, lonely_images, "a mask"), (masks, lonely_masks, "an image"))
        if lonely
    ]
    others = {path.resolve(): side.relative(path) for side in (images, masks) for path in side.others}
    if others:
        notes.append(f"pictures whose names fit no pattern were left out: {len(others)} ({name_some(others.values())})")
    return notes


def _refuse_unpaired(
    images: _Side,
    masks: _Side,
    refused: Iterable[tuple[_Side, Sequence[Path]]],
    has_pairs: bool,
    command: Command | None,
) -> DataError:
    parts = []
    skips: dict[str, str] = {}
    for side, lonely in refused:
        partner, option = ("mask", "unlabelled") if side is images else ("image", "unpaired_masks")
        skips[option] = "skip"
        parts.append(
            f"{side.folder}: {len(lonely)} of {len(side.by_key)} {side.name}s have no {partner}: "
            f"{name_some(map(side.relative, lonely))}"
        )
    for side in (images, masks):
        if not side.by_key:
            parts.append(
                f"{side.folder}: no {side.name}'s name fits its pattern, such as {shown(side.relative(side.others[0]))}"
            )
    guess = _guess(images, masks)
    if guess:
        parts.append(f"{describe(guess)}: pair them so")
        return refusal("\n".join(parts), *next_step(command, **as_options(guess)))
    if not has_pairs:
        parts.append(
            "the two of a pair have the same path below their folders, or names that fit two patterns, such as "
            "--pair '{stem}_image' '{stem}_mask'; rename them or give such patterns"
        )
        return refusal("\n".join(parts), *next_step(command))
    parts.append("add what is missing, or leave these out; the two of a pair have the same path below their folders")
    return refusal("\n".join(parts), *next_step(command, **skips))


def _guess(images: _Side, masks: _Side) -> tuple[str, str] | None:
    """Patterns that pair more than half of the masks that have no image."""
    lonely = {
        side.name: [_nfc(side.relative(path)) for key, path in side.by_key.items() if key not in other.by_key]
        + [_nfc(side.relative(path)) for path in side.others]
        for side, other in ((images, masks), (masks, images))
    }
    num_pairs = len(images.by_key.keys() & masks.by_key.keys())
    if min(len(names) for names in lonely.values()) <= num_pairs:  # patterns would be for the pairs too
        return None
    return guess_patterns(lonely["image"], lonely["mask"])


def _nfc(relative: str) -> str:
    return unicodedata.normalize("NFC", relative)
