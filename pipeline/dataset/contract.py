"""The data contract: `dataset.yaml`, images, masks and `samples.csv` in one folder."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.dataset.names import check_class_names, check_name, first_double, problem_of, same_everywhere
from pipeline.disk.files import md5_of, read_yaml
from pipeline.disk.records import parse_csv, write_csv
from pipeline.disk.regular_files import MAX_TEXT_BYTES, check_place, read_regular, read_text
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import DataError
from pipeline.text import quoted
from pipeline.vision.picture_files import SUFFIXES

DATA = Path("data")
SPLITS = ("train", "val", "test")
KEYS, CLASS_KEYS = ("classes", "ignore_id"), ("id", "name", "colour")
"""Keys of `dataset.yaml`: at the top, and of a class."""
COLUMNS = ("name", "group", "split")
"""Of `samples.csv`."""
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ClassList:
    """The classes of a data set; the id of a class is its index, 0 to K - 1.

    Attributes:
        names: (K) names, no two alike.
        colours: (K) RGB colours in [0, 255], to show masks with.
        ignore_id: id of the pixels that are never counted, not below K.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    ignore_id: int

    def __len__(self) -> int:
        return len(self.names)

    def to_dict(self) -> dict[str, Any]:
        """The content of `dataset.yaml`."""
        rows = zip(self.names, self.colours, strict=True)
        classes = [{"id": id_, "name": name, "colour": list(colour)} for id_, (name, colour) in enumerate(rows)]
        return {"classes": classes, "ignore_id": self.ignore_id}


@dataclass(frozen=True)
class Sample:
    """One image with its mask.

    Attributes:
        name: file name without suffix, unique in the data set.
        image: file in `images/`; None if there is only a mask.
        mask: file in `masks/`; None if there is only an image.
        group: unit that is never split (a video, a patient, a site); by default the name.
        split: "train", "val" or "test" if `samples.csv` names it, "" otherwise.
    """

    name: str
    image: Path | None
    mask: Path | None
    group: str
    split: str


def parse_class_list(content: Any, path: Path) -> ClassList:
    """The class list in the content of a `dataset.yaml`; `path` is for the message.

    Raises:
        DataError: ids are not 0 to K - 1, or a name or colour is missing, double or impossible.
    """
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list) or not content["classes"]:
        raise DataError(
            f"{path}: found no list `classes`; expected rows such as {{id: 0, name: sky, colour: [0, 0, 255]}}"
        )
    rows = content["classes"]
    for row in rows:
        if not isinstance(row, dict) or not row.keys() >= {*CLASS_KEYS}:
            raise DataError(f"{path}: class {quoted(row)} is not complete; expected id, name and colour")
        if not _is_colour(row["colour"]):
            raise DataError(
                f"{path}: colour {quoted(row['colour'])} of class {quoted(row['name'])}; expected [R, G, B] in 0 to 255"
            )
        if type(row["id"]) is not int:
            raise DataError(f"{path}: id {quoted(row['id'])} of class {quoted(row['name'])}; expected a whole number")
    rows = sorted(rows, key=lambda row: row["id"])
    ids, names = [row["id"] for row in rows], [row["name"] for row in rows]
    if ids != list(range(len(rows))):
        raise DataError(
            f"{path}: class ids are {quoted(ids)}, expected 0 to {len(rows) - 1} without gaps; number them again"
        )
    check_class_names(names, path)
    if len(set(names)) < len(names):
        raise DataError(f"{path}: class names are {quoted(names)}, expected no two alike; rename one")
    ignore_id = content.get("ignore_id", 255)
    if type(ignore_id) is not int or not len(rows) <= ignore_id <= 255:
        raise DataError(f"{path}: ignore_id is {quoted(ignore_id)}, expected {len(rows)} to 255; conventionally 255")
    return ClassList(tuple(names), tuple(tuple(row["colour"]) for row in rows), ignore_id)


def read_class_list(data: Path = DATA) -> ClassList:
    """Reads `dataset.yaml` of a data folder.

    Raises:
        DataError: it is missing, a link out of the folder, has an unknown key, or breaks the contract.
    """
    path = data / "dataset.yaml"
    _check_link(path, data)
    if path.exists():
        read_regular(path, MAX_TEXT_BYTES)  # reading a pipe would block
    otherwise = "bring data in with `segline import`, or fetch the version in data.dvc with `dvc pull`"
    content = read_yaml(path, DataError, otherwise)
    classes = parse_class_list(content, path)
    _check_keys(content, KEYS, str(path))
    for row in content["classes"]:
        _check_keys(row, CLASS_KEYS, f"{path}: class {quoted(row['name'])}")
    return classes


