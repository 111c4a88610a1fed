"""The frozen test split in two versions: with other labels or images, scores on it cannot be compared."""

from dataclasses import replace
from typing import NamedTuple

from pipeline.changes.labels import Meanings, has_other_image, read_meanings, relabel
from pipeline.changes.pairs import Pair, pair_samples
from pipeline.changes.snapshot import Labelled, Snapshot
from pipeline.vision.codec import read_mask


class FrozenTest(NamedTuple):
    """Samples of the former frozen test split that are not in the new test split as they were, by name.

    Attributes:
        relabelled: with other labels.
        left: that are gone, have another image, or are in another split.
    """

    relabelled: tuple[str, ...]
    left: tuple[str, ...]


def compare_frozen_test(before: Snapshot, after: Snapshot) -> FrozenTest:
    """Compares the samples that the former `samples.csv` puts into the test split.

    A mask is read only if its MD5 or the ids of the classes differ. If DVC's cache lacks the former one, the labels
    count as others.

    Raises:
        DataError: an image or a mask cannot be read.
    """
    frozen = {name: one for name, one in before.samples.items() if one.is_frozen and one.split == "test"}
    pairs = pair_samples(replace(before, samples=frozen), after)
    meanings = read_meanings(before.classes, after.classes)
    relabelled, left = [], list(pairs.removed)
    for pair in pairs.kept:
        old, new = frozen[pair.former], after.samples[pair.name]
        if new.split != "test" or has_other_image(old, new):
            left.append(pair.name)
        elif _is_relabelled(pair, old, new, meanings):
            relabelled.append(pair.name)
    return FrozenTest(tuple(relabelled), tuple(sorted(left)))


def _is_relabelled(pair: Pair, old: Labelled, new: Labelled, meanings: Meanings) -> bool:
    if old.mask_md5 == new.mask_md5 and meanings.are_same:
        return False
    if not (old.mask and new.mask and old.mask.is_file()):
        return True
    return relabel(pair, read_mask(old.mask), read_mask(new.mask), meanings) is not None
