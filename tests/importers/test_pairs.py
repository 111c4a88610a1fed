"""Tests of finding images and masks that belong together."""

import os
from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.pairs import PairRule, count_hidden_pictures, count_other_files, find_pairs, pair_files
from pipeline.text import show_names


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_pairs_are_found_by_path(tmp_path: Path) -> None:
    """Folders below count, suffixes do not; the name has no slash."""
    _touch(tmp_path, "images/a/1.JPG", "images/2.tar.png", "masks/a/1.png", "masks/2.tar.tif", "images/notes.txt")
    pairs = pair_files(tmp_path / "images", tmp_path / "masks")
    assert [(pair.name, pair.relative, pair.mask.name) for pair in pairs] == [
        ("2.tar", "2.tar.png", "2.tar.tif"),
        ("a__1", "a/1.JPG", "1.png"),
    ]
    assert count_other_files(tmp_path / "images") == 1


@pytest.mark.parametrize("masks", ["all", "all/masks", "masks"])
def test_masks_may_be_anywhere(tmp_path: Path, masks: str) -> None:
    """Masks lie next to the images in one folder, in a folder of theirs below it, or apart."""
    _touch(tmp_path, "all/a.jpg", f"{masks}/a_mask.png")
    (pair,) = pair_files(tmp_path / "all", tmp_path / masks, "_mask")
    assert pair.name == "a" and pair.mask == tmp_path / masks / "a_mask.png"


def test_images_may_lie_below_the_masks(tmp_path: Path) -> None:
    """The other way round it works too."""
    _touch(tmp_path, "all/a.png", "all/images/a.png")
    (pair,) = pair_files(tmp_path / "all/images", tmp_path / "all")
    assert pair.mask == tmp_path / "all/a.png"


def test_what_has_no_partner_is_named(tmp_path: Path) -> None:
    """Both sides are counted, three names at most."""
    names = [f"images/{number:02}.jpg" for number in range(13)]
    _touch(tmp_path, "images/ok.jpg", "masks/ok.png", "masks/lost.png", *names)
    with pytest.raises(DataError) as raised:
        pair_files(tmp_path / "images", tmp_path / "masks")
    message = str(raised.value)
    assert "13 of 14 images have no mask: 00.jpg, 01.jpg, 02.jpg and 10 more" in message
    assert "1 of 2 masks have no image: lost.png" in message and "add what is missing" in message


@pytest.mark.parametrize("given", ["", "_wrong"])
def test_a_suffix_of_the_masks_is_noticed(tmp_path: Path, given: str) -> None:
    """The message says what to add to the command."""
    _touch(tmp_path, "images/x/a.jpg", "images/x/a_b.jpg", "masks/x/a_label.png", "masks/x/a_b_label.png")
    with pytest.raises(DataError, match=r"images seem to be named \{stem\} and masks \{stem\}_label: pair them so$"):
        pair_files(tmp_path / "images", tmp_path / "masks", given)


def test_a_suffix_that_no_mask_has_is_refused(tmp_path: Path) -> None:
    """A typo must not pair the masks as if none was given."""
    _touch(tmp_path, "images/a.png", "masks/a.png")
    with pytest.raises(DataError, match="no mask's name fits its pattern, such as a.png"):
        pair_files(tmp_path / "images", tmp_path / "masks", "_nobody")


def test_patterns_tell_images_from_masks(tmp_path: Path) -> None:
    """In one folder too; what fits neither is left out, and a note names it."""
    _touch(tmp_path, "a/x.jpg", "a/x_gt.png", "a/x_gt_colour.png", "b/x.jpg", "b/x_gt.png")
    pairs, notes = find_pairs(tmp_path, tmp_path, PairRule(pair=("{stem}.jpg", "{stem}_gt")))
    assert [(pair.name, pair.mask.name) for pair in pairs] == [("a__x", "x_gt.png"), ("b__x", "x_gt.png")]
    assert notes == ["pictures whose names fit no pattern were left out: 1 (a/x_gt_colour.png)"]


def test_lonely_files_are_skipped_if_one_says_so(tmp_path: Path) -> None:
    """A note counts and names them; without any pair nothing is skipped."""
    _touch(tmp_path, "images/a.png", "images/b.png", "masks/a.png", "masks/c.png")
    with pytest.raises(DataError, match="1 of 2 images have no mask: b.png\n.*1 of 2 masks have no image: c.png"):
        pair_files(tmp_path / "images", tmp_path / "masks")
    rule = PairRule(unlabelled="skip", unpaired_masks="skip")
    (pair,), notes = find_pairs(tmp_path / "images", tmp_path / "masks", rule)
    assert pair.name == "a" and notes == [
        "images without a mask were left out: 1 (b.png)",
        "masks without an image were left out: 1 (c.png)",
    ]
    (tmp_path / "masks/a.png").unlink()
    with pytest.raises(DataError, match="2 of 2 images have no mask"):
        find_pairs(tmp_path / "images", tmp_path / "masks", rule)


