"""Writers of formats with a mask file, or several, for each image: VOC, Cityscapes, instances and MATLAB."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from pipeline.importers.annotations.cityscapes import CLASSES
from pipeline.importers.class_files import voc_colour
from pipeline.vision.codec import write_png
from tests.formats.parts import IGNORED, VOID, group_words, split_of, write_images

Images = Mapping[str, np.ndarray]


def write_voc(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Palette PNGs with VOC's colours, a labelmap.txt, and the lists train, val, test and trainval."""
    write_images(folder / "voc/JPEGImages", images)
    (folder / "voc/SegmentationClass").mkdir()
    palette = np.array([voc_colour(index) for index in range(256)], np.uint8)
    for name, mask in masks.items():
        picture = Image.fromarray(mask)
        picture.putpalette(palette.tobytes())
        picture.save(folder / f"voc/SegmentationClass/{name}.png")
    lines = [f"{name}:{','.join(map(str, voc_colour(index)))}::" for index, name in enumerate(names)]
    (folder / "voc/labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + "\n".join(lines))
    lists = folder / "voc/ImageSets/Segmentation"
    lists.mkdir(parents=True)
    splits = split_of(images)
    for split, included in {"train": ["train"], "val": ["val"], "test": ["test"], "trainval": ["train", "val"]}.items():
        listed = [name for name in sorted(images) if splits[name] in included]
        (lists / f"{split}.txt").write_text("\n".join(listed))
    return ["voc", "voc", *group_words(images)]


def write_cityscapes(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """Class i is the i-th train id, whatever its name; what is in front of a name's first underscore is the city.

    There is no test split, as for most who have Cityscapes.
    """
    ids = np.zeros(256, np.uint8)
    ids[: len(CLASSES)] = [id_ for _, id_, _ in CLASSES]
    assert len(names) <= len(CLASSES)
    splits = split_of(images)
    for number, name in enumerate(sorted(images)):
        city, split = name.partition("_")[0], "val" if splits[name] == "test" else "train"
        stem = f"{city}_{number:06}_000019"
        write_png(folder / "cityscapes/leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", images[name])
        write_png(folder / "cityscapes/gtFine" / split / city / f"{stem}_gtFine_labelIds.png", ids[masks[name]])
    return ["cityscapes", "cityscapes"]


def write_instances(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """A mask for each class of an image: MASKS/NAME/CLASS.png, 0 and 255; the ignored pixels are one more."""
    write_images(folder / "images", images)
    for name, mask in masks.items():
        for id_ in np.unique(mask):
            if id_:
                label = VOID if id_ == IGNORED else names[id_]
                write_png(folder / "masks" / name / f"{label}.png", (mask == id_).astype(np.uint8) * 255)
    (folder / "classes.txt").write_text("\n".join([*names, VOID]))
    words = ["instances", "images", "masks", "--class-of", "/([^/]+)[.]png$", "--classes", "classes.txt"]
    return [*words, "--background", names[0], "--unannotated", "background", *group_words(images)]


def write_matlab(folder: Path, images: Images, masks: Images, names: Sequence[str]) -> list[str]:
    """The structure GTcls of SBD, with ids from 1 as MATLAB has them; 0 is ignored."""
    write_images(folder / "images", images)
    (folder / "maps").mkdir()
    for name, mask in masks.items():
        ids = np.where(mask == IGNORED, 0, mask.astype(np.uint16) + 1).astype(np.uint8)
        savemat(folder / f"maps/{name}.mat", {"GTcls": {"Segmentation": ids}}, do_compression=True)
    rows = [f"{VOID},0", *(f"{name},{value}" for value, name in enumerate(names, start=1))]
    (folder / "classes.csv").write_text("\n".join(["name,value", *rows]))
    words = ["matlab", "images", "maps", "--classes", "classes.csv", "--variable", "GTcls.Segmentation"]
    return words + group_words(images)
