"""Tests of the data contract."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.dataset.contract import (
    ClassList,
    Sample,
    list_samples,
    parse_class_list,
    read_class_list,
    read_sample_table,
    write_contract,
)
from pipeline.disk.files import md5_of
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import DataError
from pipeline.vision.codec import write_png

CLASSES = ClassList(("sky", "straße"), ((1, 2, 3), (4, 5, 6)), 255)
SKY = {"id": 0, "name": "sky", "colour": [0, 0, 255]}
ROAD = {"id": 1, "name": "road", "colour": [9, 9, 9]}


def _write_picture(path: Path) -> None:
    write_png(path, np.zeros((2, 2), np.uint8))


def test_contract_round_trip(tmp_path: Path) -> None:
    """Classes and samples are read as they were written, in order of name."""
    for name in ("b", "a,1"):
        _write_picture(tmp_path / "images" / f"{name}.png")
        _write_picture(tmp_path / "masks" / f"{name}.png")
    samples = [
        Sample(name, tmp_path / "images" / f"{name}.png", tmp_path / "masks" / f"{name}.png", "g", split)
        for name, split in (("a,1", "test"), ("b", ""))
    ]
    write_contract(tmp_path, CLASSES, samples)
    assert read_class_list(tmp_path) == CLASSES
    assert list_samples(tmp_path) == samples


def test_classes_may_stand_in_any_order() -> None:
    """The id counts, not the place in the file."""
    assert parse_class_list({"classes": [ROAD, SKY], "ignore_id": 254}, Path("x")).names == ("sky", "road")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["sky"], "no list `classes`"),
        ({"classes": []}, "no list `classes`"),
        ({"classes": [{"id": 0, "name": "sky"}]}, "is not complete; expected id, name and colour"),
        ({"classes": [SKY | {"colour": [0, 0, 256]}]}, r"colour \[0, 0, 256\] of class 'sky'; expected \[R, G, B\]"),
        ({"classes": [SKY | {"colour": "blue"}]}, "colour 'blue' of class 'sky'"),
        ({"classes": [SKY, ROAD | {"id": 2}]}, r"ids are \[0, 2\], expected 0 to 1 without gaps"),
        ({"classes": [SKY, SKY | {"id": 1}]}, "expected no two alike"),
        ({"classes": [SKY, ROAD], "ignore_id": 1}, "ignore_id is 1, expected 2 to 255"),
        ({"classes": [SKY], "ignore_id": "none"}, "ignore_id is 'none'"),
    ],
)
def test_a_wrong_class_list_is_refused(content: Any, message: str) -> None:
    """Each breach of the contract has a message that names it."""
    with pytest.raises(DataError, match=message):
        parse_class_list(content, Path("dataset.yaml"))


def test_a_missing_or_broken_class_file_is_refused(tmp_path: Path) -> None:
    """The message says how to get one."""
    with pytest.raises(DataError, match="not found; bring data in with `segline import`"):
        read_class_list(tmp_path)
    (tmp_path / "dataset.yaml").write_text("classes: [")
    with pytest.raises(DataError, match="is not YAML"):
        read_class_list(tmp_path)


def test_unpaired_files_are_samples_with_one_side(tmp_path: Path) -> None:
    """Files without a partner are listed, so that `validate` can name them; hidden and other files are not."""
    _write_picture(tmp_path / "images/a.png")
    _write_picture(tmp_path / "masks/b.png")
    _write_picture(tmp_path / "masks/.c.png")
    (tmp_path / "masks/notes.txt").write_text("")
    samples = list_samples(tmp_path)
    assert [(sample.name, sample.image is None, sample.mask is None) for sample in samples] == [
        ("a", False, True),
        ("b", True, False),
    ]
    assert samples[0].group == "a" and samples[0].split == ""


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """Nothing to train on is an error, not an empty result."""
    with pytest.raises(DataError, match="found no image in images/ and no mask in masks/"):
        list_samples(tmp_path)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    """Names tell samples apart."""
    _write_picture(tmp_path / "images/a.png")
    (tmp_path / "images/a.bmp").touch()
    with pytest.raises(DataError, match="has the same name as .*; rename one"):
        list_samples(tmp_path)


def test_a_table_with_a_sample_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A row without a file is a mistake of somebody's."""
    _write_picture(tmp_path / "images/a.png")
    (tmp_path / "samples.csv").write_text("name,group\na,g\nz,g\n")
    with pytest.raises(DataError, match="names 1 samples that have no file, the first is 'z'"):
        list_samples(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,group\na,g\n", r"columns are \['image', 'group'\], expected name"),
        (b"", r"columns are \[\], expected name"),
        (b"name\na\na\n", "line 3: name 'a' is double"),
        (b"name,group\n,g\n", "line 2: name '' is empty"),
        (b"name,split\na,training\n", "line 2: split 'training', expected one of train, val, test or nothing"),
        (b"name\n\xff\xfe\n", "is not text in UTF-8"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The message names the line."""
    path = tmp_path / "samples.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_sample_table(path)


def test_a_class_list_without_end_is_refused(tmp_path: Path) -> None:
    """A pipe is not waited for, a device is not read."""
    os.mkfifo(tmp_path / "dataset.yaml")
    with pytest.raises(DataError, match="dataset.yaml: is a named pipe"):
        read_class_list(tmp_path)
    (tmp_path / "dataset.yaml").unlink()
    (tmp_path / "dataset.yaml").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="dataset.yaml: is a device"):
        read_class_list(tmp_path)


def test_a_table_without_end_is_refused(tmp_path: Path) -> None:
    """A pipe in the place of the table is not waited for, a cell of a megabyte is not a name."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="pipe.csv: is a named pipe"):
        read_sample_table(tmp_path / "pipe.csv")
    (tmp_path / "long.csv").write_text(f"name\n{'a' * 1_000_000}\n")
    with pytest.raises(DataError, match="long.csv: is not CSV in UTF-8 .*field larger than field limit"):
        read_sample_table(tmp_path / "long.csv")


@pytest.mark.parametrize(
    "name", [" a", "a ", "a\r", "a\nb", "\x1b[2J", b"\xff".decode(errors="surrogateescape"), "x" * 245]
)
def test_a_name_that_tables_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    """The message names the file in one printable line."""
    _write_picture(tmp_path / "images/a.png")
    (tmp_path / "images/a.png").rename(tmp_path / f"images/{name}.png")
    with pytest.raises(DataError, match=r"png: its name .*; rename the file") as caught:
        list_samples(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("one", "other"), [("IMG", "img"), ("\u00e9", "e\u0301")])
def test_names_that_are_one_on_another_machine_are_refused(tmp_path: Path, one: str, other: str) -> None:
    """By case or by the way to write an accent."""
    for name in (one, other):
        _write_picture(tmp_path / f"images/{name}.png")
    with pytest.raises(DataError, match="has the same name as .*; rename one"):
        list_samples(tmp_path)


def test_a_table_may_lack_columns_and_cells(tmp_path: Path) -> None:
    """Without a group a sample is a group of its own; a byte order mark and short rows do no harm."""
    (tmp_path / "samples.csv").write_text("\ufeffname,split,group\na\nb,val,g\n")
    assert read_sample_table(tmp_path / "samples.csv") == {"a": ("a", ""), "b": ("g", "val")}
    assert read_sample_table(tmp_path / "none.csv") == {}


@pytest.mark.parametrize("name", ["dataset.yaml", "samples.csv"])
def test_a_link_out_of_the_data_is_refused(tmp_path: Path, name: str) -> None:
    """The target is not read into a message; a link into DVC's cache is the file itself."""
    data, secret = tmp_path / "data", tmp_path / "secret.txt"
    _write_picture(data / "images/a.png")
    write_contract(data, CLASSES, [Sample("a", None, None, "a", "")])
    cached = tmp_path / "files/md5" / md5_of(data / name)[:2] / md5_of(data / name)[2:]
    cached.parent.mkdir(parents=True)
    (data / name).rename(cached)
    (data / name).symlink_to(cached)
    assert read_class_list(data) == CLASSES
    assert len(list_samples(data)) == 1
    secret.write_text("word of a secret")
    for target in (secret, tmp_path / "nowhere"):
        (data / name).unlink()
        (data / name).symlink_to(target)
        with pytest.raises(
            DataError, match=rf"{name}: is a link (to .*secret.txt, outside of|that leads nowhere)"
        ) as caught:
            (read_class_list if name == "dataset.yaml" else list_samples)(data)
        assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"classes": [SKY], "ignor_id": 3},
            r"dataset.yaml: unknown key 'ignor_id' \(did you mean 'ignore_id'\?\); correct",
        ),
        ({"classes": [SKY], 7: 3}, r"unknown key 7 \(known are classes, ignore_id\); correct or remove it"),
        ({"classes": [SKY | {"colours": 1}]}, r"class 'sky': unknown key 'colours' \(did you mean 'colour'\?\)"),
    ],
)
def test_a_key_that_is_not_known_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    """It is a typing error, and what was meant would be ignored."""
    (tmp_path / "dataset.yaml").write_text(to_yaml(content))
    with pytest.raises(DataError, match=message):
        read_class_list(tmp_path)
