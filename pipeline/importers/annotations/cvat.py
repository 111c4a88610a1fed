"""The importer of CVAT's export "CVAT for images 1.1"."""

from collections import Counter
from collections.abc import Sequence
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
)
from pipeline.importers.annotations.voc import SPLIT_OF_LIST
from pipeline.importers.source import Source
from pipeline.text import quoted, shown

if TYPE_CHECKING:
    from pipeline.importers.annotations.rasters import Patch

AREAS = ("box", "polygon", "ellipse", "mask")


def cvat(
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
    """Bring in images with CVAT's annotations; areas are painted by z_order, then in the order of the file.

    A project's subsets train, val and test are frozen splits. If it has several tasks, each is a group.

    Example of the command: segline import cvat annotations.xml images --unannotated skip

    Args:
        annotations: XML file of the export "CVAT for images 1.1".
        images: folder of the images; each is found by the end of its name.
        classes: class file; without one, the labels of the file in their order.
        background: class of the pixels outside of all areas, in front of the others if it is no label; '': ignored.
        unannotated: of images without any area.
        missing: of images that are not there.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: the file is damaged or contradicts the images, or images are missing or without areas.
    """
    from pipeline.importers.annotations.reading import read_xml

    root = read_xml(annotations)
    elements = root.findall("image")
    if root.tag != "annotations" or not elements:
        found = "tracks, as of a video" if root.find("track") is not None else f"<{shown(root.tag)}>"
        raise DataError(
            f"{annotations}: found {found} and no images; export the task once more as 'CVAT for images 1.1'"
        )
    tasks = {task for image in elements if (task := image.get("task_id"))}
    drawings = [_drawing(annotations, image, has_groups=len(tasks) > 1) for image in elements]
    names = [name.text or "" for name in root.findall("meta//labels/label/name")]
    names = names or labels_of(drawings)
    others = Counter(str(element.tag) for image in elements for element in image if element.tag not in AREAS)
    notes = [f"elements {tag} were left out: {number}" for tag, number in sorted(others.items()) if tag != "tag"]
    if len(tasks) > 1 and not group:
        notes.append(f"the {len(tasks)} tasks of the export are the groups; --group '(.+)' makes each image its own")
    labels = declare(annotations, list(dict.fromkeys(names)), background, classes)
    choices = Choices(background, unannotated, missing, group, samples)
    return from_drawings(annotations, drawings, labels, images, choices, notes)


def _drawing(path: Path, image: Any, has_groups: bool) -> Drawing:
    try:
        size = int(image.attrib["height"]), int(image.attrib["width"])
        ordered = sorted((element for element in image if element.tag in AREAS), key=lambda e: int(e.get("z_order", 0)))
        areas = [Area(element.attrib["label"], partial(_draw, element)) for element in ordered]
        name = image.attrib["name"]
    except (KeyError, ValueError) as err:
        raise DataError(
            f"{path}: image {quoted(image.get('name'))} lacks {shown(str(err))}; expected name, width, height and, for "
            "each area, a label and a whole z_order; export it again"
        ) from err
    task = f"task {image.get('task_id')}" if has_groups and image.get("task_id") else ""
    return Drawing(name, areas, size, group=task, split=SPLIT_OF_LIST.get(image.get("subset", "").lower(), ""))


def _draw(element: Any, height: int, width: int) -> "Patch":
    from pipeline.importers.annotations.rasters import fill_ellipse_as_cvat, fill_polygons, turned_box

    if element.tag == "polygon":
        points = [pair.split(",") for pair in element.get("points", "").split(";")]
        return fill_polygons([points], height, width)
    if element.tag == "mask":
        return _draw_mask(element, height, width)
    degrees = _number(element, "rotation", "0")
    if element.tag == "ellipse":
        cx, cy, rx, ry = (_number(element, name) for name in ("cx", "cy", "rx", "ry"))
        return fill_ellipse_as_cvat((cx, cy), (rx, ry), degrees, (height, width))
    left, top, right, bottom = (_number(element, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    centre = (left + right) / 2, (top + bottom) / 2
    return fill_polygons([turned_box(left, top, right, bottom, degrees, centre)], height, width)


def _draw_mask(element: Any, height: int, width: int) -> "Patch":
    from pipeline.importers.annotations.rasters import check_part, place
    from pipeline.vision.runs import fill_runs

    left, top, columns, rows = (int(_number(element, name)) for name in ("left", "top", "width", "height"))
    check_part(left, top, left + columns, top + rows, height, width)
    try:
        counts: Sequence[int] = [int(count) for count in element.get("rle", "").split(",")]
    except ValueError as err:
        raise DataError(f"run lengths (RLE) of a mask are damaged ({shown(str(err))}); export it again") from err
    return place(fill_runs(counts, rows * columns).reshape(rows, columns), left, top, height, width)


def _number(element: Any, name: str, otherwise: str = "") -> float:
    try:
        return float(element.get(name, otherwise))
    except ValueError as err:
        raise DataError(
            f"{name} of a {element.tag} is {quoted(element.get(name))}, expected a number; export it again"
        ) from err
