"""Class files of an import, `dataset.yaml`, and tables of samples."""

from collections.abc import Callable
from typing import Any

import yaml

from tests.benchmarks.hostile_inputs.case import IMPORT, VALIDATE, Case, Make
from tests.benchmarks.hostile_inputs.data import is_valid, same_masks
from tests.benchmarks.hostile_inputs.params import BOMB, void

GROUND, BOX = {"id": 0, "name": "ground"}, {"id": 1, "name": "box"}
BAD_CLASSES: dict[str, Any] = {
    "null": None,
    "a number": 3,
    "a list": [GROUND, BOX],
    "no classes": {},
    "classes null": {"classes": None},
    "classes empty": {"classes": []},
    "classes a text": {"classes": "ground"},
    "name null": {"classes": [{"id": 0, "name": None}, BOX]},
    "name a number": {"classes": [{"id": 0, "name": 7}, BOX]},
    "name a list": {"classes": [{"id": 0, "name": ["a"]}, BOX]},
    "name empty": {"classes": [{"id": 0, "name": ""}, BOX]},
    "name blank": {"classes": [{"id": 0, "name": "  "}, BOX]},
    "name twice": {"classes": [GROUND, {"id": 1, "name": "ground"}]},
    "id twice": {"classes": [GROUND, {"id": 0, "name": "box"}]},
    "id negative": {"classes": [{"id": -1, "name": "ground"}, BOX]},
    "id too large": {"classes": [GROUND, {"id": 70000, "name": "box"}]},
    "id a float": {"classes": [{"id": 0.5, "name": "ground"}, BOX]},
    "id a text": {"classes": [{"id": "0", "name": "ground"}, BOX]},
    "id true": {"classes": [GROUND, {"id": True, "name": "box"}]},
    "colour too short": {"classes": [{**GROUND, "colour": [1, 2]}, BOX]},
    "colour out of range": {"classes": [{**GROUND, "colour": [0, 0, 256]}, BOX]},
    "colour a text": {"classes": [{**GROUND, "colour": "red"}, BOX]},
    "unknown key": {"classes": [GROUND, BOX], "clases": []},
    "300 classes": {"classes": [{"id": number, "name": f"c{number}"} for number in range(300)]},
    "more classes than the masks have": {"classes": [GROUND, BOX, {"id": 2, "name": "tree"}]},
    "a class is missing": {"classes": [GROUND]},
    "name with a line end": {"classes": [{"id": 0, "name": "a\nb"}, BOX]},
    "name with ESC": {"classes": [{"id": 0, "name": "a\x1b[31mb"}, BOX]},
    "name of 10,000 characters": {"classes": [{"id": 0, "name": "a" * 10_000}, BOX]},
}
BAD_TEXTS: dict[str, bytes] = {
    "empty file": b"",
    "no UTF-8": b"classes: \xff\xfe",
    "broken YAML": b"classes: [",
    "bomb of aliases": b"classes:\n- name: x\n" + BOMB.encode(),
    "recursion": b"classes: &c [*c]\n",
    "an object of Python": b"classes: !!python/object/apply:os.system ['touch ../outside/tree/owned']\n",
    "deeply nested": b"classes: " + b"[" * 3000 + b"]" * 3000,
    "duplicate key": b"classes: []\nclasses:\n- {id: 0, name: ground}\n- {id: 1, name: box}\n",
    "octal id": b"classes:\n- {id: 0, name: ground}\n- {id: 0o1, name: box}\n- {id: 010, name: tree}\n",
}
GOOD_CLASSES: dict[str, Any] = {
    "names in Chinese": {"classes": [{"id": 0, "name": "地面"}, {"id": 1, "name": "盒子"}]},
    "quotes and commas": {"classes": [{"id": 0, "name": 'a, "b"'}, {"id": 1, "name": "c; d"}]},
    "markup": {"classes": [{"id": 0, "name": "<script>alert(1)</script>"}, {"id": 1, "name": "[bold]x[/bold]"}]},
    "name no in quotes": {"classes": [{"id": 0, "name": "no"}, BOX]},
}
BAD_DATASETS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no classes": lambda content: content.pop("classes"),
    "classes null": lambda content: content.update(classes=None),
    "class null": lambda content: content["classes"].__setitem__(0, None),
    "name null": lambda content: content["classes"][0].update(name=None),
    "name a list": lambda content: content["classes"][0].update(name=["x"]),
    "name empty": lambda content: content["classes"][0].update(name=""),
    "name a table": lambda content: content["classes"][0].update(name={"a": 1}),
    "id a text": lambda content: content["classes"][0].update(id="0"),
    "id null": lambda content: content["classes"][0].update(id=None),
    "id a list": lambda content: content["classes"][0].update(id=[0]),
    "id false": lambda content: content["classes"][0].update(id=False),
    "colour null": lambda content: content["classes"][0].update(colour=None),
    "colour of floats": lambda content: content["classes"][0].update(colour=[0.5, 0, 0]),
    "ignore_id a text": lambda content: content.update(ignore_id="255"),
    "ignore_id a class": lambda content: content.update(ignore_id=1),
    "ignore_id 256": lambda content: content.update(ignore_id=256),
    "ignore_id true": lambda content: content.update(ignore_id=True),
    "unknown key": lambda content: content.update(ignored=3),
}
BAD_TABLES: dict[str, str] = {
    "no column name": "image,split\na,train\n",
    "unknown split": "name,split\na,training\n",
    "name twice": "name,split\na,train\na,test\n",
    "name empty": "name,split\n,train\n",
    "unknown name": "name,split\nnobody,train\n",
    "a row too long": "name,split\na,train,x,y\n",
    "NUL": "name,split\na\0,train\n",
    "a field of a megabyte": "name,group\na," + "x" * 1_000_000 + "\n",
    "a group in two splits": "name,group,split\na,g,train\nb,g,test\n",
    "quote that never ends": 'name,split\n"a,train\nb,test\n',
}


