"""Files of a few bytes that claim to be pictures of many gigabytes."""

import io
import struct
import zlib
from pathlib import Path

from PIL import Image

INFLATED = zlib.compress(bytes(300_000_000), 9)


def write_bombs(folder: Path) -> list[Path]:
    """Writes one of each kind; none has more than a megabyte, and decoded they would fill gigabytes."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "palette.png": _png(100_000, 100_000, 3),
        "colour.png": _png(30_000, 30_000, 2),
        "text_of_palette.png": _png(2, 2, 3, _chunk(b"zTXt", b"k\0\0" + INFLATED)),
        "text.png": _png(2, 2, 2, _chunk(b"iTXt", b"k\0\1\0\0\0" + INFLATED)),
        "profile.png": _png(2, 2, 2, _chunk(b"iCCP", b"k\0\0" + INFLATED)),
        "many.tif": _tiff(60_000, 60_000, 60_000, 16),
        "tile.tif": _tiff(10, 10, 32_768, 32_752),
        "claims.jpg": _jpeg(),
        "bitmap.bmp": _bmp(60_000, 60_000),
        "upside_down.bmp": _bmp(60_000, -60_000),
        "canvas.webp": _webp(b"VP8X", bytes(4) + b"\xff\xff\xff" * 2),
        "lossy.webp": _webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + b"\xff\x3f" * 2),
        "lossless.webp": _webp(b"VP8L", b"\x2f" + b"\xff\xff\xff\x0f" + bytes(5)),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def write_animation(path: Path, num_frames: int) -> None:
    """Writes a small WebP of many frames."""
    frames = [Image.new("RGB", (32, 32), (i % 256, i // 256, 0)) for i in range(num_frames)]
    frames[0].save(path, "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, colour_type: int, extra: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    palette = _chunk(b"PLTE", bytes(768)) if colour_type == 3 else b""
    pixels = _chunk(b"IDAT", zlib.compress(bytes(14)))
    return b"\x89PNG\r\n\x1a\n" + header + extra + palette + pixels + _chunk(b"IEND", b"")


def _tiff(width: int, height: int, tile_width: int, tile_height: int) -> bytes:
    pixels = zlib.compress(bytes(1000))
    tags = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile_width, 323: tile_height}
    entries = [(tag, 4, value) for tag, value in (tags | {324: 8, 325: len(pixels)}).items()]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    begin = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    return begin + struct.pack("<H", len(entries)) + directory + bytes(4)


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG")
    content = bytearray(out.getvalue())
    size = content.find(b"\xff\xc0") + 5
    content[size : size + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(content)


def _bmp(width: int, height: int) -> bytes:
    information = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 94, 0, 0, 54) + information + bytes(40)


def _webp(kind: bytes, head: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(head)) + b"WEBP" + kind + struct.pack("<I", len(head)) + head
