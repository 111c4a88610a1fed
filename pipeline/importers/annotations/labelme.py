"""The importer of Labelme's JSON files, one beside each image."""

import base64
import posixpath
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import (
    Area,
    Choices,
    Drawing,
    Missing,
    Unannotated,
    declare,
    from_drawings,
    labels_of,
    notes_on,
)
from pipeline.importers.source import Source

if TYPE_CHECKING:
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.annotations.rasters import Patch

AREAS = ("polygon", "rectangle", "circle", "oriented_rectangle", "mask")
EXPECTED = "a file of Labelme: shapes (label, points, shape_type) and imagePath"


@dataclass(frozen=True, slots=True)
class _Shape:
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = None
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    shapes: list[_Shape]
    imagePath: str  # noqa: N815
    imageHeight: int | None = None  # noqa: N815
    imageWidth: int | None = None  # noqa: N815


def labelme(
    folder: Path,
    *,
    classes: Path | None = None,
    background: str = "background",
    unannotated: Unannotated = "refuse",
    missing: Missing = "refuse",
    group: str = "",
    samples: Path | None = None,
) -> Source:
    """Bring in images that were labelled with Labelme; shapes are painted in the order of each file.

    Example of the command: segline import labelme photos --unannotated skip

    Args:
        folder: folder of images and JSON files; an image that is not there may be within its JSON file (imageData).
        classes: class file; without one, the labels become classes in the order of their names.
        background: class of the pixels outside of all shapes, in front of the others if it is no label; '': ignored.
        unannotated: of images without JSON file or shapes.
        missing: of images that are not there.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: a file is damaged or contradicts its image, or images are missing or without shapes.
    """
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.annotations.reading import parse, read_json

    pictures = Pictures(folder)
    drawings, left_out = [], Counter[str]()
    for path in sorted(folder.rglob("*.json")):
        content = read_json(path)
        if not isinstance(content, dict) or "shapes" not in content:
            left_out["JSON files without shapes"] += 1
            continue
        file = parse(content, _File, path, EXPECTED)
        areas = [shape for shape in file.shapes if (shape.shape_type or "polygon") in AREAS]
        left_out["shapes without area (points, lines)"] += len(file.shapes) - len(areas)
        drawings.append(_drawing(folder, path, file, areas, pictures, bool(content.get("imageData"))))
    if not drawings:
        raise DataError(f"{folder}: found no JSON file with shapes; expected {EXPECTED}, beside each image")
    drawn = {drawing.image for drawing in drawings}
    drawings += [Drawing(relative, []) for relative in pictures.relatives() if relative not in drawn]
    labels = declare(folder, labels_of(drawings), background, classes)
    choices = Choices(background, unannotated, missing, group, samples)
    return from_drawings(folder, drawings, labels, folder, choices, ["later shapes lie on top", *notes_on(left_out)])


def _drawing(
    folder: Path, path: Path, file: _File, shapes: Sequence[_Shape], pictures: "Pictures", has_data: bool
) -> Drawing:
    """The image is that of `imagePath`, else that file beside the JSON file, else the one of the JSON file's name.

    Else it is the picture whose path has the longest end in common with the first.
    """
    from pipeline.vision.picture_files import SUFFIXES

    place = path.parent.relative_to(folder).as_posix()
    named = file.imagePath.replace("\\", "/")
    beside = [posixpath.basename(named), *(f"{path.stem}{suffix}" for suffix in SUFFIXES)]
    candidates = [posixpath.normpath(posixpath.join(place, name)) for name in (named, *beside)]
    image = next((name for name in candidates if name in pictures), "")
    near = None if image else pictures.pair(candidates[1], path)
    image = image or (near.relative if near else candidates[1])
    size = (file.imageHeight, file.imageWidth) if file.imageHeight and file.imageWidth else None
    areas = [Area(shape.label, partial(_draw, shape, path)) for shape in shapes]
    return Drawing(image, areas, size, file=path, embedded=partial(_image_data, path) if has_data else None)


def _image_data(path: Path) -> bytes:
    from pipeline.importers.annotations.reading import read_json

    return _decode(read_json(path)["imageData"], f"{path}: imageData")


def _decode(text: Any, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as err:
        raise DataError(f"{what} is damaged ({err}); save the file with Labelme again") from err


def _draw(shape: _Shape, path: Path, height: int, width: int) -> "Patch":
    from pipeline.importers.annotations.rasters import as_corners, fill_as_labelme, place
    from pipeline.vision.codec import decode_stored
    from pipeline.vision.picture_files import as_picture

    if shape.shape_type != "mask":
        return fill_as_labelme(shape.shape_type or "polygon", shape.points, height, width)
    pixels = decode_stored(as_picture(path, _decode(shape.mask, "a mask")))
    (left, top), (right, bottom) = as_corners(shape.points, height, width)[[0, -1]].astype(int).tolist()
    if pixels.shape != (bottom - top + 1, right - left + 1):
        raise DataError(
            f"a mask has {pixels.shape} pixels (height, width), its corners ({left}, {top}), ({right}, {bottom}); "
            "correct or remove the shape"
        )
    return place(pixels > 0, left, top, height, width)
