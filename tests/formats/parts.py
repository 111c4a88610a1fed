"""What the writers share: files of images, class files, groups, splits, and the outlines of the areas of a mask."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.vision.codec import write_png

IGNORED = 255
VOID = "void"
"""Name of the ignored label."""
SCALE = 4
"""Outlines are found on a mask that is this many times as large, so that they run along the edges of pixels."""


class Region(NamedTuple):
    """An area of one class without its holes, whose areas are regions of their own.

    Attributes:
        class_id: 255 if it is ignored.
        outline: (N, 2) x and y along the edges of the pixels.
        corners: (N, 2) whole x and y of the pixels along the edge.
        num_px: with its holes.
    """

    class_id: int
    outline: np.ndarray
    corners: np.ndarray
    num_px: float


def write_images(folder: Path, images: Mapping[str, np.ndarray]) -> None:
    """Writes NAME.png for each image."""
    for name, image in images.items():
        write_png(folder / f"{name}.png", image)


def write_classes(folder: Path, names: Sequence[str]) -> list[str]:
    """Writes a class file in which `VOID` is ignored; gives the options that name it."""
    (folder / "classes.txt").write_text("\n".join([*names, VOID]))
    return ["--classes", "classes.txt", "--background", names[0]]


def group_words(images: Mapping[str, np.ndarray], pattern: str = "^([^_]+)_") -> list[str]:
    """The option that makes what is in front of the first underscore of a name the group, if all names have one."""
    return ["--group", pattern] if all("_" in name for name in images) else []


def split_of(images: Mapping[str, np.ndarray]) -> dict[str, str]:
    """A split for each name: of the groups, a fifth each is val and test, at least one."""
    groups = sorted({name.partition("_")[0] for name in images})
    num_held_out = max(len(groups) // 5, 1)
    of_group = dict.fromkeys(groups, "train") | dict.fromkeys(groups[:num_held_out], "test")
    of_group |= dict.fromkeys(groups[num_held_out : 2 * num_held_out], "val")
    return {name: of_group[name.partition("_")[0]] for name in images}


def regions(mask: np.ndarray) -> Iterator[Region]:
    """All regions of a mask from large to small: painted in this order they give the mask."""
    found = [region for class_id in np.unique(mask) for region in _regions_of(mask == class_id, int(class_id))]
    yield from sorted(found, key=lambda region: -region.num_px)


def _regions_of(where: np.ndarray, class_id: int) -> Iterator[Region]:
    number, labels = cv2.connectedComponents(where.astype(np.uint8), connectivity=4)
    for label in range(1, number):
        part = (labels == label).astype(np.uint8)
        top, left = (int(axis.min()) for axis in np.nonzero(part))
        tight = part[top:, left:]
        tight = tight[: int(np.nonzero(tight)[0].max()) + 1, : int(np.nonzero(tight)[1].max()) + 1]
        corners = _outer(tight)
        outline = (_outer(np.kron(tight, np.ones((SCALE, SCALE), np.uint8))) + 0.5) / SCALE
        filled = cv2.drawContours(np.zeros_like(tight), [corners.astype(np.int32)], -1, 1, cv2.FILLED)
        yield Region(class_id, outline + (left, top), corners + (left, top), float(filled.sum()))


def _outer(part: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(max(contours, key=len)[:, 0])
