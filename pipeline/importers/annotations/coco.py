"""The importer of COCO's annotations of instances (Lin et al., 2014): polygons, run lengths and crowds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import (
    Area,
    Choices,
    Drawing,
    Missing,
    Unannotated,
    declare,
    examples,
    from_drawings,
)
from pipeline.importers.source import Source

if TYPE_CHECKING:
    from pipeline.importers.annotations.rasters import Patch

EXPECTED = "COCO's JSON of instances: images (id, file_name, height, width), annotations and categories (id, name)"


@dataclass(frozen=True, slots=True)
class _Image:
    id: int | str
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class _Category:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class _Runs:
    size: tuple[int, int]
    counts: list[int] | str


@dataclass(frozen=True, slots=True)
class _Annotation:
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | _Runs | None = None
    iscrowd: int = 0
    bbox: list[float] | None = None


@dataclass(frozen=True, slots=True)
class _File:
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


@dataclass(frozen=True)
class _CocoArea(Area):
    is_crowd: bool


def coco(
    annotations: Path,
    images: Path,
    *,
    background: str = "background",
    crowd: Literal["ignore", "class"] = "ignore",
    boxes: Literal["refuse", "fill", "skip"] = "refuse",
    unannotated: Unannotated = "refuse",
    missing: Missing = "refuse",
    group: str = "",
    samples: Path | None = None,
) -> Source:
    """Bring in images with COCO's annotations; the categories become classes in the order of their ids.

    Example of the command: segline import coco instances_val2017.json val2017 --unannotated background

    Args:
        annotations: JSON file of instances.
        images: folder of the images; each is found by the end of its file_name.
        background: class of the pixels outside of all areas, in front of the others if it is no category; '': ignored.
        crowd: ignore: pixels of crowds (iscrowd) outside of other areas are ignored; class: they are their category's.
        boxes: of annotations that have a box and no segmentation.
        unannotated: of images without any area.
        missing: of images that are not there.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: the file contradicts itself or the images, or images are missing or without areas.
    """
    from pipeline.importers.annotations.reading import parse, read_json

    content = parse(read_json(annotations), _File, annotations, EXPECTED)
    _check_ids(annotations, content)
    if boxes == "refuse":
        _refuse_boxes(annotations, content.annotations)
    names = {category.id: category.name for category in sorted(content.categories, key=lambda row: row.id)}
    areas: dict[int | str, list[_CocoArea]] = {image.id: [] for image in content.images}
    for row in content.annotations:
        if row.segmentation or boxes == "fill":
            is_ignored = bool(row.iscrowd) and crowd == "ignore"
            label = None if is_ignored else names[row.category_id]
            areas[row.image_id].append(_CocoArea(label, partial(_draw, row), bool(row.iscrowd)))
    drawings = [Drawing(image.file_name, areas[image.id], (image.height, image.width)) for image in content.images]
    labels = declare(annotations, list(names.values()), background)
    choices = Choices(background, unannotated, missing, group, samples, _from_below)
    notes = ["where areas overlap, the smaller lies on top"]
    if any(row.iscrowd for row in content.annotations):
        notes.append(f"crowds lie below all other areas and are {'ignored' if crowd == 'ignore' else 'of their class'}")
    return from_drawings(annotations, drawings, labels, images, choices, notes)


def _check_ids(path: Path, content: _File) -> None:
    for what, ids in (("images", content.images), ("categories", content.categories)):
        if doubles := [str(id_) for id_, count in Counter(row.id for row in ids).items() if count > 1]:
            raise DataError(
                f"{path}: {len(doubles)} {what} have the id of another: {examples(doubles)}; export it again"
            )
    image_ids, category_ids = {row.id for row in content.images}, {row.id for row in content.categories}
    lost = [
        f"annotation {number} (image_id {row.image_id}, category_id {row.category_id})"
        for number, row in enumerate(content.annotations, start=1)
        if row.image_id not in image_ids or row.category_id not in category_ids
    ]
    if lost:
        raise DataError(
            f"{path}: {len(lost)} of {len(content.annotations)} annotations have no image or category of their id: "
            f"{examples(lost)}; export the whole file again"
        )


def _refuse_boxes(path: Path, annotations: Sequence[_Annotation]) -> None:
    if number := sum(not row.segmentation for row in annotations):
        raise DataError(
            f"{path}: {number} of {len(annotations)} annotations have no segmentation, at most a box, which says "
            "little of the pixels in it; say what they are: --boxes fill if all pixels in a box are of its class, "
            "--boxes skip to leave them out"
        )


def _draw(row: _Annotation, height: int, width: int) -> "Patch":
    from pipeline.importers.annotations.rasters import fill_coco, fill_polygons
    from pipeline.vision.runs import parse_counts

    if isinstance(row.segmentation, _Runs):
        if row.segmentation.size != (height, width):
            raise DataError(
                f"run lengths (RLE) are of {row.segmentation.size} pixels (height, width), the image has "
                f"{(height, width)}; bring the image that was annotated"
            )
        counts = row.segmentation.counts
        return fill_coco(parse_counts(counts) if isinstance(counts, str) else counts, height, width)
    return fill_polygons([_pairs(polygon) for polygon in row.segmentation or [_corners(row.bbox)]], height, width)


def _pairs(numbers: Sequence[float]) -> list[Sequence[float]]:
    if len(numbers) % 2:
        raise DataError(f"a polygon has {len(numbers)} numbers, expected x and y of each corner; correct it")
    return [numbers[place : place + 2] for place in range(0, len(numbers), 2)]


def _corners(bbox: Any) -> list[float]:
    if bbox is None or len(bbox) != 4:
        raise DataError(
            "an annotation has neither a segmentation nor a box of four numbers; leave it out: --boxes skip"
        )
    x, y, width, height = bbox
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def _from_below(areas: Sequence[Area], height: int, width: int) -> list[Area]:
    """Crowds first, then larger areas before smaller ones; equal ones in the file's order."""

    def rank(area: Area) -> tuple[bool, int]:
        assert isinstance(area, _CocoArea)
        return not area.is_crowd, -int(area.draw(height, width)[1].sum())

    return sorted(areas, key=rank)
