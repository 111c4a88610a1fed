"""Writes small data sets with one defect each; `awkward_cases` lists them."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NAMES = [f"p{number:02}" for number in range(12)]
"""By the hash of their names some are in each split."""
SIZE = (24, 32)
BLACK, RED, BLUE, GREEN = (0, 0, 0), (220, 20, 40), (30, 60, 230), (10, 200, 30)
COLOURS = np.array([BLACK, RED, BLUE], np.uint8)
COLOUR_CSV = "name,r,g,b\nsky,0,0,0\nroad,220,20,40\ncar,30,60,230\n"
TWO_COLOURS_CSV = COLOUR_CSV.rsplit("car")[0]
ORIENTATION = 0x112
Truth = Sequence[np.ndarray]
"""Class ids of each mask that an import must give."""
Save = Callable[[Path, np.ndarray], object]


def truth(number: int, num_classes: int = 2) -> np.ndarray:
    """Class ids (24, 32) uint8 of a sample: an upright picture that differs from its mirror images."""
    ids = np.zeros(SIZE, np.uint8)
    ids[3:13, 2 + number % 5 : 18 + number % 5] = 1
    if num_classes > 2:
        ids[15:22, 9:27] = 2
    return ids


def image(number: int) -> np.ndarray:
    """Noise (24, 32, 3) uint8, so that no image looks like another one."""
    return np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)


def save(path: Path, pixels: np.ndarray | Image.Image, **options: Any) -> None:
    """Writes a picture by Pillow, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, **options)


def as_palette(ids: np.ndarray) -> Image.Image:
    """A picture of palette indices."""
    picture = Image.fromarray(ids, "P")
    picture.putpalette(COLOURS.ravel().tolist())
    return picture


def write(
    image_path: str = "photos/{}.png",
    mask_path: str = "labels/{}.png",
    *,
    mask: Save = save,
    photo: Save = save,
    num_classes: int = 2,
    names: Sequence[str] = NAMES,
    classes: str = "sky\nroad\n",
    class_file: str = "classes.txt",
) -> Truth:
    """Writes a data set; `{}` in the paths is the name of a sample."""
    ids = [truth(number, num_classes) for number in range(len(names))]
    for number, name in enumerate(names):
        for path, pixels, write_one in ((image_path, image(number), photo), (mask_path, ids[number], mask)):
            place = Path(path.replace("{}", name))
            place.parent.mkdir(parents=True, exist_ok=True)
            write_one(place, pixels)
    Path(class_file).write_text(classes, encoding="utf-8")
    return ids


def painted(path: Path, ids: np.ndarray) -> None:
    """Writes ids as colours."""
    save(path, COLOURS[ids])


def smooth(pixels: np.ndarray) -> np.ndarray:
    """A picture as a program draws it with soft edges: four times as large and shrunk, half a pixel to the side."""
    large = np.roll(np.kron(pixels, np.ones((4, 4, *[1] * (pixels.ndim - 2)), np.uint8)), 2, axis=1)
    return np.asarray(Image.fromarray(large).resize((SIZE[1], SIZE[0]), Image.Resampling.BOX))


def nearest(paths: Sequence[Path], colours: np.ndarray = COLOURS) -> Truth:
    """Ids of colour masks by the nearest colour, decoded by Pillow."""
    pictures = [np.asarray(Image.open(path).convert("RGB"), np.float64) for path in sorted(paths)]
    return [((picture[:, :, None] - colours) ** 2).sum(-1).argmin(-1) for picture in pictures]


def divided(paths: Sequence[Path], threshold: float) -> Truth:
    """Ids of grey masks by a threshold, decoded by Pillow."""
    return [(np.asarray(Image.open(path)) >= threshold).astype(np.uint8) for path in sorted(paths)]


def labels(pattern: str = "labels/*") -> list[Path]:
    """The masks that were written."""
    return sorted(Path().glob(pattern))


def turned(orientation: int) -> Save:
    """Writes an image as a camera stores it that was held otherwise."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}

    def save_turned(path: Path, pixels: np.ndarray) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        save(path, Image.fromarray(pixels).transpose(back[orientation]), exif=exif, quality=95)

    return save_turned


def turned_alike(orientation: int) -> Save:
    """Writes a mask as the stored picture lies, without an orientation."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    return lambda path, ids: save(path, Image.fromarray(ids).transpose(back[orientation]))


