"""Compares the pixels of masks: what changed its class, and the pixels of each class in both versions."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.changes.pairs import Pair, Pairs, class_changes, renamed_classes
from pipeline.changes.snapshot import FETCH, Labelled, Snapshot
from pipeline.dataset.contract import ClassList
from pipeline.errors import StageError
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.vision.codec import read_image, read_mask
from pipeline.vision.counting import count_ids

IGNORED = "(ignored)"
OTHER_SIZE = "(another size)"


class Meanings(NamedTuple):
    """The class name of each id in both versions, (256,) each."""

    before: np.ndarray
    after: np.ndarray

    @property
    def are_same(self) -> bool:
        """Whether each id has its class still."""
        return bool((self.before == self.after).all())


class Relabelling(NamedTuple):
    """A sample whose labels differ.

    Attributes:
        num_pixels: that have another class, or that only one version ignores; all if the mask has another size.
        share: of its pixels, in (0, 1].
        before, after: the classes that most of these pixels had and have.
    """

    pair: Pair
    num_pixels: int
    share: float
    before: str
    after: str


class ClassPixels(NamedTuple):
    """Pixels of a class, or of those that are ignored, in both versions, and what happened to the class."""

    name: str
    change: str
    before: int
    after: int


class Labels(NamedTuple):
    """The labels of two versions.

    Attributes:
        relabelled: samples of the same image, in order of name.
        other_images: samples of one name whose image has other pixels; their labels are not compared.
        classes: in order of id, then removed ones, the ignored pixels last.
    """

    relabelled: tuple[Relabelling, ...]
    other_images: tuple[Pair, ...]
    classes: tuple[ClassPixels, ...]


class _Counted(NamedTuple):
    before: np.ndarray  # (256) int64 pixels by id, as after
    after: np.ndarray
    other_image: Pair | None = None
    relabelling: Relabelling | None = None


NOTHING = np.zeros(256, np.int64)


def compare_labels(before: Snapshot, after: Snapshot, pairs: Pairs) -> Labels:
    """Counts the pixels of every mask; a mask in both versions is read once, and two only if they differ.

    Classes are compared by name, a renamed one by its new name, so new ids for all classes relabel nothing.

    Raises:
        StageError: a mask is not in DVC's cache.
        DataError: a mask cannot be read.
    """
    meanings = read_meanings(before.classes, after.classes)
    kept = ((before.samples[pair.former], after.samples[pair.name]) for pair in pairs.kept)
    differing = [old for old, new in kept if old.mask_md5 != new.mask_md5 or not meanings.are_same]
    _check_cached([*differing, *(before.samples[name] for name in pairs.removed)])
    todo = [*pairs.kept, *(Pair("", name) for name in pairs.added), *(Pair(name, "") for name in pairs.removed)]
    progress = Progress("diff", len(todo), "masks")
    sums = NOTHING.copy(), NOTHING.copy()
    found: list[_Counted] = []
    for seen in in_threads(lambda pair: _count(before, after, pair, meanings), todo):
        sums[0][:] += seen.before
        sums[1][:] += seen.after
        found += [seen] if seen.relabelling or seen.other_image else []
        progress.advance()
    progress.close()
    return Labels(
        tuple(one.relabelling for one in found if one.relabelling),
        tuple(one.other_image for one in found if one.other_image),
        tuple(_class_pixels(before.classes, after.classes, meanings, sums)),
    )


def _class_pixels(
    before: ClassList, after: ClassList, meanings: Meanings, sums: tuple[np.ndarray, np.ndarray]
) -> Iterator[ClassPixels]:
    for name, change in {**class_changes(before, after), IGNORED: ""}.items():
        was, is_now = (int(total[of_ids == name].sum()) for of_ids, total in zip(meanings, sums, strict=True))
        yield ClassPixels(name, change, was, is_now)


def _check_cached(samples: Sequence[Labelled]) -> None:
    """Raises `StageError` if a mask of a former version is not in DVC's cache."""
    masks = [one.mask for one in samples if one.mask]
    if missing := sum(not mask.is_file() for mask in masks):
        raise StageError(f"{missing} of {len(masks)} masks of the former version are not in DVC's cache; {FETCH}")


def read_meanings(before: ClassList, after: ClassList) -> Meanings:
    """The classes of all ids; ids of no class are ignored, and a renamed class has its new name in both."""
    renamed = renamed_classes(before, after)
    names = [renamed.get(name, name) for name in before.names], list(after.names)
    return Meanings(*(np.array(of_ids + [IGNORED] * (256 - len(of_ids)), dtype=object) for of_ids in names))


def _count(before: Snapshot, after: Snapshot, pair: Pair, meanings: Meanings) -> _Counted:
    old, new = before.samples.get(pair.former), after.samples.get(pair.name)
    is_other = bool(old and new and has_other_image(old, new))
    if old and new and new.mask and old.mask_md5 == new.mask_md5 and meanings.are_same:
        counts = count_ids(read_mask(new.mask))
        return _Counted(counts, counts, pair if is_other else None)
    was, is_now = (read_mask(one.mask) if one and one.mask else None for one in (old, new))
    relabelling = None if is_other or was is None or is_now is None else relabel(pair, was, is_now, meanings)
    return _Counted(_count_ids(was), _count_ids(is_now), pair if is_other else None, relabelling)


def _count_ids(mask: np.ndarray | None) -> np.ndarray:
    return NOTHING if mask is None else count_ids(mask)


def relabel(pair: Pair, was: np.ndarray, is_now: np.ndarray, meanings: Meanings) -> Relabelling | None:
    """The difference of two masks (H, W) uint8; None if each pixel has its class still."""
    if was.shape != is_now.shape:
        return Relabelling(pair, is_now.size, 1.0, OTHER_SIZE, OTHER_SIZE)
    changed = np.where(meanings.before[:, np.newaxis] == meanings.after, 0, count_ids(was, is_now))
    if not (num_pixels := int(changed.sum())):
        return None
    largest = np.unravel_index(changed.argmax(), changed.shape)
    return Relabelling(pair, num_pixels, num_pixels / was.size, meanings.before[largest[0]], meanings.after[largest[1]])


def has_other_image(old: Labelled, new: Labelled) -> bool:
    """True if the image has other pixels; one that was only written again has the same."""
    if old.image_md5 == new.image_md5:
        return False
    if not (old.image and new.image and old.image.is_file()):
        return True
    return not np.array_equal(read_image(old.image), read_image(new.image))
