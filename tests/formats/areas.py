"""Writers of formats that list areas: COCO, Labelme, CVAT and Label Studio."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from pipeline.vision.codec import encode_png
from tests.formats.parts import IGNORED, VOID, Region, group_words, regions, write_classes, write_images

Images = Mapping[str, np.ndarray]


def write_coco(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Regions without holes are polygons, those with holes and every second one run lengths, ignored pixels crowds."""
    write_images(folder / "images", images)
    rows: list[dict[str, Any]] = []
    for image_id, name in enumerate(sorted(masks), start=1):
        for region in regions(masks[name]):
            if region.class_id:
                row = {"id": len(rows) + 1, "image_id": image_id, "category_id": region.class_id % IGNORED or 1}
                rows.append(row | _segmentation(masks[name], region))
    content = {
        "images": [
            {"id": number, "file_name": f"{name}.png", "height": masks[name].shape[0], "width": masks[name].shape[1]}
            for number, name in enumerate(sorted(masks), start=1)
        ],
        "annotations": rows,
        "categories": [{"id": id_, "name": name} for id_, name in enumerate(names) if id_],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    words = ["coco", "annotations.json", "images", "--background", names[0], "--unannotated", "background"]
    return words + group_words(images)


def _segmentation(mask: np.ndarray, region: Region) -> dict[str, Any]:
    whole = np.zeros(mask.shape, np.uint8)
    left, top = region.corners.min(axis=0)
    right, bottom = region.corners.max(axis=0) + 1
    part = (slice(top, bottom), slice(left, right))
    is_ignored = region.class_id == IGNORED
    if not is_ignored and (mask[part] == region.class_id).sum() == region.num_px:
        return {"segmentation": [region.outline.ravel().tolist()], "iscrowd": 0}
    whole[part] = mask[part] == region.class_id  # with other regions of the class: painted twice, they stay the same
    flat = whole.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat, prepend=0, append=2))
    counts = np.diff(ends, prepend=0).tolist()
    return {"segmentation": {"size": [*mask.shape], "counts": counts}, "iscrowd": int(is_ignored)}


def write_labelme(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """A JSON file beside each image; every fifth image is within it alone."""
    for number, name in enumerate(sorted(masks)):
        is_within = number % 5 == 4
        write_images(folder / "photos", {} if is_within else {name: images[name]})
        content = {
            "version": "5.5.0",
            "flags": {},
            "imagePath": f"{name}.png",
            "imageData": base64.b64encode(encode_png(images[name])).decode() if is_within else None,
            "imageHeight": masks[name].shape[0],
            "imageWidth": masks[name].shape[1],
            "shapes": [
                {"label": _label(region, names), "points": _polygon(region), "shape_type": "polygon", "group_id": None}
                for region in regions(masks[name])
            ],
        }
        (folder / "photos" / f"{name}.json").write_text(json.dumps(content))
    return ["labelme", "photos", *write_classes(folder, names), *group_words(images)]


def write_cvat(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Polygons, of one task; the last region is first in the file and has the highest z_order."""
    write_images(folder / "images", images)
    root = ElementTree.Element("annotations")
    labels = ElementTree.SubElement(ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task"), "labels")
    for label in (*names, VOID):
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = label
    for number, name in enumerate(sorted(masks)):
        height, width = map(str, masks[name].shape)
        place = {"id": str(number), "name": f"{name}.png", "width": width, "height": height}
        image = ElementTree.SubElement(root, "image", place)
        for order, region in reversed([*enumerate(regions(masks[name]))]):
            points = ";".join(f"{x:.3f},{y:.3f}" for x, y in region.outline)
            attributes = {"label": _label(region, names), "points": points, "z_order": str(order)}
            ElementTree.SubElement(image, "polygon", attributes)
    ElementTree.ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)
    return ["cvat", "annotations.xml", "images", "--background", names[0], *group_words(images)]


def write_label_studio(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Polygons in percent, ignored pixels a brush on top; images have the prefix of an upload in the file only."""
    write_images(folder / "images", images)
    tasks = []
    for number, name in enumerate(sorted(masks)):
        height, width = masks[name].shape
        size = {"original_width": width, "original_height": height, "image_rotation": 0}
        results = [size | _result(masks[name], region, names) for region in regions(masks[name])]
        if (masks[name] == IGNORED).any():
            value = {"format": "rle", "brushlabels": [VOID], "rle": brush(masks[name] == IGNORED)}
            results.append(size | {"type": "brushlabels", "value": value})
        file = f"{number:08x}-{name}.png"
        task = {"id": number, "data": {"image": f"/data/upload/1/{file}"}, "file_upload": file}
        tasks.append(task | {"annotations": [{"result": results, "was_cancelled": False}]})
    (folder / "export.json").write_text(json.dumps(tasks))
    return ["label-studio", "export.json", "images", *write_classes(folder, names), *group_words(images)]


def _result(mask: np.ndarray, region: Region, names: Sequence[str]) -> dict[str, Any]:
    points = (region.outline * 100 / np.array(mask.shape[::-1])).tolist()
    return {"type": "polygonlabels", "value": {"points": points, "polygonlabels": [_label(region, names)]}}


def brush(where: np.ndarray) -> list[int]:
    """Label Studio's run lengths of (H, W) bool: four channels of 0 or 255, all runs with lengths of 16 bits."""
    values = np.repeat(where.ravel(), 4)
    ends = np.flatnonzero(np.diff(values.astype(np.int8), append=2)) + 1
    bits = f"{values.size:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}"
    start = 0
    for end in ends.tolist():
        for begin in range(start, end, 1 << 16):
            bits += f"111{min(end - begin, 1 << 16) - 1:016b}{255 * int(values[begin]):08b}"
        start = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def _label(region: Region, names: Sequence[str]) -> str:
    return VOID if region.class_id == IGNORED else names[region.class_id]


def _polygon(region: Region) -> list[list[float]]:
    """At least three corners; Labelme's include the pixels of the edge."""
    corners = region.corners.astype(float).tolist()
    return [*corners, *[corners[-1]] * (3 - len(corners))]