def tiff(ids: np.ndarray, bits: int = 8, tile: int = 0) -> bytes:
    """A grey TIFF without compression, written by hand: in tiles, or in one strip of few bits."""
    height, width = ids.shape
    if tile:
        padded = np.pad(ids, ((0, -height % tile), (0, -width % tile)))
        rows = [padded[top : top + tile] for top in range(0, len(padded), tile)]
        tiles = [row[:, left : left + tile].tobytes() for row in rows for left in range(0, row.shape[1], tile)]
        data = b"".join(tiles)
    else:
        places = (ids[:, :, None] >> np.arange(bits)[::-1] & 1).reshape(height, -1)
        tiles, data = [], np.packbits(places, axis=1).tobytes()
    start = 8 + len(data)
    end = start + 2 + 12 * (11 if tile else 9) + 4
    offsets = [8 + number * tile * tile for number in range(len(tiles))]
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    tags += (
        [(322, 3, 1, tile), (323, 3, 1, tile), (324, 4, len(tiles), end), (325, 4, len(tiles), end + 4 * len(tiles))]
        if tile
        else [(273, 4, 1, 8), (278, 3, 1, height), (279, 4, 1, len(data))]
    )
    tags = sorted(tags)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    end_now = start + 2 + len(entries)
    if tile:
        shift = end_now - end
        tags = [(*tag[:3], tag[3] + shift) if tag[0] in (324, 325) else tag for tag in tags]
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    arrays = struct.pack(f"<{2 * len(tiles)}I", *offsets, *[tile * tile] * len(tiles))
    return b"II*\0" + struct.pack("<I", start) + data + struct.pack("<H", len(tags)) + entries + arrays


def png_of_bits(ids: np.ndarray, bits: int) -> bytes:
    """A grey PNG of 1, 2 or 4 bits, written by hand: Pillow writes only 1."""
    import zlib

    places = (ids[:, :, None] >> np.arange(bits)[::-1] & 1).reshape(len(ids), -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(places, axis=1))
    head = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def save_in(suffix: str, **options: object) -> Save:
    """Writes in another format, with options of Pillow."""
    return lambda path, pixels: save(path.with_suffix(suffix), pixels, **options)


def tiff_bytes(path: Path, ids: np.ndarray) -> None:
    """Writes ids as a tiled TIFF."""
    path.write_bytes(tiff(ids, tile=16))


def pages(path: Path, ids: np.ndarray) -> None:
    """Writes ids and an empty second page."""
    save(path, ids, save_all=True, append_images=[Image.fromarray(ids * 0)])


def alpha(path: Path, ids: np.ndarray) -> None:
    """Writes ids as transparency."""
    save(path, np.dstack([np.full_like(ids, 255)] * 3 + [ids * 255]))


def with_alpha(path: Path, ids: np.ndarray) -> None:
    """Writes ids as colours, more or less transparent."""
    save(path, np.dstack([COLOURS[ids], np.where(ids > 0, 255, 90).astype(np.uint8)]))


def white_first(path: Path, ids: np.ndarray) -> None:
    """Writes ids as a palette picture whose index 0 is white: class 1 is black."""
    picture = Image.fromarray(1 - ids, "P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    save(path, picture)


def of_palette(path: Path, ids: np.ndarray) -> None:
    """Writes ids as the indices of a palette."""
    save(path, as_palette(ids))


def frames(path: Path, pixels: np.ndarray) -> None:
    """Writes an animation of two frames."""
    save(path, pixels, save_all=True, append_images=[Image.fromarray(255 - pixels)], lossless=True)


def small_masks() -> Truth:
    """Writes masks of half the size."""
    ids = write(mask=lambda path, ids: save(path, ids[::2, ::2]))
    return [np.kron(one[::2, ::2], np.ones((2, 2), np.uint8)) for one in ids]


def jpeg_binary() -> Truth:
    """Writes black and white JPEG masks."""
    write(mask_path="labels/{}.jpg", mask=lambda path, ids: save(path, ids * 255, quality=70))
    return divided(labels(), 128)


def soft_binary() -> Truth:
    """Writes grey masks with soft edges."""
    write(mask=lambda path, ids: save(path, smooth(ids * 255)))
    return divided(labels(), 128)


def all_at_once() -> Truth:
    """Writes small grey masks with names of their own, one of them missing."""
    ids = write("photos/img {}.jpg", "labels/{} (mask).png", mask=lambda path, ids: save(path, ids[::2, ::2] * 237))
    Path("labels/p05 (mask).png").unlink()
    return [np.kron(one[::2, ::2], np.ones((2, 2), np.uint8)) for one in (*ids[:5], *ids[6:])]
