"""What is in the data set already: images that need no label again, and groups that belong to the test split."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.dataset.contract import list_samples
from pipeline.dataset.splits import split_of
from pipeline.errors import DataError
from pipeline.runtime.parallel import in_threads
from pipeline.validation.duplicates import is_flat
from pipeline.vision.codec import decode_image
from pipeline.vision.counting import difference_hash
from pipeline.vision.picture_files import open_picture


@dataclass(frozen=True)
class Known:
    """A data set as a new image is compared with it.

    Attributes:
        md5s: of the images' files.
        hashes: (N,) uint64 difference hashes of the images; none if near-duplicates are not looked for.
        max_bits: bits of 64 that may differ between near-duplicates.
        splits: of the samples of each group, frozen or by its name.
        val: share of the groups that go there, as `test`.
    """

    md5s: frozenset[str]
    hashes: np.ndarray
    max_bits: int
    splits: Mapping[str, frozenset[str]]
    val: float
    test: float

    def is_test(self, group: str) -> bool:
        """True if a sample of the group is in the test split, or would be if the group is new."""
        return "test" in self.splits.get(group, {split_of(group, self.val, self.test)})

    def has_like(self, image: np.ndarray) -> bool:
        """True if an image (H, W, 3) uint8 RGB is nearly one of the data set; a flat image never is."""
        if not self.hashes.size or is_flat(hash_ := difference_hash(image)):
            return False
        return bool((np.bitwise_count(self.hashes ^ np.uint64(hash_)) <= self.max_bits).any())


def read_known(data: Path, val: float, test: float, max_bits: int | None) -> Known:
    """Reads every image of a data folder; `max_bits` None: as bytes only. What cannot be read is as good as missing.

    Raises:
        DataError: the folder has no samples, or `samples.csv` is wrong.
    """
    samples = list_samples(data)
    splits: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        splits[sample.group].add(sample.split or split_of(sample.group, val, test))
    images = [sample.image for sample in samples if sample.image]
    found = [one for one in in_threads(partial(_look_at, has_hash=max_bits is not None), images) if one]
    hashes = [hash_ for _, hash_ in found if hash_ is not None and not is_flat(hash_)]
    md5s = frozenset(md5 for md5, _ in found)
    frozen = {group: frozenset(names) for group, names in splits.items()}
    return Known(md5s, np.array(hashes, np.uint64), max_bits or 0, frozen, val, test)


def _look_at(path: Path, has_hash: bool) -> tuple[str, int | None] | None:
    try:
        picture = open_picture(path)
        return picture.md5, difference_hash(decode_image(picture)) if has_hash else None
    except DataError:
        return None
