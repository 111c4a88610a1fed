"""The importer of CamVid (Brostow et al., 2009) in the layout of the SegNet tutorial: 11 classes and void."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError
from pipeline.importers.source import Source
from pipeline.text import show_names

if TYPE_CHECKING:
    from pipeline.dataset.contract import Sample

NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "signsymbol", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
COLOURS = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
VOID = len(NAMES)
TEST_SEQUENCE = "0006R0"


def camvid(source: Path) -> Source:
    """Bring CamVid in SegNet's layout; its own splits are frozen, void (11) is ignored.

    Example of the command: segline import camvid CamVid

    Args:
        source: folder with train, trainannot, val, valannot, ...

    Raises:
        DataError: another layout, a frame without annotation, a file that is not a picture, or an id above 11.
    """
    from pipeline.dataset.contract import ClassList
    from pipeline.importers.label_map import IGNORE_ID, Labels
    from pipeline.importers.mask_files import from_mask_files

    ids = {id_: id_ for id_ in range(VOID)} | {VOID: IGNORE_ID}
    labels = Labels(source, ClassList(NAMES, COLOURS, IGNORE_ID), by_value=ids, by_colour={})
    return from_mask_files(labels, list_frames(source), "index")


def list_frames(source: Path) -> "list[Sample]":
    """The frames of a folder with train/, trainannot/, val/, valannot/ and, optional, test/ and testannot/.

    Without test/, the sequence 0006R0 of train/ is the test split. All splits are frozen; a group is a sequence.

    Raises:
        DataError: a folder is missing, a frame has no annotation or is in two splits, or 0006R0 is missing.
    """
    from pipeline.dataset.contract import SPLITS, Sample
    from pipeline.dataset.names import first_double
    from pipeline.importers.pairs import pair_files

    has_test = (source / "test").exists() or (source / "testannot").exists()
    folders = SPLITS if has_test else SPLITS[:2]
    if missing := [name for split in folders for name in (split, f"{split}annot") if not (source / name).is_dir()]:
        raise DataError(
            f"{source}: is not CamVid in SegNet's layout, found no {show_names(missing)}; expected "
            "the folders train, trainannot, val, valannot and, optional, test and testannot"
        )
    samples = [
        Sample(pair.name, pair.image, pair.mask, pair.name.split("_")[0], split)
        for split in folders
        for pair in pair_files(source / split, source / f"{split}annot")
    ]
    if double := first_double(samples, lambda sample: sample.name):
        raise DataError(f"{double[1].image}: is the same frame as {double[0].image}; remove one of them")
    return sorted(samples if has_test else _held_out(source, samples), key=lambda sample: sample.name)


def _held_out(source: Path, samples: "list[Sample]") -> "list[Sample]":
    is_test = [sample.split == "train" and sample.group == TEST_SEQUENCE for sample in samples]
    if not any(is_test):
        raise DataError(
            f"{source}: has no test/, and train/ has no sequence {TEST_SEQUENCE} that could stand in for it; "
            "bring test/ and testannot/, or the whole of train/"
        )
    return [replace(sample, split="test") if is_ else sample for sample, is_ in zip(samples, is_test, strict=True)]
