"""Writers of folders of images and masks with the defects that people have, and the options that repair them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

from pipeline.importers.class_files import voc_colour
from pipeline.vision.codec import encode_jpeg, write_png
from pipeline.vision.resize import resize_image, resize_mask
from tests.formats.parts import VOID, group_words, write_images

Images = Mapping[str, np.ndarray]
FOREGROUND = 237


def write_grey(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Two classes, the third one and all others: a foreground of 237 with soft edges."""
    write_images(folder / "photos", images)
    for name, mask in masks.items():
        soft = cv2.blur((mask == 2).astype(np.float32), (3, 3))
        write_png(folder / f"labels/{name}.png", np.rint(FOREGROUND * soft).astype(np.uint8))
    (folder / "classes.txt").write_text(f"other\n{names[2]}\n")
    return ["folder", "photos", "labels", "--classes", "classes.txt", "--threshold", "128", *group_words(images)]


def write_jpeg_colours(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Masks of colours, as JPEG: no pixel has quite its colour."""
    write_images(folder / "photos", images)
    colours = np.array([voc_colour(index) for index in range(1, len(names) + 1)], np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(names)] = colours
    (folder / "labels").mkdir()
    for name, mask in masks.items():
        (folder / f"labels/{name}.jpg").write_bytes(encode_jpeg(palette[mask], 98))
    rows = [{"name": name, "colour": colour.tolist()} for name, colour in zip(names, colours, strict=True)]
    content = {"classes": [*rows, {"name": VOID, "colour": [0, 0, 0], "ignore": True}]}
    (folder / "classes.yaml").write_text(yaml.safe_dump(content))
    words = ["folder", "photos", "labels", "--classes", "classes.yaml", "--nearest-colour", "120"]
    return [*words, *group_words(images)]


def write_one_folder(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """NAME.jpg beside NAME.png, and photos that nobody has labelled yet."""
    (folder / "set").mkdir()
    for number, (name, image) in enumerate(images.items()):
        (folder / f"set/{name}.jpg").write_bytes(encode_jpeg(image, 95))
        write_png(folder / f"set/{name}.png", masks[name])
        if number % 10 == 0:
            (folder / f"set/{name}b.jpg").write_bytes(encode_jpeg(image, 60))
    (folder / "classes.txt").write_text("\n".join(names))
    words = ["folder", "set", "set", "--classes", "classes.txt", "--pair", "{stem}.jpg", "{stem}.png"]
    return [*words, "--unlabelled", "skip", *group_words(images)]


def write_small_masks(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Masks of half the size of their images, in folders of their groups."""
    for name, image in images.items():
        group, _, frame = name.partition("_")
        height, width = image.shape[0] * 2, image.shape[1] * 2
        write_png(folder / f"photos/{group}/{frame}.png", resize_image(image, (height, width)))
        write_png(folder / f"labels/{group}/{frame}_mask.png", resize_mask(masks[name], image.shape[:2]))
    (folder / "classes.csv").write_text("\n".join(["name,id", *(f"{name},{id_}" for id_, name in enumerate(names))]))
    words = ["folder", "photos", "labels", "--classes", "classes.csv", "--mask-suffix", "_mask", "--fit-masks"]
    return [*words, "--group", "^([^/]+)/"]


DEFECTS = {
    "grey": write_grey,
    "JPEG colours": write_jpeg_colours,
    "one folder": write_one_folder,
    "small masks": write_small_masks,
}
