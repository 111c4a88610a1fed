"""Preprocess: the good samples as packed, memory-mapped arrays at the working size, and their fingerprint."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.contract import SPLITS, ClassList, read_class_list
from pipeline.dataset.fingerprint import FINGERPRINT, ChannelSums, Fingerprint
from pipeline.dataset.manifest import ManifestRow, read_manifest
from pipeline.dataset.packed import PREPROCESS, create_packed
from pipeline.disk.files import md5_of
from pipeline.disk.records import write_csv
from pipeline.errors import DataError
from pipeline.params import PreprocessParams, read_params
from pipeline.runtime.cluster import spread
from pipeline.runtime.program import run_stage
from pipeline.runtime.progress import Progress
from pipeline.vision.codec import read_image, read_mask
from pipeline.vision.picture_files import open_picture
from pipeline.vision.resize import resize_image, resize_mask

NUM_THREADS, CHUNK = 4, 2
"""Samples that are read at a time: fewer would make a cluster wait, more would fill the memory."""


def preprocess(rows: list[ManifestRow], classes: ClassList, params: PreprocessParams, out: Path) -> Fingerprint:
    """Packs the samples of each split, in order of name, and writes splits.csv and fingerprint.json.

    Raises:
        DataError: a file has changed since it was validated.
    """
    out.mkdir(parents=True, exist_ok=True)
    sums, pixels = ChannelSums(), np.zeros(256, np.int64)
    splits = {split: [row for row in rows if row.split == split] for split in SPLITS}
    ordered = [row for members in splits.values() for row in members]
    resized = spread(partial(_read, params.image_size), ordered, CHUNK, NUM_THREADS)
    progress = Progress("preprocess", len(ordered), "images")
    for split, members in splits.items():
        packed = create_packed(out, split, len(members), params.image_size)
        for index, (image, mask) in enumerate(islice(resized, len(members))):
            packed.images[index], packed.masks[index] = image, mask
            progress.advance()
            if split == "train":
                sums.add(image)
                pixels += np.bincount(mask.ravel(), minlength=256)
        packed.images.flush()  # type: ignore[attr-defined]
        packed.masks.flush()  # type: ignore[attr-defined]
    progress.close()
    places = [(row.name, split, index) for split, members in splits.items() for index, row in enumerate(members)]
    write_csv(out / "splits.csv", ("name", "split", "index"), places)
    fingerprint = Fingerprint(
        classes=classes,
        size=params.image_size,
        num_images={split: len(members) for split, members in splits.items()},
        channel_mean=sums.mean(),
        channel_std=sums.std(),
        class_pixels={name: int(pixels[id_]) for id_, name in enumerate(classes.names)},
        arrays_md5={path.name: md5_of(path) for path in sorted(out.glob("*.npy"))},
    )
    fingerprint.write(out / "fingerprint.json")
    return fingerprint


def _read(size: tuple[int, int], row: ManifestRow) -> tuple[np.ndarray, np.ndarray]:
    for path, md5 in ((row.image, row.image_md5), (row.mask, row.mask_md5)):
        if open_picture(path).md5 != md5:
            raise DataError(f"{path}: is not the file that was validated; run the stage `validate` again")
    image, mask = read_image(row.image), read_mask(row.mask)
    if image.shape[:2] != (row.height, row.width) or mask.shape != (row.height, row.width):
        raise DataError(
            f"{row.image}: image is {image.shape[:2]} and mask {mask.shape}, the manifest says "
            f"{(row.height, row.width)}; the data changed since it was validated, run the stage `validate` again"
        )
    return resize_image(image, size), resize_mask(mask, size)


def main() -> Mapping[str, Any]:
    """Packs what `validate` let through; returns the summary."""
    fingerprint = preprocess(read_manifest(), read_class_list(), read_params().preprocess, PREPROCESS)
    print(f"packed {fingerprint.num_images} at {fingerprint.size[0]} x {fingerprint.size[1]}")
    return {
        "num_images": fingerprint.num_images,
        "image_size": fingerprint.size,
        "fingerprint_md5": md5_of(FINGERPRINT),
    }


if __name__ == "__main__":
    run_stage("preprocess", main)
