"""Tests of the patterns of names."""

import pytest

from pipeline.errors import DataError
from pipeline.importers.repairs.patterns import to_patterns, without_suffix


@pytest.mark.parametrize(
    ("pattern", "path", "key"),
    [
        ("{stem}_image", "a/x_IMAGE.png", "a/x"),
        ("{stem}_image", "a/x.png", None),
        ("{stem}.jpg", "a/x.JPG", "a/x"),
        ("{stem}.jpg", "a/x.png", None),
        ("{id}/images/{id}", "7/images/7.png", "7"),
        ("{id}/images/{id}", "7/images/8.png", None),
        ("{split}/images/{stem}", "train/images/x.png", "train/x"),
        ("a (1)+{stem}", "a (1)+x\n.png", "x\n"),
        ("\u00e9{stem}", "e\u03011.png", "1"),
    ],
)
def test_a_pattern_fits_a_path_or_not(pattern: str, path: str, key: str | None) -> None:
    """Fields give the key; what is around them is meant as it is, in any case and form of Unicode."""
    assert to_patterns((pattern, pattern), "")[0].key(path) == key


def test_the_fields_of_images_give_the_order() -> None:
    """So both sides have one key; without patterns it is the path without suffix."""
    image, mask = to_patterns(("{a}/{b}", "{b}-{a}"), "")
    assert image.key("1/2.png") == mask.key("2-1.png") == "1/2"
    image, mask = to_patterns(None, "_m")
    assert image.key("x/y.png") == mask.key("x/y_m.tif") == "x/y" and mask.num_literal == 2
    assert without_suffix("x/y.tar.png") == "x/y.tar"


def test_patterns_that_tell_nothing_apart_are_refused() -> None:
    """With an example."""
    for pair in (("image", "mask"), ("{stem}", "{name}"), ("{stem}", "{stem}/{name}")):
        with pytest.raises(DataError, match="expected two patterns with the same fields in braces, such as"):
            to_patterns(pair, "")
    with pytest.raises(DataError, match="--pair and --mask-suffix both say how masks are named; leave one of them out"):
        to_patterns(("{stem}", "{stem}"), "_m")
