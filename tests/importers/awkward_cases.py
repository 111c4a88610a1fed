"""The table of awkward data sets: how each is written, and how its import must end."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.importers import awkward_files as files
from tests.importers.awkward_files import COLOUR_CSV, COLOURS, NAMES, TWO_COLOURS_CSV, Truth, save, write

FOLDERS = "photos labels --classes classes.txt"
CSV = "photos labels --classes classes.csv"


@dataclass(frozen=True)
class Case:
    """A data set and its way to an import.

    Attributes:
        name: of the test.
        write: writes it into the working folder and gives the class ids of its masks, decoded by other means.
        words: after `segline import folder`.
        refused: words of the first refusal; "": it is accepted.
        adds: words of the command that the first refusal names; "": the command as it was.
        line: the user's choice among the lines with a command, from the end.
        mend: does what the refusal says beside its command.
        notes: words of the notes of the import.
        tolerance: of the class shares.
    """

    name: str
    write: Callable[[], Truth]
    words: str = FOLDERS
    refused: str = ""
    adds: str = ""
    line: int = -1
    mend: Callable[[], object] = lambda: None
    notes: str = ""
    tolerance: float = 1e-6


def _colours(mask: files.Save = files.painted, path: str = "labels/{}.png", classes: str = COLOUR_CSV) -> Truth:
    return write(mask_path=path, mask=mask, num_classes=3, classes=classes, class_file="classes.csv")


def _jpeg_colours() -> Truth:
    _colours(lambda path, ids: save(path, COLOURS[ids], quality=90), "labels/{}.jpg")
    return files.nearest(files.labels())


def _soft_colours() -> Truth:
    _colours(lambda path, ids: save(path, files.smooth(COLOURS[ids])))
    return files.nearest(files.labels())


def _crop_masks() -> Truth:
    return write(mask=lambda path, ids: save(path, ids[:, :-6]))


def _uncrop() -> None:
    for number, path in enumerate(files.labels()):
        save(path, files.truth(number))


def _turned_by_two() -> Truth:
    ids = write(image_path="photos/{}.jpg", photo=files.turned(6), mask=files.turned_alike(6))
    files.turned(3)(Path("photos/p03.jpg"), files.image(3))
    files.turned_alike(3)(Path("labels/p03.png"), ids[3])
    return ids


def _without(side: str, *names: str) -> Truth:
    ids = write()
    for name in names:
        Path(side, f"{name}.png").unlink()
    return [one for name, one in zip(NAMES, ids, strict=True) if name not in names]


def _without_both() -> Truth:
    ids = _without("labels", "p05", "p06")
    Path("photos/p07.png").unlink()
    return [one for place, one in enumerate(ids) if place != 5]


def _two_suffixes() -> Truth:
    ids = write("photos/{}.jpg", photo=lambda path, pixels: save(path, pixels, quality=95))
    for name in NAMES[3:5]:
        save(Path(f"photos/{name}.png"), files.image(0))
    return ids


def _case_doubles() -> Truth:
    ids = write()
    for side in ("photos", "labels"):
        shutil.copy(f"{side}/p03.png", f"{side}/P03.png")
    return ids


def _drop_double() -> None:
    for side in ("photos", "labels"):
        Path(side, "P03.png").unlink()


def _names(pattern: str) -> list[str]:
    return [pattern.format(name) for name in NAMES]


def _long_names() -> Truth:
    return write(names=_names("x" * 240 + "{}"))


def _shorten() -> None:
    for path in [*files.labels("photos/*"), *files.labels()]:
        path.rename(path.with_name(path.name.lstrip("x")))


def _hidden() -> Truth:
    ids = write()
    save(Path("photos/.p99.png"), files.image(0))
    return ids


def _mostly_empty() -> Truth:
    ids = write()
    for place in range(4, 12):
        ids[place][:] = 0
        save(Path(f"labels/{NAMES[place]}.png"), ids[place])
    return ids


def _void_only() -> Truth:
    ids = write()
    for name in NAMES[10:]:
        save(Path(f"labels/{name}.png"), np.full(files.SIZE, 255, np.uint8))
    return ids[:10]


def _black_and_white_palette() -> Truth:
    ids = write(mask=files.white_first)
    return [1 - one for one in ids]


def _damaged() -> Truth:
    ids = write()
    path = Path("labels/p07.png")
    path.write_bytes(path.read_bytes()[:-20])
    return [one for place, one in enumerate(ids) if place != 7]


def _remove_damaged() -> None:
    for side in ("photos", "labels"):
        Path(side, "p07.png").unlink()


def _damaged_image() -> Truth:
    ids = write()
    Path("photos/p07.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return [one for place, one in enumerate(ids) if place != 7]


def _copies() -> Truth:
    ids = write()
    shutil.copy("photos/p01.png", "photos/p02.png")
    return [*ids[:2], *ids[3:]]


def _classes_csv(text: str) -> Callable[[], object]:
    return lambda: Path("classes.csv").write_text(text, encoding="utf-8")


ONE = "photos photos --classes classes.txt"
CASES = (
    Case("index", write, notes="masks were read as index masks"),
    Case(
        "suffix", lambda: write(mask_path="labels/{}_mask.png"), refused="12 of 12 images", adds="--mask-suffix _mask"
    ),
    Case(
        "both_named",
        lambda: write("photos/{}_image.png", "labels/{}_annotation.png"),
        refused="12 of 12 images have no mask: p00_image.png, p01_image.png, p02_image.png and 9 more",
        adds="--pair '{stem}_image' '{stem}_annotation'",
    ),
    Case("prefixes", lambda: write("photos/img_{}.png", "labels/gt_{}.png"), refused="12", adds="--pair 'img_{stem}'"),
    Case("one_stem", lambda: write("photos/{}.jpg", "photos/{}.png"), ONE, "24 pictures", "'{stem}.jpg' '{stem}.png'"),
    Case("one_folder", lambda: write("photos/{}.png", "photos/{}_gt.png"), ONE, "together", "--mask-suffix _gt"),
    Case(
        "folder_each",
        lambda: write("photos/{}/image.png", "photos/{}/mask.png"),
        ONE,
        "24 pictures: p00/image.png, p00/mask.png, p01/image.png and 21 more",
        "--pair '{stem}/image' '{stem}/mask'",
    ),
    Case("two_below", lambda: write("photos/images/{}.png", "photos/masks/{}.png"), ONE, "24", "'images/{stem}'"),
    Case(
        "splits_below",
        lambda: write("all/train/images/{}.png", "all/train/masks/{}.png"),
        "all all --classes classes.txt --pair '{split}/images/{stem}' '{split}/masks/{stem}'",
    ),
    Case(
        "grey_237", lambda: write(mask=lambda path, ids: save(path, ids * 237)), refused="237", adds="--threshold 119"
    ),
    Case("jpeg_binary", files.jpeg_binary, refused="12 of 12", adds="--threshold", tolerance=0.002),
    Case("soft_binary", files.soft_binary, refused="12 of 12 masks", adds="--threshold 128", tolerance=0.002),
    Case("jpeg_colours", _jpeg_colours, CSV, "12 of 12", "--nearest-colour", notes="nearest", tolerance=0.002),
    Case("soft_colours", _soft_colours, CSV, "12 of 12", "--nearest-colour", notes="nearest", tolerance=0.002),
    Case(
        "colour_missing",
        lambda: _colours(classes=TWO_COLOURS_CSV),
        CSV,
        r"colour \[30, 60, 230\] on 126 pixels is not declared",
        mend=_classes_csv(COLOUR_CSV),
    ),
    Case("half_size", files.small_masks, refused="is 12 x 16, the image 24 x 32", adds="--fit-masks", notes="resized"),
    Case("other_shape", _crop_masks, refused="is 24 x 26, the image 24 x 32", mend=_uncrop),
    Case(
        "upside_down",
        lambda: write("photos/{}.jpg", photo=files.turned(3)),
        refused="12 images of 12 are turned",
        adds="--mask-orientation upright",
    ),
    Case(
        "upside_down_both",
        lambda: write("photos/{}.jpg", photo=files.turned(3), mask=files.turned_alike(3)),
        refused="12 images of 12 are turned",
        adds="--mask-orientation stored",
        line=-2,
    ),
    Case("turned_both", _turned_by_two, refused="12 images of 12 are turned", adds="--mask-orientation stored"),
    Case("turned", lambda: write("photos/{}.jpg", photo=files.turned(8))),
    Case("inverted", lambda: write(mask=lambda path, ids: save(path, 255 - ids * 255)), f"{FOLDERS} --invert"),
    Case("no_mask", lambda: _without("labels", "p05", "p06"), refused="2 of 12", adds="--unlabelled skip", notes="2"),
    Case("no_image", lambda: _without("photos", "p05"), refused="1 of 12 masks", adds="--unpaired-masks skip"),
    Case("neither", _without_both, refused="2 of 11 images", adds="--unlabelled skip --unpaired-masks skip"),
    Case("bit", lambda: write(mask=lambda path, ids: save(path, Image.fromarray(ids > 0)))),
    Case(
        "bit_index",
        lambda: write(mask=lambda path, ids: save(path, Image.fromarray(ids > 0))),
        f"{FOLDERS} --kind index",
    ),
    Case(
        "bits_4",
        lambda: write(
            mask=lambda path, ids: path.write_bytes(files.png_of_bits(ids, 4)),
            num_classes=3,
            classes="sky\nroad\ncar\n",
        ),
    ),
    Case(
        "bits_16",
        lambda: write(
            mask=lambda path, ids: save(path, ids.astype(np.uint16) * 300),
            classes="name,value\nsky,0\nroad,300\n",
            class_file="classes.csv",
        ),
        CSV,
    ),
    Case("palette", lambda: _colours(files.of_palette), CSV, notes="index"),
    Case("palette_bmp", lambda: _colours(files.of_palette, "labels/{}.bmp"), CSV, notes="index"),
    Case("palette_tiff", lambda: _colours(files.of_palette, "labels/{}.tif"), CSV, notes="index"),
    Case("palette_odd", _black_and_white_palette, refused="mean different classes", adds="--kind index", line=-2),
    Case("palette_colours", lambda: write(mask=files.white_first), refused="mean different", adds="--kind binary"),
    Case("gif", lambda: _colours(files.of_palette, "labels/{}.gif"), CSV, notes="colour"),
    Case("gif_images", lambda: write("photos/{}.gif"), notes="converted to PNG because they are GIF: 12"),
    Case("rgba", lambda: _colours(files.with_alpha), CSV, notes="colour"),
    Case("alpha", lambda: write(mask=files.alpha), refused="differ in alpha alone", adds="--alpha label"),
    Case(
        "cmyk",
        lambda: write("photos/{}.jpg", photo=lambda path, rgb: save(path, Image.fromarray(rgb).convert("CMYK"))),
        notes="CMYK JPEG: 12",
    ),
    Case("bmp", lambda: _colours(path="labels/{}.bmp"), CSV),
    Case("lzw", lambda: write(mask_path="labels/{}.tif", mask=files.save_in(".tif", compression="tiff_lzw"))),
    Case(
        "deflate",
        lambda: write(mask_path="labels/{}.tif", mask=files.save_in(".tif", compression="tiff_deflate")),
    ),
    Case("tiled", lambda: write(mask_path="labels/{}.tif", mask=files.tiff_bytes)),
    Case(
        "tiff_4",
        lambda: write(mask_path="labels/{}.tif", mask=lambda path, ids: path.write_bytes(files.tiff(ids, 4))),
    ),
    Case(
        "pages", lambda: write(mask_path="labels/{}.tif", mask=files.pages), refused="12 files of 24", adds="--page 1"
    ),
    Case(
        "animation",
        lambda: write("photos/{}.webp", photo=files.frames),
        refused="up to 2",
        adds="--page 1",
        notes="WEBP of",
    ),
    Case("float", lambda: write(mask_path="labels/{}.tif", mask=lambda path, ids: save(path, ids.astype(np.float32)))),
    Case("equal_channels", lambda: write(mask=lambda path, ids: save(path, np.dstack([ids] * 3)))),
    Case("grey_alpha", lambda: write(mask=lambda path, ids: save(path, Image.merge("LA", [Image.fromarray(ids)] * 2)))),
    Case("two_folders", lambda: write("photos/a/{}.png", "labels/a/{}.png", names=["p00", "../b/p00", *NAMES[1:]])),
    Case("two_suffixes", _two_suffixes, refused="2 of 12 images", adds="--pair '{stem}.jpg' '{stem}'", notes="fit no"),
    Case("case", lambda: write("photos/IMG_{}.PNG", "labels/img_{}.png")),
    Case("all_at_once", files.all_at_once, refused="12 of 12 images", adds="'{stem} (mask)'"),
    Case("case_doubles", _case_doubles, refused="1 of 12 images have a name more than once", mend=_drop_double),
    Case("odd_names", lambda: write(names=_names("a (1), [x] {{}} 'q' \"z\" {}"))),
    Case(
        "odd_folders",
        lambda: write("my 'photos'/{}.png", "-labels [1]/{}_m.png"),
        "\"my 'photos'\" './-labels [1]' --classes classes.txt",
        refused="12",
        adds="--mask-suffix _m",
    ),
    Case("unicode", lambda: write("photos/e\u0301-{}.png", "labels/\u00e9-{}.png")),
    Case("dash", lambda: write(names=_names("-{}"))),
    Case("dot", _hidden, notes="hidden pictures, whose names begin with a dot, were left out: 1"),
    Case("long", _long_names, refused="12 images of 12 have names that cannot be kept", mend=_shorten),
    Case("mostly_empty", _mostly_empty),
    Case(
        "unused",
        lambda: write(classes="sky\nroad\ncar\n"),
        refused="1 of 3 classes are in no mask",
        adds="--unused-classes drop",
        notes="dropped.*car",
    ),
    Case("void", _void_only, refused="2 masks of 12 are ignored on more than 95%", adds="--unlabelled skip"),
    Case(
        "gaps",
        lambda: write(
            mask=lambda path, ids: save(path, ids * 7), classes="name,id\nsky,0\nroad,7\n", class_file="classes.csv"
        ),
        CSV,
    ),
    Case(
        "from_1",
        lambda: write(mask=lambda path, ids: save(path, ids + 1)),
        refused="values of these masks are 1, 2",
        adds="--classes classes.csv",
        mend=_classes_csv("name,value\nsky,1\nroad,2\n"),
    ),
    Case(
        "class_255",
        lambda: write(
            mask=lambda path, ids: save(path, np.array([0, 9, 255], np.uint8)[ids]),
            num_classes=3,
            classes="name,value\nsky,0\nroad,9\ncar,255\n",
            class_file="classes.csv",
        ),
        CSV,
    ),
    Case(
        "class_255_hidden",
        lambda: write(
            mask=lambda path, ids: save(path, ids * 255),
            classes="name,value\nsky,0\nroad,1\ncar,2\n",
            class_file="classes.csv",
        ),
        CSV,
        refused="hold 'sky' and ignored pixels alone",
        mend=_classes_csv("name,value\nsky,0\nroad,255\n"),
    ),
    Case(
        "no_colours",
        lambda: _colours(classes="name\nsky\nroad\ncar\n"),
        CSV,
        refused="most frequent colours",
        mend=_classes_csv(COLOUR_CSV),
    ),
    Case("damaged", _damaged, refused="1 of 12 masks.*\n.*p07.png: cannot be decoded", line=-2, mend=_remove_damaged),
    Case(
        "damaged_left_out",
        _damaged,
        refused="1 of 12 masks",
        adds="--damaged skip",
        notes="left out 1 sample with a damaged file: .*p07.png: cannot be decoded",
    ),
    Case("damaged_image", _damaged_image, refused="1 of 12 images cannot be used", adds="--damaged skip"),
    Case("copies", _copies, f"{FOLDERS} --copies skip", notes="copies of images left out: 1"),
    Case(
        "typo",
        write,
        "fotos labels --classes classes.txt",
        "fotos: is not a folder",
        mend=lambda: Path("photos").rename("fotos"),
    ),
    Case(
        "wrong_kind",
        lambda: _colours(files.of_palette),
        f"{CSV} --kind binary",
        "declares 3 classes",
        adds="classes.csv",
    ),
)
