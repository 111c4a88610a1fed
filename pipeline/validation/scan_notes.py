"""Notes of earlier scans, so that only what has changed is decoded again: facts by the content of image and mask.

A note counts only for files whose MD5s are those in it, so each file is read; name, size and time are not asked. A file
of notes belongs to one version of the code that decodes, and to one set of limits. Lines are appended while a scan
runs: a kill loses the samples under way. Each line begins with its CRC-32, and a damaged one is as good as missing.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import numpy as np
import PIL

from pipeline.dataset.contract import Sample
from pipeline.disk.files import md5_of_code, written_whole
from pipeline.errors import DataError
from pipeline.runtime.cluster import spread
from pipeline.runtime.progress import Progress
from pipeline.runtime.stages import ROOT
from pipeline.validation.scan import Facts, ImageFacts, MaskFacts, scan
from pipeline.vision.opencv import cv2
from pipeline.vision.picture_files import HIGHEST, Limits, read_content

SCANS = Path(".segline/scans")
CODE = ("pipeline/validation/scan.py", "pipeline/validation/scan_notes.py", "pipeline/vision", "pipeline/disk")
CRC_CHARS, KEY_CHARS = 8, 64
CHUNK = 64
"""Samples whose files a thread or worker reads at a time."""
Notes = dict[bytes, bytes]
"""Facts as JSON by the MD5s of image and mask."""


def scan_changed(
    samples: Sequence[Sample], num_workers: int, limits: Limits = HIGHEST, folder: Path = SCANS
) -> Iterator[Facts]:
    """Yields the facts that `scan` gives; samples whose content is noted in `folder` are not decoded."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_identity(limits)}.notes"
    notes = read_notes(path)
    keys = _keys_of(samples, num_workers, limits) if notes else [b""] * len(samples)
    changed = [one for one, key in zip(samples, keys, strict=True) if key not in notes]
    new = scan(changed, num_workers, limits) if changed else iter(())
    with path.open("ab", buffering=0) as file:
        file.write(b"\n")  # ends a line that a kill cut off
        for place, sample in enumerate(samples):
            if known := notes.get(keys[place]):
                yield _parse(sample, keys[place], known)
            else:
                facts = next(new)
                keys[place] = _write(file, facts)
                yield facts
    next(new, None)  # prints its last line
    if len(notes) > 2 * len(samples):
        _forget_others(path, set(keys))


def read_notes(path: Path) -> Notes:
    """The notes in a file, which may be missing; damaged lines are left out."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    whole = (line[CRC_CHARS:] for line in lines if line[:CRC_CHARS] == _crc(line[CRC_CHARS:]))
    return {line[:KEY_CHARS]: line[KEY_CHARS:] for line in whole if line}


def _identity(limits: Limits) -> str:
    """Differs if the same file could give other facts."""
    code = {name: md5_of_code(ROOT / name) for name in CODE}
    packages = cv2.__version__, PIL.__version__, np.__version__
    text = json.dumps([code, packages, limits.max_image_px, limits.max_file_bytes])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _keys_of(samples: Sequence[Sample], num_threads: int, limits: Limits) -> list[bytes]:
    """The MD5s of image and mask of each sample; b"" if one of them is missing or cannot be read."""
    progress, keys = Progress("validate: compare", len(samples), "samples"), []
    for key in spread(partial(_key_of, limits=limits), samples, CHUNK, num_threads):
        keys.append(key)
        progress.advance()
    progress.close()
    return keys


def _key_of(sample: Sample, limits: Limits) -> bytes:
    if sample.image is None or sample.mask is None:
        return b""
    try:
        contents = [read_content(path, limits) for path in (sample.image, sample.mask)]
    except DataError:
        return b""
    return b"".join(hashlib.md5(one, usedforsecurity=False).hexdigest().encode() for one in contents)


def _write(file: BinaryIO, facts: Facts) -> bytes:
    """Appends a note, unless a side is missing; gives its key."""
    image, mask = facts.image, facts.mask
    if image is None or mask is None:
        return b""
    pixels = mask.pixels and list(mask.pixels.items())
    of_image = [getattr(image, name) for name in ImageFacts.__slots__[1:]]
    content = json.dumps([of_image, [mask.size, mask.num_channels, mask.depth, pixels]], separators=(",", ":"))
    key = f"{image.md5}{mask.md5}".encode()
    line = key + content.encode()
    file.write(_crc(line) + line + b"\n")
    return key


def _parse(sample: Sample, key: bytes, note: bytes) -> Facts:
    (size, stored_size, *others), (mask_size, num_channels, depth, counts) = json.loads(note)
    md5s, pixels = (key[:32].decode(), key[32:].decode()), None if counts is None else dict(counts)
    image = ImageFacts(md5s[0], tuple(size), tuple(stored_size), *others)
    return Facts(sample, image, MaskFacts(md5s[1], tuple(mask_size), num_channels, depth, pixels), "", "")


def _forget_others(path: Path, keys: set[bytes]) -> None:
    """Leaves out the notes of content that is not in the data set any more."""
    lines = (line for line in path.read_bytes().splitlines() if line[CRC_CHARS:][:KEY_CHARS] in keys)
    with written_whole(path) as part:
        part.write_bytes(b"".join(line + b"\n" for line in lines))


def _crc(line: bytes) -> bytes:
    return b"%08x" % crc32(line)
