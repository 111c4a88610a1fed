"""Leakage: images of today's test split that a registered model was trained or chosen on.

A group moves between the splits if their shares in the params change, and a picture may come back as another file. A
score on training images is optimistic.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest
from pipeline.dataset.splits import RESERVE
from pipeline.registry.client import Version
from pipeline.registry.runs import find_file
from pipeline.validation.duplicates import is_flat
from pipeline.validation.hashes import HASHES, read_hashes

STORED = f"validate/{MANIFEST.name}"  # in the version's run, as the next
STORED_HASHES = f"validate/{HASHES.name}"
TRAINED = ("train", "val")  # a model sees nothing of the reserve


class Exposure(NamedTuple):
    """The test images that a model was trained or chosen on.

    Attributes:
        num_images: in all; the others say how they were found, and an image may be found in several ways.
        same: by the bytes of the image.
        grouped: by the group.
        alike: by the difference hash; None: the hashes of one side are missing.
    """

    num_images: int
    same: int
    grouped: int
    alike: int | None


@dataclass(frozen=True)
class Today:
    """Today's data.

    Attributes:
        rows: of the manifest.
        hashes: of the images by name of sample; None: unknown.
        max_bits: of 64 that may differ between images that look alike; None: looks are not compared.
        known_groups: groups that may be in several splits.
    """

    rows: Sequence[ManifestRow]
    hashes: Mapping[str, int] | None
    max_bits: int | None
    known_groups: Collection[str]


def read_today(max_bits: int | None, known_groups: Collection[str], is_reserve: bool = False) -> Today:
    """Today's data; with the reserve in place of the test split if asked.

    Raises:
        EvidenceError: the manifest or the hashes are missing or damaged.
    """
    rows, hashes = read_manifest(), read_hashes() if HASHES.is_file() else None
    if is_reserve:
        rows = [row for row in rows if row.split != "test"]
        rows = [replace(row, split="test") if row.split == RESERVE else row for row in rows]
    return Today(rows, hashes, max_bits, known_groups)


def find_exposure(version: Version, today: Today) -> Exposure | None:
    """Counts today's test images whose bytes, group or looks were in the version's train or val split.

    An image that looks like one in train or val today does not count by its looks: `validate` has warned of it.

    Returns:
        None if the version's run has no manifest.

    Raises:
        EvidenceError: the manifest there, or the hashes, are damaged.
        RegistryError: MLflow cannot be reached.
    """
    with TemporaryDirectory() as temporary:
        path = find_file(version.run_id, Path(temporary), STORED)
        if path is None:
            return None
        seen = [row for row in read_manifest(path) if row.split in TRAINED]
        path = find_file(version.run_id, Path(temporary), STORED_HASHES)
        hashes = read_hashes(path) if path else None
    test = [row for row in today.rows if row.split == "test"]
    images, groups = {row.image_md5 for row in seen}, {row.group for row in seen} - set(today.known_groups)
    same = {row.name for row in test if row.image_md5 in images}
    grouped = {row.name for row in test if row.group in groups}
    alike = _find_alike(today, test, seen, hashes)
    return Exposure(
        len(same | grouped | (alike or set())), len(same), len(grouped), None if alike is None else len(alike)
    )


def _find_alike(
    today: Today, test: Sequence[ManifestRow], seen: Sequence[ManifestRow], hashes: Mapping[str, int] | None
) -> set[str] | None:
    trained = [row for row in today.rows if row.split in TRAINED]
    if today.max_bits is None:
        return set()
    if not (_are_whole(today.hashes, today.rows) and _are_whole(hashes, seen)):
        return None
    alike, warned = (
        _names_alike(today, test, *others) for others in ((seen, hashes or {}), (trained, today.hashes or {}))
    )
    return alike - warned


def _are_whole(hashes: Mapping[str, int] | None, rows: Sequence[ManifestRow]) -> bool:
    return hashes is not None and {row.name for row in rows} <= hashes.keys()


def _names_alike(
    today: Today, test: Sequence[ManifestRow], others: Sequence[ManifestRow], hashes: Mapping[str, int]
) -> set[str]:
    """Test images that look like one of the others; flat ones are left out, for they would all look alike."""
    looks = [row for row in others if not is_flat(hashes[row.name])]
    anywhere = np.array([hashes[row.name] for row in looks], np.uint64)
    is_known = np.array([row.group in today.known_groups for row in looks], bool)
    alike = set()
    for row in test:
        hash_ = (today.hashes or {})[row.name]
        pool = anywhere[~is_known] if row.group in today.known_groups else anywhere
        if not is_flat(hash_) and (np.bitwise_count(pool ^ np.uint64(hash_)) <= today.max_bits).any():
            alike.add(row.name)
    return alike
