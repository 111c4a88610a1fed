"""Run lengths as pixels: those of COCO, of CVAT, and of Label Studio's brush."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import DataError

NUM_CHANNELS = 4
"""Of Label Studio's brush: red, green, blue, alpha."""
LENGTH_BITS = 16
BRUSH_HEADER = "001110010001101111111"
"""Values of 8 bits; lengths of 3, 4, 8 or `LENGTH_BITS` bits, of which `to_brush` takes the last."""


def fill_runs(counts: Sequence[int], num_px: int) -> np.ndarray:
    """Pixels (num_px,) bool of lengths of runs, outside and inside in turn, beginning outside.

    Raises:
        DataError: see `check_runs`.
    """
    check_runs(counts, num_px)
    return np.repeat(np.arange(len(counts)) % 2 == 1, np.array(counts, np.int64))


def check_runs(counts: Sequence[int], num_px: int) -> None:
    """Checks lengths of runs.

    Raises:
        DataError: a length is negative, or they do not add up to `num_px`.
    """
    if any(count < 0 for count in counts) or sum(counts) != num_px:
        raise DataError(
            f"run lengths (RLE) add up to {sum(counts):,} pixels, expected {num_px:,}, none negative; export the "
            "annotations again, for the image that was annotated"
        )


def fill_columns(counts: Sequence[int], height: int, width: int) -> tuple[slice, np.ndarray]:
    """The columns of an image that run lengths down the columns touch, and the pixels of these columns (H, w) bool.

    Raises:
        DataError: see `fill_runs`.
    """
    check_runs(counts, height * width)
    counts = counts[: len(counts) // 2 * 2]  # the last run is inside
    left, right = (counts[0] // height, -(-sum(counts) // height)) if counts else (0, 0)
    rest = [right * height - sum(counts)]
    inner = [counts[0] - left * height, *counts[1:], *rest] if counts else [0]
    return slice(left, right), fill_runs(inner, (right - left) * height).reshape(right - left, height).T


def parse_counts(text: str) -> list[int]:
    """Lengths of runs in COCO's compressed form: 5 bits a character, differences to the length before the last.

    pycocotools reads beyond the end of a text that ends too early, so it does not get any.

    Raises:
        DataError: the text is not of this form.
    """
    counts: list[int] = []
    value = shift = 0
    for char in text:
        bits = ord(char) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise DataError("compressed run lengths (RLE) are damaged; export the annotations again")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise DataError("compressed run lengths (RLE) end too early; export the annotations again")
    return counts


def fill_brush(content: Sequence[int], height: int, width: int) -> np.ndarray:
    """Pixels (H, W) bool of a Label Studio brush: those with an alpha above 0.

    Args:
        content: bytes: 32 bits number of values, 5 bits size of a value - 1, four times 4 bits size of a length - 1;
            then runs: a bit (values are equal), 2 bits which size of length, length - 1, a value or that many
            (https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack). Values are RGBA of the pixels in rows.

    Raises:
        DataError: the content is damaged, or is of another number of pixels.
    """
    damaged = DataError("the brush's run lengths (RLE) are damaged; export the annotations again")
    if not all(0 <= byte < 256 for byte in content):
        raise damaged
    bits = (np.unpackbits(np.array(content, np.uint8)) + ord("0")).tobytes().decode()
    place = 0

    def read(num_bits: int) -> int:
        nonlocal place
        if (end := place + num_bits) > len(bits):
            raise damaged
        place, start = end, place
        return int(bits[start:end], 2)

    num_values, num_bits = read(32), read(5) + 1
    if num_values != height * width * NUM_CHANNELS:
        raise DataError(
            f"a brush has {num_values / NUM_CHANNELS:,.0f} pixels, its image {height} x {width} (height x width); "
            "bring the image that was annotated"
        )
    sizes = [read(4) + 1 for _ in range(4)]
    values = np.zeros(num_values, bool)
    start = 0
    while start < num_values:
        is_run = read(1)
        end = start + 1 + read(sizes[read(2)])
        if end > num_values:
            raise damaged
        values[start:end] = read(num_bits) > 0 if is_run else [read(num_bits) > 0 for _ in range(end - start)]
        start = end
    return values.reshape(height, width, NUM_CHANNELS)[:, :, -1]


def to_runs(pixels: np.ndarray) -> list[int]:
    """Lengths of runs of (num_px,) bool, outside and inside in turn, beginning outside; see `fill_runs`."""
    ends = np.flatnonzero(np.diff(pixels.astype(np.int8), prepend=0, append=2))
    return [int(count) for count in np.diff(ends, prepend=0)]


def to_brush(pixels: np.ndarray) -> list[int]:
    """The bytes of a Label Studio brush of (H, W) bool, 255 in all channels inside; see `fill_brush`."""
    counts = np.array(to_runs(pixels.ravel()), np.int64) * NUM_CHANNELS
    most = 1 << LENGTH_BITS
    num_parts = -(-counts // most)
    lengths = np.full(num_parts.sum(), most, np.int64)
    lengths[np.cumsum(num_parts)[counts > 0] - 1] = (counts - (num_parts - 1) * most)[counts > 0]
    values = np.repeat(np.arange(len(counts)) % 2 * 255, num_parts)
    codes = 0b111 << LENGTH_BITS + 8 | lengths - 1 << 8 | values  # a run, the longest kind of length, length, value
    head = np.array([*f"{pixels.size * NUM_CHANNELS:032b}{BRUSH_HEADER}"], np.uint8)
    bits = codes[:, np.newaxis] >> np.arange(LENGTH_BITS + 10, -1, -1) & 1
    return [int(byte) for byte in np.packbits(np.concatenate([head, bits.ravel().astype(np.uint8)]))]
