"""Tests of the guess of how names differ."""

import pytest

from pipeline.importers.repairs.pattern_guess import as_options, describe, guess_in_one, guess_patterns

NAMES = [f"{place}/{number:03}" for place in ("north", "south") for number in (1, 2, 11)]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{stem}", "{stem}_mask"),
        ("{stem}_image", "{stem}_annotation"),
        ("{stem}_rgb", "{stem}"),
        ("rgb/{stem}", "labels/{stem}"),
        ("{stem}/image", "{stem}/mask"),
        ("images/{stem}", "masks/{stem}"),
        ("img {stem}", "{stem} (mask)"),
    ],
)
def test_the_patterns_of_names_are_found(image: str, mask: str) -> None:
    """Whatever is around the stem."""
    images, masks = ([pattern.format(stem=name) + ".png" for name in NAMES] for pattern in (image, mask))
    assert guess_patterns(images, masks) == (image, mask)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{stem}.jpg", "{stem}.png"),
        ("{stem}.tif", "{stem}.gif"),
        ("{stem}", "{stem}_gt"),
        ("{stem}_x", "{stem}_label"),
        ("images/{stem}", "masks/{stem}"),
    ],
)
def test_the_patterns_of_one_folder_are_found(image: str, mask: str) -> None:
    """By the suffix, or by a word for masks."""
    paths = [pattern.format(stem=name) for name in NAMES for pattern in (image, mask)]
    paths = [path if "." in path else f"{path}.png" for path in paths]
    assert guess_in_one(paths) == (image, mask)


def test_names_without_a_pattern_give_no_guess() -> None:
    """Two numbers are two samples, and a few odd names are no pattern."""
    assert guess_patterns(["p06.png"], ["p07.png"]) is None
    assert guess_patterns(["a.png", "b.png", "c.png"], ["x.png", "y.png", "a_z.png"]) is None
    assert guess_in_one(["a.png", "b.png", "c.png"]) is None


def test_a_guess_is_an_option() -> None:
    """The shorter one if it says all."""
    assert as_options(("{stem}", "{stem}_gt")) == {"mask_suffix": "_gt", "pair": None}
    assert as_options(("{stem}_a", "{stem}")) == {"pair": ("{stem}_a", "{stem}"), "mask_suffix": ""}
    assert describe(("{stem}", "{stem}_gt")) == "images seem to be named {stem} and masks {stem}_gt"
