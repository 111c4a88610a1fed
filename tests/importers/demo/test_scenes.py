"""Tests of the drawn street scenes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.splits import split_of
from pipeline.importers.demo.canvas import SIZE, VOID
from pipeline.importers.demo.layout import LIGHTS
from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
from pipeline.vision.counting import difference_hash

Scene = tuple[np.ndarray, np.ndarray]
NEAR_DUPLICATE_BITS = 6


@pytest.fixture(scope="module")
def scenes() -> dict[tuple[str, int], Scene]:
    """Two frames of each street."""
    places = [(street, frame) for street in STREETS for frame in (0, 5)]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(places, pool.map(lambda place: draw_scene(0, *place), places), strict=True))


def test_a_scene_is_a_function_of_its_key(scenes: dict[tuple[str, int], Scene]) -> None:
    """Drawn again it is the same; another seed gives another."""
    image, mask = draw_scene(0, "dale", 5)
    assert_array_equal(image, scenes["dale", 5][0])
    assert_array_equal(mask, scenes["dale", 5][1])
    assert (draw_scene(1, "dale", 5)[1] != mask).mean() > 0.1


def test_masks_keep_the_contract(scenes: dict[tuple[str, int], Scene]) -> None:
    """Sizes agree and ids are those of the classes or void."""
    for image, mask in scenes.values():
        assert image.shape == (*SIZE, 3) and mask.shape == SIZE and image.dtype == mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {*range(len(CLASSES)), VOID}


def test_every_class_is_in_every_split(scenes: dict[tuple[str, int], Scene]) -> None:
    """With the project's shares no class is below 1 % of a split, and void is a few per cent."""
    pixels = {split: np.zeros(256, np.int64) for split in ("train", "val", "test")}
    for (street, _), (_, mask) in scenes.items():
        pixels[split_of(street, val=0.15, test=0.2)] += np.bincount(mask.ravel(), minlength=256)
    for counts in pixels.values():
        shares = counts / counts.sum()
        assert (shares[: len(CLASSES)] > 0.01).all() and 0.01 < shares[VOID] < 0.1


def test_streets_are_spread_over_splits_and_lights() -> None:
    """The hash of the names gives 15, 4 and 5 streets, and the test split has each light once."""
    places = [(split_of(street, val=0.15, test=0.2), number % len(LIGHTS)) for number, street in enumerate(STREETS)]
    assert Counter(split for split, _ in places) == {"train": 15, "val": 4, "test": 5}
    assert sorted(light for split, light in places if split == "test") == list(range(len(LIGHTS)))


def test_no_two_scenes_are_near_duplicates(scenes: dict[tuple[str, int], Scene]) -> None:
    """Frames differ in more bits of their hashes than the check for near-duplicates allows."""
    hashes = [difference_hash(image) for image, _ in scenes.values()]
    nearest = min((one ^ other).bit_count() for number, one in enumerate(hashes) for other in hashes[:number])
    assert nearest > NEAR_DUPLICATE_BITS


def test_colour_alone_does_not_tell_the_classes(scenes: dict[tuple[str, int], Scene]) -> None:
    """The most frequent class of each of 4096 colours, learned and scored on the same pixels, is often wrong."""
    images = np.stack([image for image, _ in scenes.values()]).reshape(-1, 3) >> 4
    masks = np.stack([mask for _, mask in scenes.values()]).ravel()
    colours = (images[:, 0].astype(int) << 8 | images[:, 1] << 4 | images[:, 2])[masks != VOID]
    counts = np.bincount(colours * 6 + masks[masks != VOID], minlength=4096 * 6).reshape(4096, 6)
    assert 0.4 < counts.max(axis=1).sum() / counts.sum() < 0.8
