"""Facts as rows."""

from pathlib import Path
from typing import Any

from pipeline.dataset.contract import ClassList, Sample
from pipeline.validation.facts import class_rows, leak_rows, most_ignored_share, sample_row, split_rows
from pipeline.validation.scan import Facts, ImageFacts, MaskFacts
from tests.drawn_data import CLASSES

HASH = 0x0F1E2D3C4B5A6978


def facts(name: str, split: str = "train", group: str = "", ids: tuple[int, ...] = (0, 1), **changes: Any) -> Facts:
    """Facts of a good sample of 2 x 3 pixels; `changes` go to the image."""
    pixels = dict.fromkeys(ids, 6 // len(ids))
    image: dict[str, Any] = {"md5": name, "size": (2, 3), "stored_size": (2, 3), "orientation": 1}
    image |= {"has_alpha": False, "low_range": False, "brightness": 9.0, "hash": HASH} | changes
    sample = Sample(name, Path(f"images/{name}.jpg"), Path(f"masks/{name}.PNG"), group or name, split)
    return Facts(sample, ImageFacts(**image), MaskFacts("0", (2, 3), 1, "uint8", pixels), "", "")


def test_row_of_a_good_sample() -> None:
    """It names the files and holds what the checks expect."""
    row = sample_row(facts("a"), CLASSES, 0.0)
    assert (row["image"], row["mask"], row["file"]) == ("images/a.jpg", "masks/a.PNG", "images/a.jpg")
    assert (row["size_difference"], row["mask_suffix"], row["undeclared_pixels"]) == ("0 x 0", ".png", 0)
    assert (row["num_classes"], row["ignored_share"], row["unproven_turn"]) == (2, 0.0, False)


def test_row_of_a_sample_without_image() -> None:
    """An unknown value is None; the columns are those of any other row."""
    sample = Sample("a", None, Path("masks/a.png"), "a", "train")
    row = sample_row(Facts(sample, None, None, "", "masks/a.png: is empty (0 bytes); restore the file"), CLASSES, 0.0)
    assert row.keys() == sample_row(facts("a"), CLASSES, 0.0).keys()
    assert (row["file"], row["has_image"], row["image_decodes"]) == ("masks/a.png", False, None)
    assert (row["mask_decodes"], row["mask_error"], row["num_classes"]) == (False, "is empty (0 bytes)", None)


def test_undeclared_ids_are_named() -> None:
    """The first five ids and their pixels are reported; the ignore id is declared."""
    row = sample_row(facts("a", ids=(7, 8, 9, 10, 11, 255)), CLASSES, 0.0)
    assert (row["undeclared_pixels"], row["undeclared"]) == (5, "7 (1 px), 8 (1 px), 9 (1 px), 10 (1 px), 11 (1 px)")
    assert sample_row(facts("a", ids=(3, 4, 5, 6, 7, 8)), CLASSES, 0.0)["undeclared"].endswith("7 (1 px), ...")


def test_a_mask_of_0_and_255_looks_binary() -> None:
    """Where no mask of another class ignores as much; background with the margin that all masks have does not."""
    assert most_ignored_share([facts("a"), facts("b", ids=(0, 255))], CLASSES) == 0.0
    margin = most_ignored_share([facts("a"), facts("b", ids=(0, 1, 255)), facts("c", ids=(0, 255))], CLASSES)
    assert margin == 1 / 3
    for ids, most, looks_binary in (
        ((0, 255), 0.0, True),
        ((0, 255), margin, True),
        ((0, 255), 0.5, False),
        ((0,), 0.0, False),
        ((255,), 0.0, False),
        ((0, 1, 255), 0.0, False),
        ((1, 255), 0.0, False),
        ((0, 9, 255), 0.0, False),
    ):
        assert sample_row(facts("a", ids=ids), CLASSES, most)["looks_binary"] is looks_binary, ids
    one_class = ClassList(("sky",), ((0, 0, 0),), 255)
    assert not sample_row(facts("a", ids=(0, 255)), one_class, 0.0)["looks_binary"]


def test_faults_of_files_with_odd_names() -> None:
    """A colon in a path does not end it."""
    sample = Sample("a: b", Path("images/a: b.png"), None, "a", "train")
    row = sample_row(Facts(sample, None, None, "images/a: b.png: is empty; restore the file", ""), CLASSES, 0.0)
    assert row["image_error"] == "is empty"


def test_mask_drawn_on_the_unrotated_picture() -> None:
    """A mask of the size that the picture had before it was turned gets advice of its own."""
    row = sample_row(facts("a", size=(3, 2), orientation=6), CLASSES, 0.0)
    assert row["size_difference"] == "-1 x 1"
    assert "drawn on the unrotated picture (EXIF orientation 6)" in row["size_advice"]


def test_turn_that_sizes_cannot_prove() -> None:
    """Upside down has the size of upright; a quarter turn has not."""
    assert sample_row(facts("a", orientation=3), CLASSES, 0.0)["unproven_turn"]
    assert not sample_row(facts("a", stored_size=(3, 2), orientation=6), CLASSES, 0.0)["unproven_turn"]


def test_leaks_are_of_the_split_that_gives_way() -> None:
    """Train's copy of a test image and train's part of a group are leaks, test's are not."""
    rows = leak_rows([facts("a", group="g", md5="x"), facts("b", "test", "g", md5="x")], (), 3)
    assert [(row["in_two_splits"], row["copy"], row["look"]) for row in rows] == [
        (True, True, False),
        (False, False, False),
    ]
    assert (rows[0]["first_split"], rows[0]["copy_of"], rows[0]["copy_split"]) == ("test", "b", "test")


def test_known_groups_do_not_leak() -> None:
    """Between known groups a copy is known, and so is a near-duplicate."""
    pair = [facts("a", group="g", md5="x"), facts("b", "test", "g", md5="x")]
    row = leak_rows(pair, ("g",), 3)[0]
    assert (row["in_two_splits"], row["copy"], row["known_copy"]) == (False, False, True)
    row = leak_rows([facts("a", group="g"), facts("b", "test", "g", hash=HASH ^ 1)], ("g",), 3)[0]
    assert (row["look"], row["known_look"], row["look_bits"]) == (False, True, 1)


def test_class_counts_by_split() -> None:
    """A class counts the masks that hold it; a split without samples has no count."""
    rows = class_rows([facts("a"), facts("b", ids=(1,)), facts("c", "val")], CLASSES, Path("dataset.yaml"))
    assert [(row["class"], row["train"], row["val"], row["test"]) for row in rows] == [
        ("ground", 1, 1, None),
        ("box", 2, 1, None),
        ("sign", 0, 0, None),
    ]


def test_split_counts() -> None:
    """Samples and groups of each split."""
    rows = split_rows([facts("a", group="g"), facts("b", group="g"), facts("c", "val")], Path("samples.csv"))
    assert [(row["split"], row["num_samples"], row["num_groups"]) for row in rows] == [
        ("train", 2, 1),
        ("val", 1, 1),
        ("test", 0, 0),
    ]


def test_an_ignore_id_below_255() -> None:
    """Another ignore id than 255 is counted as ignored, and 255 is then not declared."""
    classes = ClassList(CLASSES.names, CLASSES.colours, 11)
    row = sample_row(facts("a", ids=(0, 11, 255)), classes, 0.0)
    assert (row["ignored_share"], row["undeclared"]) == (1 / 3, "255 (2 px)")
