"""Tests of reading class files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.importers.class_files import read_class_file, to_labels, voc_colour
from pipeline.importers.label_map import Labels, code_of

SKY: dict[str, Any] = {"id": 0, "name": "sky", "colour": [0, 0, 255]}
ROAD: dict[str, Any] = {"id": 1, "name": "road", "colour": "#808080"}


def _read(tmp_path: Path, name: str, content: Any) -> Labels:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / name).write_text(text)
    return read_class_file(tmp_path / name)


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json"])
def test_the_contract_is_a_class_file(tmp_path: Path, name: str) -> None:
    """A `dataset.yaml` can be read; values are ids, 255 is ignored."""
    classes = ClassList(("sky", "road"), ((0, 0, 255), (128, 128, 128)), 255)
    content = classes.to_dict()
    labels = _read(tmp_path, name, content if name.endswith("json") else yaml.safe_dump(content))
    assert labels.classes == classes and labels.by_value == {0: 0, 1: 1, 255: 255}
    assert labels.by_colour == {255: 0, code_of((128, 128, 128)): 1}
    assert not labels.has_own_values and not labels.notes


def test_a_csv_as_camvid_has_it(tmp_path: Path) -> None:
    """Columns name, r, g, b; a class named void is ignored, and a note says so."""
    labels = _read(tmp_path, "c.csv", "name, r, g, b\nAnimal,64,128,64\nVoid,0,0,0\n\nArchway,192,0,128\n")
    assert labels.classes.names == ("Animal", "Archway") and labels.classes.colours[1] == (192, 0, 128)
    assert labels.by_colour == {code_of((64, 128, 64)): 0, 0: 255, code_of((192, 0, 128)): 1}
    assert "class 'Void' (value 1) is ignored because of its name; write `ignore: false`" in labels.notes[0]
    assert labels.notes[1] == "values in the masks become ids: 2 -> 1"


def test_a_csv_may_have_ids_values_and_hexadecimal_colours(tmp_path: Path) -> None:
    """Column names may be capitals; empty cells are not there; void may be learned."""
    text = "ID,Name,Value,Colour,Ignore\n1,void,,#00ff00,no\n0,b,9,,\n2,c,8,,yes\n"
    labels = _read(tmp_path, "c.csv", text)
    assert labels.classes.names == ("b", "void") and labels.classes.colours[1] == (0, 255, 0)
    assert labels.by_value == {9: 0, 1: 1, 8: 255, 255: 255} and labels.has_own_values
    assert labels.without_colour == ("b",) and not labels.by_colour
    assert labels.notes[0] == "class 'c' (value 8) is ignored"


def test_a_list_of_names(tmp_path: Path) -> None:
    """Ids are in order of the lines; colours come from a palette of which no two are alike."""
    labels = _read(tmp_path, "c.txt", "\ufeff" + "".join(f"class {number}\n" for number in range(255)) + "\n")
    assert labels.classes.names[254] == "class 254" and len(set(labels.classes.colours)) == 255
    assert labels.by_value[254] == 254 and labels.by_value[255] == 255 and not labels.by_colour


def test_gaps_are_closed_by_value(tmp_path: Path) -> None:
    """Cityscapes-like ids become 0 to K - 1, and a palette's colour is never one that was declared."""
    rows = [{"id": 26, "name": "car"}, {"id": 7, "name": "road", "color": [128, 0, 0]}, {"id": 0, "name": "unlabelled"}]
    labels = _read(tmp_path, "c.json", {"classes": rows})
    assert labels.classes.names == ("road", "car") and labels.by_value == {7: 0, 26: 1, 0: 255, 255: 255}
    assert labels.classes.colours == ((128, 0, 0), (0, 128, 0)) and labels.has_own_values


def test_more_may_be_ignored(tmp_path: Path) -> None:
    """A value and colours that belong to no class."""
    labels = _read(
        tmp_path, "c.json", {"classes": [SKY, ROAD], "ignore_id": 9, "ignore_colours": ["#ffffff", [1, 2, 3]]}
    )
    assert labels.by_value == {0: 0, 1: 1, 9: 255}
    assert labels.by_colour[0xFFFFFF] == 255 and labels.by_colour[code_of((1, 2, 3))] == 255


