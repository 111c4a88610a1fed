"""A guess of how the names of images and masks differ, for the advice of a refusal; nothing is ever paired by it."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from os.path import commonprefix
from pathlib import PurePosixPath

from pipeline.importers.repairs.patterns import FIELD, to_patterns, without_suffix

NUM_LOOKED_AT, NUM_TRIED = 50, 6
SEPARATORS = "/_-. "
LABEL_WORDS = ("mask", "label", "gt", "seg", "anno", "truth", "target", "manual")
FORMATS = (".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".png")
"""Suffixes of pictures; of two, the later is the likelier mask."""
Guess = tuple[str, str]


def guess_patterns(images: Sequence[str], masks: Sequence[str]) -> Guess | None:
    """The two patterns for `--pair` that most names of images and masks fit, None if fewer than half do.

    Args:
        images: paths below the folder of images, NFC, as `masks`; at least one each.
    """
    image_names, mask_names = ([*map(without_suffix, names)] for names in (images, masks))
    orders = _orders(image_names)
    found = Counter(
        guess for name in _spread(mask_names) for other in _neighbours(name, orders) for guess in _cut(other, name)
    )
    found[_around(image_names), _around(mask_names)] += len(mask_names)
    return _best(found, image_names, mask_names)


def guess_in_one(pictures: Sequence[str]) -> Guess | None:
    """As `guess_patterns`, for images and masks in one folder, with one stem or not."""
    by_stem = defaultdict(list)
    for path in pictures:
        by_stem[without_suffix(path)].append(PurePosixPath(path).suffix)
    twins = Counter(tuple(sorted(suffixes, key=_rank)) for suffixes in by_stem.values() if len(suffixes) == 2)
    if twins:
        (image, mask), number = twins.most_common(1)[0]
        return (f"{{stem}}{image}", f"{{stem}}{mask}") if 4 * number >= len(by_stem) else None
    names = list(by_stem)
    orders = _orders(names)
    found = Counter(
        guess if _looks_like_mask(guess[1], guess[0]) else guess[::-1]
        for name in _spread(names)
        for other in _neighbours(name, orders)
        for guess in _cut(other, name)
    )
    return _best(found, names, names)


def _best(found: Counter[Guess], images: Sequence[str], masks: Sequence[str]) -> Guess | None:
    """Of the frequent guesses the one that makes the most pairs; of equal ones the first."""
    tried = [guess for guess, _ in found.most_common(NUM_TRIED)]
    numbers = [_num_pairs(guess, images, masks) for guess in tried]
    most = max(numbers, default=0)
    is_enough = 2 * most >= (len(masks) if images is not masks else len(masks) / 2)
    return tried[numbers.index(most)] if most and is_enough else None


def _num_pairs(guess: Guess, images: Sequence[str], masks: Sequence[str]) -> int:
    if any(FIELD.findall(pattern) != ["stem"] for pattern in guess):
        return 0
    image, mask = to_patterns(guess, "")
    keys = {key for name in masks if (key := mask.key(f"{name}.png"))}
    return len(keys & {key for name in images if (key := image.key(f"{name}.png"))})


def _spread(names: Sequence[str]) -> list[str]:
    """Some of the names, from all of them."""
    ordered = sorted(names)
    return ordered[:: max(1, len(ordered) // NUM_LOOKED_AT)]


def _orders(names: Sequence[str]) -> list[list[str]]:
    """The names in order, and in order of their last characters, written backwards."""
    return [sorted(names), sorted(name[::-1] for name in names)]


def _neighbours(name: str, orders: Sequence[Sequence[str]]) -> Iterator[str]:
    """The names with the longest beginning and the longest end in common with a name."""
    for turn, ordered in zip((1, -1), orders, strict=True):
        place = bisect_left(ordered, name[::turn])
        yield from (one[::turn] for one in ordered[max(place - 1, 0) : place + 2])


def _cut(image: str, mask: str) -> Iterator[Guess]:
    """Patterns of two names with one stem: what they have in common at the beginning or at the end."""
    if FIELD.search(image + mask) or image == mask:
        return
    start = commonprefix([image, mask])
    end = commonprefix([image[::-1], mask[::-1]])[::-1]
    cuts = []
    if stem := start.rstrip(SEPARATORS) or start:
        cuts.append(("{stem}" + image[len(stem) :], "{stem}" + mask[len(stem) :]))
    for stem in filter(None, dict.fromkeys((_after_separator(end), end))):
        cuts.append((image.removesuffix(stem) + "{stem}", mask.removesuffix(stem) + "{stem}"))
    # names that differ in a number alone are two samples
    yield from (cut for cut in cuts if not all(one.replace("{stem}", "").strip(SEPARATORS).isdigit() for one in cut))


def _around(names: Sequence[str]) -> str:
    """The pattern of what all names of a side have in common, up to a separator."""
    start = commonprefix(names)
    end = commonprefix([name[::-1] for name in names])[::-1]
    start = start[: 1 + max(start.rfind(one) for one in SEPARATORS)]
    places = [place for place in map(end.find, SEPARATORS) if place >= 0]
    return f"{start}{{stem}}{end[min(places) :] if places else ''}"


def _after_separator(text: str) -> str:
    places = [place for place in map(text.find, SEPARATORS) if place >= 0]
    return text[min(places) + 1 :] if places else text


def _looks_like_mask(pattern: str, other: str) -> bool:
    """True if the first pattern is rather that of masks: by a word in it, else by its length."""
    has_word, other_has = (any(word in one.lower() for word in LABEL_WORDS) for one in (pattern, other))
    return len(pattern) > len(other) if has_word == other_has else has_word


def _rank(suffix: str) -> int:
    return FORMATS.index(suffix.lower()) if suffix.lower() in FORMATS else 0


def as_options(guess: Guess) -> dict[str, object]:
    """The option of a guess: the mask's suffix if it is all that differs."""
    image, mask = guess
    if image == "{stem}" and mask.startswith(image):
        return {"mask_suffix": mask.removeprefix(image), "pair": None}
    return {"pair": guess, "mask_suffix": ""}


def describe(guess: Guess) -> str:
    """A guess in the words of an advice."""
    return f"images seem to be named {guess[0]} and masks {guess[1]}"
