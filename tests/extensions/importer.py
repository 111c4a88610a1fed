"""A small importer, as one would add it: images, and a JSON file with polygons by class."""

import json
from pathlib import Path

from pipeline.importers.source import Source, copy_image, write_mask


def polygons(images: Path, annotations: Path, *, suffix: str = ".png") -> Source:
    """Bring in images whose classes are drawn as polygons.

    Args:
        images: folder of images.
        annotations: JSON with `classes`, a colour by name, and `images`: {image: {class: [[[x, y], ...], ...]}}.
        suffix: of the images' names.
    """
    import numpy as np

    from pipeline.dataset.contract import ClassList, Sample
    from pipeline.vision.drawing import draw_polygon

    content = json.loads(annotations.read_text())
    names = tuple(content["classes"])
    classes = ClassList(names, tuple(map(tuple, content["classes"].values())), 255)
    samples = [Sample(name, images / f"{name}{suffix}", None, name, "") for name in sorted(content["images"])]

    def draw(folder: Path, sample: Sample) -> None:
        mask = np.full(copy_image(folder, sample), 255, np.uint8)
        for label, shapes in content["images"][sample.name].items():
            for corners in shapes:
                draw_polygon(mask, np.array(corners), names.index(label))
        write_mask(folder, sample, mask)

    return Source(classes, samples, draw, ["pixels outside of all polygons are ignored"])