def test_255_may_be_a_class(tmp_path: Path) -> None:
    """White as the second class is declared by its value."""
    rows = [{"name": "ground"}, {"name": "box", "value": 255}]
    assert _read(tmp_path, "c.json", {"classes": rows}).by_value == {0: 0, 255: 1}
    assert _read(tmp_path, "c.json", {"classes": ["ground", "box"]}).by_value == {0: 0, 1: 1, 255: 255}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.ini", "", "class file of an unknown format; expected one of .yaml"),
        ("c.yaml", "classes: [", "is not YAML"),
        ("c.json", "{", "is not JSON"),
        ("c.yaml", "sky", "found no list `classes`"),
        ("c.json", {"classes": [SKY], "ignore_colour": []}, "unknown names 'ignore_colour'; expected classes"),
        ("c.json", {"classes": [SKY], "ignore_colours": "#ffffff"}, "ignore_colours is '#ffffff', expected a list"),
        ("c.json", {"classes": [SKY], "ignore_id": 0}, "ignore_id is 0, which is a class's value too"),
        ("c.json", {"classes": [SKY], "ignore_id": -1}, "ignore_id is -1, expected a whole number from 0 to 65535"),
        ("c.yaml", "classes: [{id: 0, name: 5}]", "has no name; expected a text, a number in quotes"),
        ("c.json", {"classes": [SKY | {"id": True}]}, "id of 'sky' is True, expected a whole number"),
        ("c.json", {"classes": [SKY | {"value": 70000}]}, "value of 'sky' is 70000"),
        ("c.json", {"classes": [SKY | {"colour": [1, 2, 999]}]}, r"colour is \[1, 2, 999\], expected"),
        ("c.json", {"classes": [SKY | {"ignore": "perhaps"}]}, "ignore is 'perhaps', expected true or false"),
        ("c.json", {"classes": [SKY, {"name": "road"}]}, "'road' has no id but others have"),
        ("c.json", {"classes": [SKY, ROAD | {"id": 0}]}, "id 0 is given to several classes"),
        ("c.json", {"classes": [SKY, ROAD | {"value": 0}]}, "value 0 is given to several classes"),
        ("c.json", {"classes": [SKY, ROAD | {"name": "sky"}]}, "name 'sky' is given to several"),
        ("c.json", {"classes": [SKY, ROAD | {"colour": "0000FF"}]}, r"colour \(0, 0, 255\) is given to several"),
        ("c.json", {"classes": [SKY | {"ignore": True}]}, "declares 0 classes that count, expected 1 to 255"),
        ("c.txt", "\n".join(map(str, range(256))), "declares 256 classes"),
        ("c.txt", "", "declares 0 classes"),
        ("c.csv", "label,r,g,b\n", r"columns are \['label', 'r', 'g', 'b'\], expected name"),
        ("c.csv", "name,r,g,b\nsky,0,0,-5\n", "c.csv: line 2: b is '-5', expected a whole number"),
        ("c.csv", "name,r,g,b\nsky,0,0,300\n", r"line 2: colour is \[0, 0, 300\]"),
        ("c.csv", "name,ignore\nsky,perhaps\n", "line 2: ignore is 'perhaps'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, content: Any, message: str) -> None:
    """Each mistake has a message that says where."""
    with pytest.raises(DataError, match=message):
        _read(tmp_path, name, content)


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    """The message has the path."""
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\x00")
    for name, fault in (("none.yaml", "cannot be read"), ("c.txt", "is not text in UTF-8")):
        with pytest.raises(DataError, match=f"{name}: {fault}"):
            read_class_file(tmp_path / name)


def test_a_class_file_without_end_is_refused(tmp_path: Path) -> None:
    """A device or a pipe behind the name is not read."""
    (tmp_path / "c.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "c.csv")
    for name, fault in (("c.yaml", "a device"), ("c.csv", "a named pipe")):
        with pytest.raises(DataError, match=f"{name}: is {fault}.*, expected a regular file"):
            read_class_file(tmp_path / name)


def test_rows_of_another_file_become_labels() -> None:
    """Names or mappings; ignored classes keep their names, ignored colours have none."""
    rows = ["void", {"name": "sky", "value": 7, "colour": [0, 0, 255]}]
    labels = to_labels(Path("map.txt"), rows, [(224, 224, 192)])
    assert labels.classes.names == ("sky",) and labels.ignored == ("void",)
    assert labels.by_value == {0: 255, 7: 0, 255: 255}
    assert labels.by_colour == {255: 0, code_of((224, 224, 192)): 255}
    with pytest.raises(DataError, match="map.txt: class 0: 3 has no name"):
        to_labels(Path("map.txt"), [3])


def test_colours_of_vocs_map() -> None:
    """As the development kit lists them: aeroplane, bicycle, tvmonitor."""
    assert [voc_colour(index) for index in (1, 2, 20)] == [(128, 0, 0), (0, 128, 0), (0, 64, 128)]
