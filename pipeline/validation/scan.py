"""The scan: reads every image and mask once, in parallel, and gives the facts that are judged later."""

import io
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError, ParamsError, StageError
from pipeline.runtime.cluster import read_address, spread
from pipeline.runtime.guard import end_with
from pipeline.runtime.parallel import in_order
from pipeline.runtime.progress import Progress
from pipeline.text import shown
from pipeline.vision.codec import decode_image, decode_stored, has_low_range
from pipeline.vision.counting import count_ids, difference_hash, mean_level
from pipeline.vision.picture_files import HEADER_ERRORS, HIGHEST, Limits, PictureFile, open_picture

CHUNK, NUM_AHEAD = 16, 16
"""Samples that a process reads at a time, and chunks that wait for one."""
MIN_SAMPLES_PER_WORKER = 32  # below that, starting a process takes longer than the work it saves
BLOCK_PX = 1 << 20
EXIF_ORIENTATION = 0x112
GREY = 0  # colour type of a PNG
ENDED = (BrokenProcessPool, MemoryError)
Size = tuple[int, int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of an image that can be decoded.

    Attributes:
        md5: of the file's bytes.
        size: (height, width) in pixels, upright (EXIF applied).
        stored_size: (height, width) in pixels, as stored.
        orientation: EXIF's, 1 (upright) to 8.
        has_alpha: it holds transparency, which is dropped.
        low_range: it has 16 bits but is nearly black in 8 bits.
        brightness: mean over pixels and channels, in [0, 255].
        hash: 64-bit difference hash.
    """

    md5: str
    size: Size
    stored_size: Size
    orientation: int
    has_alpha: bool
    low_range: bool
    brightness: float
    hash: int


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """Facts of a mask that can be decoded.

    Attributes:
        md5: of the file's bytes.
        size: (height, width) in pixels, upright (EXIF applied).
        num_channels: 1 in a mask that keeps the contract.
        depth: "uint8" in a mask that keeps the contract; "1 bit", "uint16", ... otherwise.
        pixels: number of pixels of each id that occurs, in order of id; None unless the mask has one channel of uint8.
    """

    md5: str
    size: Size
    num_channels: int
    depth: str
    pixels: Mapping[int, int] | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one sample.

    Attributes:
        image: None if the image is missing or cannot be decoded, as for the mask.
        image_error: why the image cannot be decoded, "" otherwise, as for the mask.
    """

    sample: Sample
    image: ImageFacts | None
    mask: MaskFacts | None
    image_error: str
    mask_error: str


def scan(samples: Sequence[Sample], num_workers: int, limits: Limits = HIGHEST) -> Iterator[Facts]:
    """Reads every sample and yields its facts, in the order given; memory does not grow with their number.

    Files are decoded in at most `num_workers` other processes; their number never changes the facts. A file that
    crashes the decoder or exhausts the memory is a fact, too. With a cluster, its workers decode.
    """
    progress = Progress("validate", len(samples), "samples")
    if read_address():
        found = spread(partial(look_at, limits=limits), samples, CHUNK, instead=partial(_scan_alone, limits=limits))
    else:
        found = _scan(samples, max(1, min(num_workers, len(samples) // MIN_SAMPLES_PER_WORKER)), limits)
    for facts in found:
        progress.advance()
        yield facts
    progress.close()


def read_num_workers() -> int:
    """Processes to scan with: `SEGLINE_WORKERS` of the environment, else one per CPU.

    Raises:
        ParamsError: it is not a positive whole number.
    """
    text = os.environ.get("SEGLINE_WORKERS", "")
    if not text:
        return os.cpu_count() or 1
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ParamsError(f"SEGLINE_WORKERS is {text!r}, expected 1 or more; unset it for one process per CPU")
    return int(text)


def look_at(sample: Sample, limits: Limits = HIGHEST) -> Facts:
    """The facts of one sample; a file that cannot be decoded is a fact too."""
    image, image_error = _look(_look_at_image, sample.image, limits)
    mask, mask_error = _look(_look_at_mask, sample.mask, limits)
    return Facts(sample, image, mask, image_error, mask_error)


def _look(look: Callable[[PictureFile], T], path: Path | None, limits: Limits) -> tuple[T | None, str]:
    try:
        return (look(open_picture(path, limits)) if path else None), ""
    except DataError as err:
        return None, str(err)


def _look_at_all(samples: Sequence[Sample], limits: Limits) -> list[Facts]:
    return [look_at(sample, limits) for sample in samples]


def _scan(samples: Sequence[Sample], num_workers: int, limits: Limits, chunk: int = CHUNK) -> Iterator[Facts]:
    """As `map(look_at, samples)`; if a process ends, the samples under way are read again one by one, to find which."""
    spawn = multiprocessing.get_context("spawn")  # fork is unsafe once any thread runs
    num_done, num_ahead = 0, NUM_AHEAD if chunk > 1 else 0
    while num_done < len(samples):
        pool = ProcessPoolExecutor(num_workers, mp_context=spawn, initializer=end_with, initargs=(os.getpid(),))
        chunks = (samples[first : first + chunk] for first in range(num_done, len(samples), chunk))
        try:
            for facts in in_order(pool, partial(_look_at_all, limits=limits), chunks, num_ahead):
                num_done += len(facts)
                yield from facts
        except ENDED:
            pool.shutdown(cancel_futures=True)
            under_way = samples[num_done : num_done + (num_ahead + 1) * chunk]
            if chunk > 1:
                yield from _scan(under_way, 1, limits, chunk=1)
            else:
                _check_start(spawn)
                yield _ended(samples[num_done])
            num_done += len(under_way)
        finally:
            pool.shutdown(cancel_futures=True)


def _check_start(spawn: SpawnContext) -> None:
    """Raises if a process that reads nothing ends, too: then no file is to blame."""
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        try:
            pool.submit(os.getpid).result()
        except ENDED as err:
            raise StageError(
                f"the processes that read the data end at their start ({err}); free some memory, or raise the "
                "limit of processes, and run again"
            ) from err


def _scan_alone(samples: Sequence[Sample], limits: Limits) -> Iterator[Facts]:
    """Reads samples that workers of a cluster died of, here, one by one."""
    return _scan(samples, 1, limits, chunk=1)


def _ended(sample: Sample) -> Facts:
    reason = (
        "the process that read this image and its mask ended, because one of them is damaged or memory ran out; "
        "export both again"
    )
    image_error, mask_error = (
        f"{shown(str(path))}: cannot be decoded: {reason}" if path else "" for path in (sample.image, sample.mask)
    )
    return Facts(sample, None, None, image_error, mask_error)


def _look_at_image(picture: PictureFile) -> ImageFacts:
    image = decode_image(picture)
    size = (image.shape[0], image.shape[1])
    orientation, has_alpha = _read_header(picture)
    return ImageFacts(
        md5=picture.md5,
        size=size,
        stored_size=(size[1], size[0]) if orientation >= 5 else size,
        orientation=orientation,
        has_alpha=has_alpha,
        low_range=_may_have_16_bits(picture) and has_low_range(picture),
        brightness=round(float(np.mean([mean_level(block) for block in _blocks(image)])), 3),
        hash=difference_hash(image),
    )


def _look_at_mask(picture: PictureFile) -> MaskFacts:
    mask = decode_stored(picture)
    depth = _grey_png_depth(picture) or mask.dtype.name
    pixels = None
    if mask.ndim == 2 and depth == "uint8":
        pixels = {id_: count for id_, count in enumerate(count_ids(mask).tolist()) if count}
    num_channels = 1 if mask.ndim == 2 else mask.shape[2]
    return MaskFacts(picture.md5, (mask.shape[0], mask.shape[1]), num_channels, depth, pixels)


def _blocks(pixels: np.ndarray) -> list[np.ndarray]:
    """Some rows at a time: sums over a whole picture would need many times its memory."""
    return np.array_split(pixels, max(1, min(len(pixels), pixels.size // BLOCK_PX)))


def _may_have_16_bits(picture: PictureFile) -> bool:
    png = picture.png_header
    return png[0] == 16 if png else picture.path.suffix.lower() in (".tif", ".tiff")


def _grey_png_depth(picture: PictureFile) -> str:
    """Depth of a grey PNG of less than 8 bits, which decoders stretch to 0 to 255; "" for any other picture."""
    depth, colour_type = picture.png_header or (8, GREY)
    return f"{depth} bit" if colour_type == GREY and depth < 8 else ""


def _read_header(picture: PictureFile) -> tuple[int, bool]:
    """EXIF orientation (1 to 8), and whether there is transparency."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(picture.content)) as opened:
            # Pillow's own `getexif` of a PNG decodes the whole picture to look behind it
            orientation = Image.Image.getexif(opened).get(EXIF_ORIENTATION, 1)
            return orientation if orientation in range(1, 9) else 1, opened.has_transparency_data
    except HEADER_ERRORS:  # OpenCV has read the picture all the same
        return 1, False