def _class_file(content: Any) -> Make:
    return lambda place: void((place.project / "classes.yaml").write_text(yaml.safe_dump(content, sort_keys=False)))


def _bytes(name: str, content: bytes) -> Make:
    return lambda place: void((place.project / name).write_bytes(content))


def _dataset(change: Callable[[dict[str, Any]], object]) -> Make:
    def make(place: Any) -> None:
        path = place.project / "data/dataset.yaml"
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content))

    return make


CASES = (
    *(
        Case(f"contracts/class file: {name}", "labelled", _class_file(content), (IMPORT,), says="classes.yaml|class")
        for name, content in BAD_CLASSES.items()
    ),
    *(
        Case(f"contracts/class file: {name}", "labelled", _bytes("classes.yaml", text), (IMPORT,), says="classes.yaml")
        for name, text in BAD_TEXTS.items()
    ),
    *(
        Case(f"contracts/class file: {name}", "labelled", _class_file(content), (IMPORT,), "accepted", check=same_masks)
        for name, content in GOOD_CLASSES.items()
    ),
    *(
        Case(f"contracts/dataset.yaml: {name}", "imported", _dataset(change), (VALIDATE,), says="dataset.yaml")
        for name, change in BAD_DATASETS.items()
    ),
    *(
        Case(
            f"contracts/samples of an import: {name}",
            "labelled",
            _bytes("samples.csv", text.encode()),
            ((*IMPORT, "--samples", "samples.csv"), VALIDATE),
            says="samples.csv|group",
        )
        for name, text in BAD_TABLES.items()
    ),
    *(
        Case(
            f"contracts/samples.csv: {name}",
            "imported",
            _bytes("data/samples.csv", text.replace("\na", "\ns000").replace("\nb", "\ns001").encode()),
            (VALIDATE,),
            says="samples.csv|group|'g'",
        )
        for name, text in BAD_TABLES.items()
    ),
    Case(
        "contracts/samples.csv: with a BOM and CRLF",
        "imported",
        _bytes("data/samples.csv", "\ufeffname,split\r\ns000,test\r\n".encode()),
        (VALIDATE,),
        "accepted",
        check=is_valid,
    ),
)
