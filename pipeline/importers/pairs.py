"""Pairs of images and masks with the same path below their two folders."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.dataset.names import check_name, first_double, same_everywhere
from pipeline.disk.regular_files import check_place
from pipeline.errors import DataError
from pipeline.text import show_names, shown
from pipeline.vision.picture_files import SUFFIXES, list_images

NUM_LOOKED_AT = 50


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Attributes:
        name: path of the image below its folder, without suffix, "/" written as "__".
        relative: the same path as it is, with suffix.
    """

    name: str
    relative: str
    image: Path
    mask: Path


def pair_files(images: Path, masks: Path, mask_suffix: str = "") -> list[Pair]:
    """Pairs the pictures of two folders, and of all folders below, by relative path without suffix.

    Args:
        images: folder of the images.
        masks: folder of the masks; it may lie in `images`, or be the same if `mask_suffix` tells them apart.
        mask_suffix: end of a mask's name beyond the image's, such as "_mask".

    Returns:
        Pairs in order of name.

    Raises:
        DataError: a folder is missing or has no picture, an image has no mask or a mask no image, two have one name, a
            name does not fit every machine, or a file is a link out of its folder or not a regular file.
    """
    image_paths, mask_paths = _list_sides(images, masks, mask_suffix)
    for folder, paths in ((images, image_paths), (masks, mask_paths)):
        if not paths:
            raise DataError(f"{folder}: found no {_what(folder, masks)}; expected files with {', '.join(SUFFIXES)}")
    image_of = _by_key(images, image_paths, "")
    mask_of = _by_key(masks, mask_paths, mask_suffix)
    if image_of.keys() != mask_of.keys():
        raise DataError(_describe_unpaired(images, masks, image_of, mask_of))
    if mask_suffix and not any(path.stem.endswith(mask_suffix) for path in mask_paths):
        raise DataError(
            f"{masks}: no mask's name ends with the suffix {shown(mask_suffix)}, such as {shown(mask_paths[0].name)}; "
            "correct --mask-suffix or leave it out"
        )
    pairs = [
        Pair(key.replace("/", "__"), path.relative_to(images).as_posix(), path, mask_of[key])
        for key, path in image_of.items()
    ]
    for pair in pairs:
        check_name(pair.name, pair.image)
        check_place(pair.image, (images,))
        check_place(pair.mask, (masks,))
    if double := first_double(pairs, lambda pair: same_everywhere(pair.name)):
        raise DataError(
            f"{double[1].image}: would have the name {double[1].name} like {double[0].image}; rename one, "
            '"/" becomes "__" in names, and not every machine tells upper from lower case'
        )
    return sorted(pairs, key=lambda pair: pair.name)


def count_other_files(folder: Path) -> int:
    """Number of files below a folder that are neither hidden nor pictures."""
    return sum(
        path.is_file() and path.suffix.lower() not in SUFFIXES and not path.name.startswith(".")
        for path in folder.rglob("*")
    )


def count_hidden_pictures(folder: Path) -> int:
    """Number of pictures below a folder whose own name begins with a dot."""
    return sum(path.is_file() and path.suffix.lower() in SUFFIXES for path in folder.rglob(".*"))


def _list_sides(images: Path, masks: Path, mask_suffix: str) -> tuple[list[Path], list[Path]]:
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: is not a folder; expected one of {_what(folder, masks)}s, correct the path")
    image_paths, mask_paths = list_images(images), list_images(masks)
    if images.resolve() == masks.resolve():
        if not mask_suffix:
            raise DataError(
                f"{images}: holds images and masks together; tell them apart with --mask-suffix, such as _mask"
            )
        return (
            [path for path in image_paths if not path.stem.endswith(mask_suffix)],
            [path for path in mask_paths if path.stem.endswith(mask_suffix)],
        )
    return (
        _outside(image_paths, masks) if masks.resolve().is_relative_to(images.resolve()) else image_paths,
        _outside(mask_paths, images) if images.resolve().is_relative_to(masks.resolve()) else mask_paths,
    )


def _outside(paths: Sequence[Path], folder: Path) -> list[Path]:
    inner = folder.resolve()
    return [path for path in paths if not path.resolve().is_relative_to(inner)]


def _what(folder: Path, masks: Path) -> str:
    return "mask" if folder == masks else "image"


def _by_key(folder: Path, paths: Sequence[Path], suffix: str) -> dict[str, Path]:
    """Paths by relative path without suffix; a mask whose name lacks the mask suffix keeps all of it."""
    keys = {path: _key_of(path, folder).removesuffix(suffix) for path in paths}
    if double := first_double(paths, keys.__getitem__):
        other, path = (shown(str(path)) for path in double)
        raise DataError(f"{path}: has the same name as {other}; rename one, names tell samples apart")
    return {key: path for path, key in keys.items()}


def _key_of(path: Path, folder: Path) -> str:
    """The path below the folder without suffix; an accent is one character, however the file system writes it."""
    return unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())


def _describe_unpaired(images: Path, masks: Path, image_of: dict[str, Path], mask_of: dict[str, Path]) -> str:
    lonely_images, lonely_masks = image_of.keys() - mask_of.keys(), mask_of.keys() - image_of.keys()
    parts = []
    if lonely_images:
        names = show_names(image_of[key].relative_to(images).as_posix() for key in lonely_images)
        parts.append(f"{images}: {len(lonely_images)} of {len(image_of)} images have no mask: {names}")
    if lonely_masks:
        names = show_names(mask_of[key].relative_to(masks).as_posix() for key in lonely_masks)
        parts.append(f"{masks}: {len(lonely_masks)} of {len(mask_of)} masks have no image: {names}")
    guess = _guess_suffix(image_of, [_key_of(mask_of[key], masks) for key in sorted(lonely_masks)])
    parts.append(
        f"these masks end with {guess!r} beyond the image's name: give --mask-suffix {guess}"
        if guess
        else "add what is missing or move the others away; the two of a pair have the same path below their folders"
    )
    return "\n".join(parts)


def _guess_suffix(image_of: dict[str, Path], lonely_masks: Sequence[str]) -> str:
    """The most frequent end of the masks' names beyond an image's; "" if fewer than half have it."""
    guesses = Counter(_suffix_beyond(image_of, key) for key in lonely_masks[:NUM_LOOKED_AT])
    guess, number = guesses.most_common(1)[0] if guesses else ("", 0)
    return guess if 2 * number >= guesses.total() else ""


def _suffix_beyond(image_of: dict[str, Path], key: str) -> str:
    cuts = range(len(key) - 1, key.rfind("/") + 1, -1)
    return next((key[cut:] for cut in cuts if key[:cut] in image_of), "")
