"""Images and masks that are broken, odd or not what they seem."""

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.vision.codec import read_stored
from tests.benchmarks.hostile_inputs.case import IMPORT, VALIDATE, Case, Make, Place
from tests.benchmarks.hostile_inputs.templates import NAMES, SIZE

Change = Callable[[Path], object]
"""Makes the file at the path odd."""
RANDOM = np.random.default_rng(0)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _flipped_bits(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(40, len(content), 17):
        content[place] ^= 0x55
    path.write_bytes(content)


def _saved(pixels: np.ndarray, mode: str | None = None, **options: Any) -> Change:
    return lambda path: (Image.fromarray(pixels) if mode is None else Image.fromarray(pixels).convert(mode)).save(
        path, **options
    )


def _as_other_format(name: str) -> Change:
    return lambda path: Image.fromarray(RANDOM.integers(0, 256, (*SIZE, 3), np.uint8)).save(path, format=name)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *before: tuple[bytes, bytes]) -> bytes:
    """A PNG put together by hand, whatever its header claims."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


WRONG_CRC = png(8, 8, 8, 2, b"\0" * 25 * 8)[:-5] + b"xxxxx"
BAD_IMAGES: dict[str, Change] = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"\x89"),
    "text": lambda path: path.write_text("this is no picture\n"),
    "HTML": lambda path: path.write_text("<html><script>alert(1)</script></html>"),
    "zeros": lambda path: path.write_bytes(b"\0" * 5000),
    "truncated": _truncated,
    "flipped bits": _flipped_bits,
    "header alone": lambda path: path.write_bytes(path.read_bytes()[:33]),
    "0 x 0": lambda path: path.write_bytes(png(0, 0, 8, 2, b"")),
    "0 wide": lambda path: path.write_bytes(png(0, 8, 8, 2, b"\0" * 8)),
    "2^31 wide": lambda path: path.write_bytes(png(2**31 - 1, 1, 8, 2, b"\0" * 100)),
    "IDAT too short": lambda path: path.write_bytes(png(64, 64, 8, 2, b"\0" * 10)),
    "no IDAT": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IEND", b"")),
    "a folder": _to_folder,
    "an SVG": lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/>"),
    "a PDF": lambda path: path.write_bytes(b"%PDF-1.4\n%EOF\n"),
    "a ZIP": lambda path: path.write_bytes(b"PK\x03\x04" + b"\0" * 100),
    "bit depth 3": lambda path: path.write_bytes(png(8, 8, 3, 0, b"\0" * 72)),
}
ODD_IMAGES: dict[str, Change] = {
    "grey": _saved(RANDOM.integers(0, 256, SIZE, np.uint8)),
    "RGBA": _saved(RANDOM.integers(0, 256, (*SIZE, 4), np.uint8)),
    "grey and alpha": _saved(RANDOM.integers(0, 256, (*SIZE, 4), np.uint8), "LA"),
    "palette": _saved(RANDOM.integers(0, 256, (*SIZE, 3), np.uint8), "P"),
    "one bit": _saved(RANDOM.integers(0, 256, SIZE, np.uint8), "1"),
    "16 bits": _saved(RANDOM.integers(0, 65536, SIZE, np.uint16)),
    "a JPEG called .png": _as_other_format("JPEG"),
    "with text": _saved(RANDOM.integers(0, 256, (*SIZE, 3), np.uint8), dpi=(0, 0)),
    "all black": _saved(np.zeros((*SIZE, 3), np.uint8)),
    "all white": _saved(np.full((*SIZE, 3), 255, np.uint8)),
    "wrong end": lambda path: path.write_bytes(path.read_bytes()[:-4]),
    "bytes after the end": lambda path: path.write_bytes(path.read_bytes() + b"more" * 50),
}
"""Of the right size: accepted, or refused by name."""
MASK = np.zeros(SIZE, np.uint8)
MASK[4:12, 4:12] = 1
COLOURED = np.zeros((*SIZE, 3), np.uint8)
COLOURED[4:12, 4:12] = 200, 1, 77
BAD_MASKS: dict[str, Change] = {
    **{name: BAD_IMAGES[name] for name in ("empty", "text", "truncated", "flipped bits", "a folder", "0 x 0")},
    "an id that is not declared": _saved(MASK * 7),
    "coloured": _saved(COLOURED),
    "another height": _saved(MASK[:-1]),
    "another width": _saved(np.hstack([MASK, MASK])),
    "transposed": _saved(np.ascontiguousarray(MASK.T)),
    "1 x 1": _saved(MASK[:1, :1]),
    "16 bits with 300": _saved(MASK.astype(np.uint16) * 300),
    "noise": _saved(RANDOM.integers(0, 256, SIZE, np.uint8)),
    "a photo": _as_other_format("PNG"),
}
ODD_MASKS: dict[str, Change] = {
    "palette": _saved(MASK, "P"),
    "16 bits": _saved(MASK.astype(np.uint16)),
    "one class": _saved(MASK * 0),
    "RGB with equal channels": _saved(np.repeat(MASK[..., np.newaxis], 3, axis=2)),
    "grey and alpha": _saved(MASK, "LA"),
}


def _changed(file: str, change: Change) -> Make:
    return lambda place: void(change(place.project / file))


def void(_: object) -> None:
    """Nothing, for an expression whose value is of no use."""


def _in_data(change: Change, side: str) -> Make:
    return _changed(f"data/{side}/s003.png", change)


def same_masks(project: Path) -> str:
    """ "" if each mask in `data/` has the ids of the one in `labels/`."""
    masks = {path.stem: read_stored(path) for path in (project / "data/masks").iterdir()}
    if sorted(masks) != sorted(NAMES):
        return f"data/ holds {sorted(masks)}"
    for name, found in masks.items():
        label = read_stored(project / f"labels/{name}.png")
        label = label[..., 0] if label.ndim == 3 else label
        if found.shape != label.shape or not (found == label).all():
            return f"the mask {name} in data/ is not the one that was given"
    return ""


def same_images(project: Path) -> str:
    """ "" if each picture in `data/` has the bytes or the pixels of the one in `photos/`."""
    for name in NAMES:
        (found,) = (project / "data/images").glob(f"{name}.*")
        given = project / f"photos/{name}.png"
        if found.read_bytes() != given.read_bytes() and not (read_stored(found) == read_stored(given)).all():
            return f"the image {name} in data/ is not the one that was given"
    return same_masks(project)


def is_valid(project: Path) -> str:
    """ "" if `validate` has left a manifest of all samples."""
    manifest = project / "work/validate/manifest.csv"
    return "" if manifest.exists() and len(manifest.read_text().splitlines()) == 13 else "no manifest of 12 samples"


def _extreme(place: Place) -> None:
    """Masks of 0 and 255, as other tools write them: 255 is what is ignored here."""
    for path in (place.project / "data/masks").iterdir():
        Image.fromarray((read_stored(path) == 1).astype(np.uint8) * 255).save(path)


def _deleted(*files: str) -> Make:
    def make(place: Place) -> None:
        for file in files:
            path = place.project / file
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def _copied(source: str, target: str) -> Make:
    return lambda place: void(shutil.copy(place.project / source, place.project / target))


def _bad_image(name: str, change: Change) -> tuple[Case, Case]:
    """A broken image that is imported, or put into `data/` by hand; at the latest `validate` refuses it."""
    both = (IMPORT, VALIDATE)
    return (
        Case(f"data/import image: {name}", "labelled", _changed("photos/c.png", change), both, says=r"\bc\.png|\bc\b"),
        Case(f"data/image: {name}", "imported", _in_data(change, "images"), (VALIDATE,), says="s003"),
    )


CASES = (
    *(case for name, change in BAD_IMAGES.items() for case in _bad_image(name, change)),
    *(
        Case(
            f"data/import image: {name}",
            "labelled",
            _changed("photos/c.png", change),
            (IMPORT,),
            "either",
            "c.png",
            same_images,
        )
        for name, change in ODD_IMAGES.items()
    ),
    *(
        Case(
            f"data/import mask: {name}",
            "labelled",
            _changed("labels/c.png", change),
            (IMPORT, VALIDATE),
            "refused",
            r"\bc(\.png|\b)",
        )
        for name, change in BAD_MASKS.items()
    ),
    *(
        Case(
            f"data/import mask: {name}",
            "labelled",
            _changed("labels/c.png", change),
            (IMPORT,),
            "either",
            "c.png",
            same_masks,
        )
        for name, change in ODD_MASKS.items()
    ),
    *(
        Case(f"data/mask: {name}", "imported", _in_data(change, "masks"), (VALIDATE,), "refused", "s003")
        for name, change in BAD_MASKS.items()
    ),
    Case("data/masks of 0 and 255 by hand", "imported", _extreme, (VALIDATE,), says="255|ignore"),
    Case("data/no images", "labelled", _deleted("photos"), (IMPORT,), says="photos"),
    Case("data/no masks", "labelled", _deleted("labels"), (IMPORT,), says="labels"),
    Case("data/a mask is missing", "labelled", _deleted("labels/b.png"), (IMPORT,), says=r"\bb\b|b\.png"),
    Case("data/an image is missing", "labelled", _deleted("photos/b.png"), (IMPORT,), says=r"\bb\b|b\.png"),
    Case("data/a mask is missing in data", "imported", _deleted("data/masks/s001.png"), (VALIDATE,), says="s001"),
    Case("data/an image is missing in data", "imported", _deleted("data/images/s001.png"), (VALIDATE,), says="s001"),
    Case("data/no data at all", "empty", lambda _: None, (VALIDATE,), says="data"),
    Case("data/no image folder", "imported", _deleted("data/images"), (VALIDATE,), says="images|s000"),
    Case(
        "data/two images of one name",
        "labelled",
        _copied("photos/a.png", "photos/a.jpg"),
        (IMPORT,),
        says=r"a\.(png|jpg)",
    ),
    Case(
        "data/same image in train and test",
        "imported",
        _copied("data/images/s000.png", "data/images/s011.png"),
        (VALIDATE,),
        says="s000|s011",
    ),
)
