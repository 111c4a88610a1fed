"""A version of a data set as it can be compared: its classes, and the MD5s, group and split of each sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.dataset.contract import DATA, ClassList, parse_class_list, read_sample_table
from pipeline.dataset.splits import split_of
from pipeline.dataset.versions import Version
from pipeline.disk.files import read_yaml
from pipeline.errors import DataError, StageError
from pipeline.vision.picture_files import SUFFIXES

FETCH = "`dvc fetch --all-commits data.dvc` gets all versions from DVC's remote, if it has them"


@dataclass(frozen=True)
class Labelled:
    """A sample of a version.

    Attributes:
        image, mask: its files, in the data folder or in DVC's cache; None: it has none.
        image_md5, mask_md5: of these files; "" without one.
        split: "train", "val" or "test".
        is_frozen: `samples.csv` names the split.
    """

    image: Path | None
    mask: Path | None
    image_md5: str
    mask_md5: str
    group: str
    split: str
    is_frozen: bool


@dataclass(frozen=True)
class Snapshot:
    """A version of a data set; samples by name, in order."""

    md5: str
    classes: ClassList
    samples: Mapping[str, Labelled]


def read_snapshot(version: Version, val: float, test: float, data: Path | None = None) -> Snapshot:
    """Reads class list and table of a version; images and masks are only located.

    Args:
        version: with the list of its files.
        val: share of the groups that a hash sends there, in [0, 1], as `test`.
        data: folder that holds the files; None: they are in DVC's cache.

    Raises:
        StageError: DVC's cache lacks the list of the files, the class list or the table.
        DataError: these break the data contract.
    """
    if version.files is None:
        raise StageError(f"DVC's cache does not hold the list of the files of data version {version.md5}; {FETCH}")
    files = {name: data / name if data else version.path_in_cache(md5) for name, md5 in version.files.items()}
    for name in ("dataset.yaml", "samples.csv"):
        if (path := files.get(name)) and not path.is_file():
            raise StageError(f"{name} of data version {version.md5} is not in DVC's cache; {FETCH}")
    if not (listed := files.get("dataset.yaml")):
        raise DataError(f"{DATA}/dataset.yaml: is not in data version {version.md5}; compare with another version")
    classes = parse_class_list(read_yaml(listed, DataError, FETCH), listed)
    listed = files.get("samples.csv")
    table = read_sample_table(listed) if listed else {}
    sides = [_by_name(version.files, side) for side in ("images", "masks")]
    samples = {}
    for name in sorted({*sides[0], *sides[1]}):
        group, split = table.get(name, (name, ""))
        image, mask = (side.get(name, "") for side in sides)
        samples[name] = Labelled(
            image=files.get(image),
            mask=files.get(mask),
            image_md5=version.files.get(image, ""),
            mask_md5=version.files.get(mask, ""),
            group=group,
            split=split or split_of(group, val, test),
            is_frozen=bool(split),
        )
    return Snapshot(version.md5, classes, samples)


def _by_name(files: Mapping[str, str], side: str) -> dict[str, str]:
    """The files right in a folder that samples are made of, by the name of the sample."""
    paths = map(PurePosixPath, files)
    mine = (path for path in paths if str(path.parent) == side and path.suffix.lower() in SUFFIXES)
    return {path.stem: str(path) for path in mine if not path.name.startswith(".")}