def test_hidden_pictures_are_counted(tmp_path: Path) -> None:
    """They are left out, also in folders below, and a hidden file of another kind is none."""
    _touch(tmp_path, "images/a.png", "images/.b.png", "images/c/.d.JPG", "images/.e")
    assert count_hidden_pictures(tmp_path / "images") == 2


def test_one_folder_for_both_needs_a_suffix(tmp_path: Path) -> None:
    """Without one nothing tells them apart."""
    _touch(tmp_path, "a.jpg", "a_mask.png")
    with pytest.raises(DataError, match=r"holds images and masks together, 2 .*masks \{stem\}_mask; tell them apart"):
        pair_files(tmp_path, tmp_path)


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    """The message says which side it is."""
    _touch(tmp_path, "images/a.jpg", "empty/notes.txt")
    with pytest.raises(DataError, match="none: is not a folder; expected one of masks"):
        pair_files(tmp_path / "images", tmp_path / "none")
    with pytest.raises(DataError, match="empty: found no image; expected files with .jpg"):
        pair_files(tmp_path / "empty", tmp_path / "images")
    with pytest.raises(DataError, match="empty: found no mask"):
        pair_files(tmp_path / "images", tmp_path / "empty")


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    """Whether by their suffixes or by what becomes of the slash."""
    _touch(tmp_path, "one/a.jpg", "one/a.png", "two/a/b.jpg", "two/a__b.jpg", "masks/a/b.png", "masks/a__b.png")
    with pytest.raises(
        DataError,
        match="one: 1 of 1 images have a name more than once: a.jpg and a.png; .* those with .jpg count, leave",
    ):
        pair_files(tmp_path / "one", tmp_path / "masks")
    with pytest.raises(
        DataError, match="1 name of 1 would be given more than once, .*: a/b.jpg and a__b.jpg; rename one of each"
    ):
        pair_files(tmp_path / "two", tmp_path / "masks")


@pytest.mark.parametrize("side", ["images", "masks"])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, side: str) -> None:
    """On either side; within the folder a link is a file like others."""
    _touch(tmp_path, "images/a.png", "masks/a.png", "images/b.png", "masks/b.png", "secret")
    for path in (tmp_path / "images/b.png", tmp_path / "masks/b.png"):
        path.unlink()
        path.symlink_to("a.png")
    assert len(pair_files(tmp_path / "images", tmp_path / "masks")) == 2
    (tmp_path / side / "b.png").unlink()
    (tmp_path / side / "b.png").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=rf"{side}/b.png: is a link to .*secret, outside of .*{side}; put the file"):
        pair_files(tmp_path / "images", tmp_path / "masks")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It is neither waited for nor passed over."""
    _touch(tmp_path, "images/a.png", "masks/a.png")
    (tmp_path / "images/a.png").unlink()
    os.mkfifo(tmp_path / "images/a.png")
    with pytest.raises(DataError, match="images/a.png: is a named pipe"):
        pair_files(tmp_path / "images", tmp_path / "masks")


def test_names_have_one_form(tmp_path: Path) -> None:
    """A Mac writes an accent as a character of its own; two that differ in case only are one on some machines."""
    _touch(tmp_path, "images/e\u0301.png", "masks/\u00e9.png")
    assert [pair.name for pair in pair_files(tmp_path / "images", tmp_path / "masks")] == ["\u00e9"]
    _touch(tmp_path, "images/\u00c9.jpg", "masks/\u00c9.png")
    with pytest.raises(DataError, match="1 of 1 images have a name more than once: .* nor do upper and lower case"):
        pair_files(tmp_path / "images", tmp_path / "masks")


@pytest.mark.parametrize(
    "name", [" a", "a\n", "\x1b[2J", b"\xff".decode(errors="surrogateescape"), f"{'x' * 200}/{'y' * 50}"]
)
def test_a_name_that_tables_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    """The message names the file in one printable line."""
    _touch(tmp_path, f"images/{name}.png", f"masks/{name}.png")
    with pytest.raises(DataError, match=r"(?s)png: its name .*; rename the file, and its mask alike") as caught:
        pair_files(tmp_path / "images", tmp_path / "masks")
    assert all(line.isprintable() for line in str(caught.value).splitlines())


def test_names_are_shown_in_order() -> None:
    """Ten and a count."""
    assert show_names("ba") == "a, b"
    assert show_names("abcdefghijkl") == "a, b, c, d, e, f, g, h, i, j and 2 more"
