"""Small files that claim to be large ones."""

import gzip
import struct
import zlib
from pathlib import Path

from tests.benchmarks.hostile_inputs.case import GATE, IMPORT, VALIDATE, Case, Make, Place
from tests.benchmarks.hostile_inputs.data import png, void

MEGA = 1 << 20


def _palette_png(side: int) -> bytes:
    """A palette PNG of one bit a pixel whose rows are all zero: some hundred bytes a gigapixel."""
    row = b"\0" * (1 + (side + 7) // 8)
    packer, packed = zlib.compressobj(9), []
    for _ in range(min(side, 4000)):
        packed.append(packer.compress(row))
    content = b"".join([*packed, packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"\0" * 6), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _text_bomb(kind: bytes) -> bytes:
    """A small picture with a compressed text of 200 MiB before its pixels."""
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(b"\0" * MEGA) for _ in range(200)), packer.flush()])
    body = {b"zTXt": b"k\0\0" + packed, b"iCCP": b"k\0\0" + packed, b"iTXt": b"k\0\1\0\0\0" + packed}[kind]
    return png(24, 16, 8, 2, (b"\0" + b"\7" * 72) * 16, (kind, body))


def _bmp(side: int) -> bytes:
    header = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)


def _jpeg_header(side: int) -> bytes:
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", side, side) + b"\x03\x01\x22\0\x02\x11\1\x03\x11\1"
    return b"\xff\xd8" + frame + b"\xff\xda\x00\x0c\x03\1\0\2\x11\3\x11\0\x3f\0" + b"\0" * 100 + b"\xff\xd9"


def _tiff(side: int) -> bytes:
    tags = (
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, side),
        (279, 4, 10),
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


PICTURES = {
    "palette PNG of 100,000 x 100,000": ("png", lambda: _palette_png(100_000)),
    "palette PNG of 30,000 x 30,000": ("png", lambda: _palette_png(30_000)),
    "PNG of 60,000 x 60,000 RGB": ("png", lambda: png(60_000, 60_000, 8, 2, b"\0" * 1000)),
    "PNG of 16 bits, 40,000 x 40,000": ("png", lambda: png(40_000, 40_000, 16, 6, b"\0" * 1000)),
    "PNG of 2,000,000,000 x 1": ("png", lambda: png(2_000_000_000, 1, 8, 0, b"\0" * 1000)),
    "JPEG of 65,500 x 65,500": ("jpg", lambda: _jpeg_header(65_500)),
    "BMP of 60,000 x 60,000": ("bmp", lambda: _bmp(60_000)),
    "TIFF of 100,000 x 100,000": ("tif", lambda: _tiff(100_000)),
}
TEXTS = {f"PNG with a {kind.decode()} of 200 MiB": kind for kind in (b"zTXt", b"iTXt", b"iCCP")}


def _photo(suffix: str, content: "bytes | None", folder: str, name: str, maker: object = None) -> Make:
    def make(place: Place) -> None:
        (place.project / folder / f"{name}.png").unlink()
        made = content if content is not None else maker()  # type: ignore[operator]
        (place.project / folder / f"{name}.{suffix}").write_bytes(made)

    return make


def _large_text(name: str, line: bytes, size: int) -> Make:
    return lambda place: void((place.project / name).write_bytes(line * (size // len(line))))


def _zipped(place: Place) -> None:
    (place.project / "photos/c.png").write_bytes(gzip.compress(b"\0" * 50 * MEGA))


def _many_files(place: Place) -> None:
    for number in range(3000):
        Path(place.project / f"photos/n{number}.png").touch()


CASES = (
    *(
        Case(
            f"bombs/import {name}",
            "labelled",
            _photo(suffix, None, "photos", "c", maker),
            (IMPORT, VALIDATE),
            says=rf"\bc\.{suffix}",
        )
        for name, (suffix, maker) in PICTURES.items()
    ),
    *(
        Case(
            f"bombs/validate {name}",
            "imported",
            _photo(suffix, None, "data/images", "s003", maker),
            (VALIDATE,),
            says="s003",
        )
        for name, (suffix, maker) in PICTURES.items()
    ),
    *(
        Case(f"bombs/mask {name}", "labelled", _photo("png", None, "labels", "c", maker), (IMPORT,), says=r"\bc\b")
        for name, (suffix, maker) in PICTURES.items()
        if suffix == "png"
    ),
    *(
        Case(
            f"bombs/import {name}",
            "labelled",
            _photo("png", None, "photos", "c", lambda kind=kind: _text_bomb(kind)),
            (IMPORT,),
            "either",
            "c.png",
        )
        for name, kind in TEXTS.items()
    ),
    Case("bombs/gzip as a photo", "labelled", _zipped, (IMPORT, VALIDATE), says="c.png"),
    Case("bombs/3,000 empty photos without masks", "labelled", _many_files, (IMPORT,), says="n0|photos"),
    Case(
        "bombs/class file of 20 MB",
        "labelled",
        _large_text("classes.yaml", b"- x\n", 20 * MEGA),
        (IMPORT,),
        says="classes.yaml",
    ),
    Case(
        "bombs/samples.csv of 40 MB",
        "imported",
        _large_text("data/samples.csv", b"x,y\n", 40 * MEGA),
        (VALIDATE,),
        says="samples.csv",
    ),
    Case(
        "bombs/params of 20 MB",
        "gated",
        _large_text("params.yaml", b"x: 1\n", 20 * MEGA),
        (GATE,),
        says="params.yaml",
    ),
)
