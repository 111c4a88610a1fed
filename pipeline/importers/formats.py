"""The formats that `segline import` knows: a function each, whose parameters are the command's words and options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal


def demo(*, seed: int = 0, num_images: int = 240) -> dict[str, Any]:
    """Draws street scenes.

    Example of the command: segline import demo

    Args:
        seed: another seed draws other scenes.
        num_images: how many.
    """
    return {"seed": seed, "num_images": num_images}


def camvid(source: Path) -> dict[str, Any]:
    """Brings CamVid in from SegNet's layout.

    Example of the command: segline import camvid CamVid

    Args:
        source: folder with train, trainannot, val, valannot, ...
    """
    return {"src": source}


def folder(
    images: str,
    masks: str,
    *,
    classes: Path,
    kind: Literal["auto", "index", "binary", "colour"] = "auto",
    mask_suffix: str = "",
    group: str = "",
    samples: Path | None = None,
) -> dict[str, Any]:
    """Brings in a folder of images and one of masks.

    Example of the command: segline import folder photos labels --classes classes.yaml --group '(.*)_[0-9]+'

    Args:
        images: folder of images, or s3://bucket/prefix.
        masks: folder of masks named as the images, or s3://bucket/prefix.
        classes: .yaml or .json: a list `classes` of rows with name and, optional, id, value, colour, ignore; .csv: name
            and, optional, id, value, r, g, b, ignore; .txt: a name in each line.
        kind: of the masks.
        mask_suffix: what a mask's name has beyond the image's, such as _mask.
        group: regular expression; its first bracket is the group, searched in the image's path.
        samples: CSV with name and, optional, group, split; goes before --group.
    """
    return dict(locals())


IMPORTERS: dict[str, Callable[..., dict[str, Any]]] = {"demo": demo, "camvid": camvid, "folder": folder}