def list_samples(data: Path = DATA) -> list[Sample]:
    """Every sample of a data folder, in order of name; unpaired files give a sample with one side None.

    Raises:
        DataError: the folder is empty, two images have one name, a name does not fit every machine, or
            `samples.csv` is wrong or a link out of the folder.
    """
    images, masks = _files_by_name(data / "images"), _files_by_name(data / "masks")
    names = sorted(images.keys() | masks.keys())
    if not names:
        raise DataError(f"{data}: found no image in images/ and no mask in masks/; bring data in with `segline import`")
    _check_link(data / "samples.csv", data)
    table = read_sample_table(data / "samples.csv")
    if unknown := sorted(table.keys() - set(names)):
        raise DataError(
            f"{data}/samples.csv: names {len(unknown)} samples that have no file, the first is {quoted(unknown[0])}; "
            "remove these rows or restore the files"
        )
    return [Sample(name, images.get(name), masks.get(name), *table.get(name, (name, ""))) for name in names]


def read_sample_table(path: Path) -> dict[str, tuple[str, str]]:
    """Group and split by name from a `samples.csv`; empty if the file is missing.

    Raises:
        DataError: it is not CSV, a column is missing, a name is empty or double, or a split is unknown.
    """
    if not path.exists():
        return {}
    table: dict[str, tuple[str, str]] = {}
    for line, row in _read_csv(path):
        name, group, split = (row.get(column, "").strip() for column in COLUMNS)
        where = f"{path}: line {line}"
        if not name or name in table:
            raise DataError(f"{where}: name {quoted(name)} is {'double' if name else 'empty'}; each is given once")
        if problem := problem_of(group or name):
            raise DataError(f"{where}: {'group' if group else 'name'} {quoted(group or name)} {problem}")
        if split and split not in SPLITS:
            raise DataError(f"{where}: split {quoted(split)}, expected one of {', '.join(SPLITS)} or nothing")
        table[name] = (group or name, split)
    return table


def _read_csv(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        columns, rows = parse_csv(read_text(path), may_be_short=True)
    except ValueError as err:
        raise DataError(f"{path}: is not CSV in UTF-8 ({err}); save it again as such") from err
    if "name" not in columns:
        raise DataError(f"{path}: columns are {quoted(columns)}, expected name and, optional, group and split")
    if odd := [column for column in columns if column.strip().lower() in COLUMNS and column not in COLUMNS]:
        raise DataError(f"{path}: column {quoted(odd[0])} would not be read; write it {odd[0].strip().lower()!r}")
    return rows


def write_contract(folder: Path, classes: ClassList, samples: Sequence[Sample]) -> None:
    """Writes `dataset.yaml` and `samples.csv` into a folder that holds the images and masks already."""
    (folder / "dataset.yaml").write_text(to_yaml(classes.to_dict()), encoding="utf-8")
    write_csv(folder / "samples.csv", COLUMNS, ((sample.name, sample.group, sample.split) for sample in samples))


def _files_by_name(folder: Path) -> dict[str, Path]:
    names = sorted(one.name for one in os.scandir(folder)) if folder.is_dir() else []
    paths = [folder / name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    for path in paths:
        check_name(path.stem, path)
    if double := first_double(paths, lambda path: same_everywhere(path.stem)):
        raise DataError(f"{double[1]}: has the same name as {double[0]}; rename one, names tell samples apart")
    return {path.stem: path for path in paths}


def _check_link(path: Path, data: Path) -> None:
    """Raises if the path is a link out of the data folder, unless its target is named by its MD5 as in DVC's cache."""
    target = Path(os.path.realpath(path))
    is_cached = target.is_file() and f"{target.parent.name}{target.name}" == md5_of(target)
    if path.is_symlink() and not is_cached:
        check_place(path, (data,))


def _check_keys(keys: Iterable[object], known: Sequence[str], where: str) -> None:
    for key in keys:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            guess = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise DataError(f"{where}: unknown key {quoted(key)} ({guess}); correct or remove it")


def _is_colour(value: Any) -> bool:
    is_triple = isinstance(value, list | tuple) and len(value) == 3
    return is_triple and all(type(part) is int and 0 <= part <= 255 for part in value)
