"""The importer of masks of single objects, several files for each image, which are united."""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import (
    Area,
    Choices,
    Drawing,
    Unannotated,
    declare,
    examples,
    from_drawings,
)
from pipeline.importers.source import Source

if TYPE_CHECKING:
    from pipeline.importers.annotations.rasters import Patch

NO_PART_OF_A_NAME = ("images", "masks")
"""Folders as in the Data Science Bowl 2018: STEM/images/STEM.png, STEM/masks/*.png."""


def instances(
    images: Path,
    masks: Path,
    *,
    class_of: str = "",
    class_name: str = "object",
    classes: Path | None = None,
    background: str = "background",
    unannotated: Unannotated = "refuse",
    group: str = "",
    samples: Path | None = None,
) -> Source:
    """Bring in images with a mask file for each object or class: MASKS/STEM/*.png or MASKS/STEM_*.png.

    Masks are painted in the order of their names; each pixel that is not 0 belongs to the object.

    Example of the command: segline import instances stage1_train stage1_train --class-name nucleus

    Args:
        images: folder of images.
        masks: folder of masks; it may be that of the images if folders named images and masks tell them apart.
        class_of: regular expression; its first bracket is the class in a mask's path, such as '_([a-z]+)[.]png$'.
        class_name: class of all masks, without --class-of.
        classes: class file; without one, the classes are in the order of their names.
        background: class of the pixels outside of all masks, in front of the others if it is no class; '': ignored.
        unannotated: of images without any mask.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: a mask has no image, another size, no class or several values, or images are without masks.
    """
    image_of, mask_paths = _list_sides(images, masks)
    masks_of: dict[str, list[Path]] = defaultdict(list)
    lonely = []
    for path in mask_paths:
        if (key := _image_key(_key(masks, path), image_of)) is not None:
            masks_of[key].append(path)
        else:
            lonely.append(path.relative_to(masks).as_posix())
    if lonely:
        raise DataError(
            f"{masks}: {len(lonely)} of {len(mask_paths)} masks have no image: {examples(lonely)}; expected "
            "STEM/*.png or STEM_*.png for an image STEM.png; add the images, or move these masks away"
        )
    label_of = _classes_of(masks, mask_paths, class_of, class_name)
    drawings = [
        Drawing(image, [Area(label_of[path], partial(_draw, path)) for path in masks_of[key]])
        for key, image in image_of.items()
    ]
    labels = declare(masks, sorted(set(label_of.values())), background, classes)
    choices = Choices(background, unannotated, "refuse", group, samples)
    return from_drawings(masks, drawings, labels, images, choices, ["later masks lie on top, by name"])


def _list_sides(images: Path, masks: Path) -> tuple[dict[str, str], list[Path]]:
    """Relative path of each image by its key, and the masks' paths in order."""
    from pipeline.disk.regular_files import check_place
    from pipeline.vision.picture_files import list_images

    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: is not a folder; correct the path")
    image_paths, mask_paths = list_images(images), list_images(masks)
    if images.resolve() == masks.resolve():
        mask_paths = [path for path in mask_paths if "masks" in path.relative_to(masks).parts[:-1]]
        image_paths = sorted(set(image_paths) - set(mask_paths))
    else:
        image_paths = [path for path in image_paths if not path.resolve().is_relative_to(masks.resolve())]
    if not image_paths or not mask_paths:
        raise DataError(
            f"{images}, {masks}: found {len(image_paths)} images and {len(mask_paths)} masks; expected some of "
            "both, in two folders or below folders named images and masks"
        )
    for path in mask_paths:
        check_place(path, (masks,))
    image_of: dict[str, str] = {}
    for path in image_paths:
        relative = path.relative_to(images).as_posix()
        if other := image_of.get(key := _key(images, path)):
            raise DataError(f"{path}: its masks cannot be told from those of {other}; rename one of the images")
        image_of[key] = relative
    return image_of, mask_paths


def _key(folder: Path, path: Path) -> str:
    """The path below a folder that an image shares with its masks: a/images/a.png gives a, a/masks/1.png gives a/1."""
    parts = path.relative_to(folder).with_suffix("").parts
    parts = (*(part for part in parts[:-1] if part not in NO_PART_OF_A_NAME), parts[-1])
    return "/".join(parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts)


def _image_key(key: str, images: dict[str, str]) -> str | None:
    """The longest key of an image that a mask's key is equal to, or begins with in front of / _ - . or a blank."""
    ends = [len(key), *(place for place in range(len(key) - 1, 0, -1) if key[place] in "/_-. ")]
    return next((key[:end] for end in ends if key[:end] in images), None)


def _classes_of(folder: Path, masks: list[Path], class_of: str, class_name: str) -> dict[Path, str]:
    if not class_of:
        return dict.fromkeys(masks, class_name)
    from pipeline.importers.groups import compile_pattern

    pattern = compile_pattern("class", class_of, "_([a-z]+)[.]png$")
    matches = {path: pattern.search(path.relative_to(folder).as_posix()) for path in masks}
    if lost := [path.relative_to(folder).as_posix() for path, match in matches.items() if not match or not match[1]]:
        raise DataError(
            f"--class-of {class_of!r} finds nothing in {len(lost)} of {len(masks)} masks' paths: {examples(lost)}; "
            "widen the expression"
        )
    return {path: match[1] for path, match in matches.items() if match}


def _draw(path: Path, height: int, width: int) -> "Patch":
    import numpy as np

    from pipeline.importers.annotations.rasters import WHOLE
    from pipeline.vision.codec import read_stored

    stored = read_stored(path)
    if stored.shape[:2] != (height, width):
        raise DataError(f"{path}: mask is {stored.shape[:2]}, image {(height, width)} (height, width); export it again")
    pixels = stored if stored.ndim == 2 else stored.max(axis=2)
    if len(values := np.unique(pixels[pixels > 0])) > 1:
        raise DataError(
            f"{path}: has {len(values)} values beside 0, expected one; a mask of several objects or classes is for "
            "`segline import folder`, smoothed edges must be cut at a threshold"
        )
    return WHOLE, np.asarray(pixels > 0)
