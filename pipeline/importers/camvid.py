"""CamVid (Brostow et al., 2009) in the layout of the SegNet tutorial: 11 classes and void."""

from pathlib import Path

from pipeline.dataset.contract import SPLITS, ClassList, Sample
from pipeline.errors import DataError
from pipeline.importers.label_map import IGNORE_ID, Labels
from pipeline.importers.pairs import pair_files
from pipeline.text import show_names

CLASSES = ClassList(
    names=(
        "sky", "building", "pole", "road", "pavement", "tree", "signsymbol", "fence", "car", "pedestrian", "bicyclist",
    ),
    colours=(
        (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
        (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
    ),
    ignore_id=IGNORE_ID,
)  # fmt: skip
VOID = len(CLASSES)
TEST_SEQUENCE = "0006R0"


def camvid_labels(source: Path) -> Labels:
    """Ids 0 to 10 as they are, 11 (void) ignored; nothing else is declared."""
    ids = {id_: id_ for id_ in range(VOID)} | {VOID: IGNORE_ID}
    return Labels(source, CLASSES, by_value=ids, by_colour={})


def list_camvid(source: Path) -> list[Sample]:
    """The frames of a folder with train/, trainannot/, val/, valannot/ and, where it is there, test/ and testannot/.

    Without test/, the sequence 0006R0 of train/ is the test split. All splits are frozen; a group is a sequence.

    Raises:
        DataError: a folder is missing, a frame has no annotation or is in two splits, or there is no 0006R0.
    """
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
    _refuse_doubles(samples)
    return sorted(samples if has_test else _held_out(source, samples), key=lambda sample: sample.name)


def _held_out(source: Path, samples: list[Sample]) -> list[Sample]:
    held_out = [
        Sample(sample.name, sample.image, sample.mask, sample.group, "test")
        if sample.split == "train" and sample.group == TEST_SEQUENCE
        else sample
        for sample in samples
    ]
    if not any(sample.split == "test" for sample in held_out):
        raise DataError(
            f"{source}: has no test/, and train/ has no sequence {TEST_SEQUENCE} that could stand in for it; "
            "bring test/ and testannot/, or the whole of train/"
        )
    return held_out


def _refuse_doubles(samples: list[Sample]) -> None:
    seen: dict[str, Sample] = {}
    for sample in samples:
        if sample.name in seen:
            raise DataError(f"{sample.image}: is the same frame as {seen[sample.name].image}; remove one of them")
        seen[sample.name] = sample
