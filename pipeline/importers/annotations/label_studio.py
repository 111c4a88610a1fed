"""The importer of Label Studio's JSON export."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

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
from pipeline.text import quoted

if TYPE_CHECKING:
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.annotations.rasters import Patch

EXPECTED = "Label Studio's export JSON (not JSON-MIN): a list of tasks with data and annotations (result)"
HASH = re.compile(r"^[0-9a-f]{8}-")
"""In front of an uploaded file's name."""


@dataclass(frozen=True, slots=True)
class _Result:
    type: str = ""
    value: Any = None
    original_width: int = 0
    original_height: int = 0
    image_rotation: float = 0


@dataclass(frozen=True, slots=True)
class _Annotation:
    result: list[_Result]
    was_cancelled: bool | None = False
    ground_truth: bool | None = False
    updated_at: str | None = ""


@dataclass(frozen=True, slots=True)
class _Task:
    data: dict[str, Any]
    annotations: list[_Annotation]


def label_studio(
    annotations: Path,
    images: Path,
    *,
    classes: Path | None = None,
    background: str = "background",
    unannotated: Unannotated = "refuse",
    missing: Missing = "refuse",
    group: str = "",
    samples: Path | None = None,
) -> Source:
    """Bring in images with Label Studio's annotations; areas are painted in the order of the file.

    Of several annotations of an image, the one marked as ground truth counts, else the one changed last.

    Example of the command: segline import label-studio project-1.json images --unannotated skip

    Args:
        annotations: JSON file of the export JSON (not JSON-MIN).
        images: folder of the images; each is found by the end of its path, with or without the prefix of an upload.
        classes: class file; without one, the labels become classes in the order of their names.
        background: class of the pixels outside of all areas, in front of the others if it is no label; '': ignored.
        unannotated: of images without any area.
        missing: of images that are not there.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: the file is damaged or contradicts the images, or images are missing or without areas.
    """
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.annotations.reading import parse, read_json

    tasks = parse(read_json(annotations), list[_Task], annotations, EXPECTED)
    pictures, left_out = Pictures(images), Counter[str]()
    drawings = [_drawing(annotations, task, pictures, left_out) for task in tasks]
    labels = declare(annotations, labels_of(drawings), background, classes)
    choices = Choices(background, unannotated, missing, group, samples)
    return from_drawings(
        annotations, drawings, labels, images, choices, ["later areas lie on top", *notes_on(left_out)]
    )


def _drawing(path: Path, task: _Task, pictures: "Pictures", left_out: Counter[str]) -> Drawing:
    done = [annotation for annotation in task.annotations if not annotation.was_cancelled]
    left_out.update({"further annotations of an image": len(done) - 1} if len(done) > 1 else {})
    best = max(done, key=lambda annotation: (bool(annotation.ground_truth), annotation.updated_at or ""), default=None)
    areas, size = [], None
    for result in best.result if best else []:
        value = result.value if isinstance(result.value, dict) else {}
        labels = next((value[key] for key in value if key.endswith("labels")), None)
        if not labels or not ({"points", "rle", "radiusX"} & value.keys() or {"x", "height"} <= value.keys()):
            left_out[f"results of type {quoted(result.type)}"] += 1
            continue
        if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
            raise DataError(f"{path}: an area has the labels {quoted(labels)}, expected one; choose it in Label Studio")
        areas.append(Area(labels[0], partial(_draw, result)))
        size = (result.original_height, result.original_width)
    return Drawing(_image_of(path, task, pictures), areas, size)


def _image_of(path: Path, task: _Task, pictures: "Pictures") -> str:
    """The path in the task's data; without the upload's prefix if the folder has the image under that name."""
    texts = [text for text in (task.data.get("image"), *task.data.values()) if isinstance(text, str)]
    if not texts:
        raise DataError(f"{path}: a task's data have no image: {quoted(task.data)}; expected {EXPECTED}")
    url = urlsplit(texts[0]) if "://" in texts[0] or "?" in texts[0] else None
    name = (parse_qs(url.query).get("d") or [unquote(url.path)])[0] if url else unquote(texts[0])
    *parents, last = re.split(r"[/\\]", name)
    without = "/".join([*parents, HASH.sub("", last)])
    return name if pictures.pair(name, path) or not pictures.pair(without, path) else without


def _draw(result: _Result, height: int, width: int) -> "Patch":
    from pipeline.importers.annotations.rasters import WHOLE, fill_ellipse, fill_polygons, turned_box
    from pipeline.vision.runs import fill_brush

    value = result.value
    if result.image_rotation or (result.original_height, result.original_width) != (height, width):
        raise DataError(
            f"an area was drawn on an image of {result.original_height} x {result.original_width} (height x width), "
            f"turned by {result.image_rotation:g} degrees, the image is {height} x {width}; bring the image that was "
            "annotated"
        )
    if "rle" in value:
        return WHOLE, fill_brush(_numbers(value, "rle", int), height, width)
    if "points" in value:
        return fill_polygons([value["points"]], height, width, scale=(width / 100, height / 100))
    names = ("x", "y", "radiusX", "radiusY") if "radiusX" in value else ("x", "y", "width", "height")
    x, y, across, down = _numbers([value.get(name) for name in names], ", ".join(names), int | float)
    (degrees,) = _numbers([value.get("rotation", 0)], "rotation", int | float)
    x, y, across, down = x * width / 100, y * height / 100, across * width / 100, down * height / 100
    if "radiusX" in value:
        return fill_ellipse((x, y), (across, down), degrees, (height, width))
    return fill_polygons([turned_box(x, y, x + across, y + down, degrees, (x, y))], height, width)


def _numbers(values: Any, what: str, kind: Any) -> Sequence[Any]:
    values = values[what] if isinstance(values, dict) else values
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise DataError(f"{what} of an area is {quoted(values)}, expected numbers; export it again")
    return values
