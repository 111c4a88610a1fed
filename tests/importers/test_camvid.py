"""Tests of reading CamVid's layout, on drawn frames."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.camvid import COLOURS, NAMES, list_frames

TRAIN = ("0001TP_006690", "0006R0_f00930", "0016E5_00390")
VAL = ("0016E5_07959",)
TEST = ("Seq05VD_f00000", "0001TP_008550")


def _layout(root: Path, **splits: tuple[str, ...]) -> Path:
    for split, names in splits.items():
        for name in names:
            for path in (root / split / f"{name}.jpg", root / f"{split}annot" / f"{name}.png"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return root


def test_without_test_a_sequence_is_held_out(tmp_path: Path) -> None:
    """0006R0 of train becomes test; every split is frozen and the group is the sequence."""
    samples = list_frames(_layout(tmp_path, train=TRAIN, val=VAL))
    assert {sample.name: (sample.group, sample.split) for sample in samples} == {
        "0001TP_006690": ("0001TP", "train"),
        "0006R0_f00930": ("0006R0", "test"),
        "0016E5_00390": ("0016E5", "train"),
        "0016E5_07959": ("0016E5", "val"),
    }


def test_with_test_all_is_kept_as_given(tmp_path: Path) -> None:
    """The published split holds no sequence out."""
    samples = list_frames(_layout(tmp_path, train=TRAIN, val=VAL, test=TEST))
    assert [sample.split for sample in samples if sample.group == "0006R0"] == ["train"]
    assert [sample.name for sample in samples if sample.split == "test"] == sorted(TEST)


def test_each_class_has_a_colour_of_its_own() -> None:
    """11 names and 11 colours."""
    assert len(set(NAMES)) == len(set(COLOURS)) == len(NAMES) == 11


@pytest.mark.parametrize(
    ("splits", "missing"),
    [
        ({"train": TRAIN}, "found no val, valannot; expected"),
        ({"train": TRAIN, "val": VAL, "test": ()}, "found no test; expected"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, splits: dict[str, tuple[str, ...]], missing: str) -> None:
    """The message names the folders that are missing."""
    _layout(tmp_path, **splits)
    if "test" in splits:
        (tmp_path / "testannot").mkdir()
    with pytest.raises(DataError, match=f"is not CamVid in SegNet's layout, {missing}"):
        list_frames(tmp_path)


def test_a_frame_without_annotation_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    _layout(tmp_path, train=TRAIN, val=VAL)
    (tmp_path / "trainannot" / f"{TRAIN[0]}.png").unlink()
    with pytest.raises(DataError, match="train: 1 of 3 images have no mask: 0001TP_006690.jpg"):
        list_frames(tmp_path)


def test_a_frame_in_two_splits_is_refused(tmp_path: Path) -> None:
    """It would be trained on and scored."""
    with pytest.raises(DataError, match="0016E5_00390.jpg: is the same frame as .*; remove one of them"):
        list_frames(_layout(tmp_path, train=TRAIN, val=TRAIN[2:]))


def test_a_train_folder_without_the_sequence_is_refused(tmp_path: Path) -> None:
    """There would be nothing to score on."""
    with pytest.raises(DataError, match="train/ has no sequence 0006R0 that could stand in for it"):
        list_frames(_layout(tmp_path, train=TRAIN[:1], val=VAL))
