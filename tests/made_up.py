"""Files that nobody wrote: valid ones, mutated by chance, for whatever reads files from outside.

`READERS` lists each reader with a valid file. `mutated(random, reader)` gives the bytes of a made-up one;
`outcome_of(reader, folder, content)` reads it: a value or a `SeglineError`, or else the reader is broken.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from pipeline.dataset.contract import ClassList, read_class_list, read_sample_table
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.versions import read_data_md5
from pipeline.disk.records import read_record
from pipeline.disk.yaml_text import parse_yaml, to_yaml
from pipeline.errors import SeglineError
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.label_errors import read_suspects
from pipeline.evaluation.overlays import list_overlays
from pipeline.evaluation.scores import Scores
from pipeline.evaluation.verdict import Verdict
from pipeline.importers.class_files import read_class_file
from pipeline.params import read_params
from pipeline.params_fit import check_fit
from pipeline.registry.lineage import compare_lock, read_data_version
from pipeline.registry.run_record import read_history
from pipeline.report.evidence import read_matrix
from pipeline.runtime.cost import Cost
from pipeline.runtime.stages import describe_stage, list_stages
from pipeline.serving.model_card import ModelCard

ROOT = Path(__file__).parents[1]
CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (9, 9, 9)), 255)
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2.0, 0.5, 1e-320, 1e300, -1e300, 10**12, 2**63, -(2**63), 10**30, 10**400),
    *("", " ", "a", "no", "1", "1e5", "010", "nan", "../..", "/", "\r", "\x1b[31m", "\u202e", "\ud800", "é", "x" * 300),
    *("<svg onload=alert(1)>", "x" * 5000, "2001-01-01", "a\tb", "a\nb", "'", '"', "[", "{", "&a", "*a", "!!x"),
    *([], {}, [[]], {"": None}, [None], ["a", "a"], {"a": {"a": {"a": 1}}}, [1, 2, 3], [0.5] * 300),
]
ODD_TEXTS = [
    *(
        "\0",
        "\ufeff",
        "\r",
        "\n",
        "\t",
        "\x1b",
        '"',
        "'",
        ",",
        ";",
        ":",
        "{",
        "}",
        "[",
        "]",
        "- ",
        "&a ",
        "*a",
        "!!a ",
        "#",
    ),
    *(
        "---\n",
        "...\n",
        "<<: ",
        "? ",
        "| ",
        "NaN",
        "Infinity",
        "1e999",
        "-0",
        "9" * 400,
        "9" * 5000,
        "[" * 3000,
        "\\ud800",
    ),
    *(
        "{a: " * 60,
        "é",
        "\u2028",
        "x" * 140_000,
        "," * 2000,
        "\n" * 50,
        "null",
        "true",
        "2001-99-99",
        "0x",
        "1_",
        "._",
        "=",
    ),
]


class Reader(NamedTuple):
    """A reader of files.

    Attributes:
        file: its name.
        valid: a text that it takes.
        read: reads the file of this name in the current folder.
    """

    file: str
    valid: str
    read: Callable[[Path], object]


def mutated(random: Random, reader: Reader) -> bytes:
    """A file that is nearly one that `reader` takes, or none at all."""
    kind = Path(reader.file).suffix
    text = reader.valid
    if kind in (".yaml", ".json", ".lock", ".dvc") and random.random() < 0.6:
        content = _parse(reader)
        for _ in range(random.randint(1, 3)):
            content = _change_value(random, content)
        text = _to_text(kind, content)
    elif kind == ".csv" and random.random() < 0.6:
        text = _change_cells(random, text)
    for _ in range(random.choice((0, 0, 1, 1, 2, 5)) if text != reader.valid else random.randint(1, 3)):
        text = _change_text(random, text)
    content_bytes = text.encode("utf-8", "surrogatepass")
    return _change_bytes(random, content_bytes) if random.random() < 0.1 else content_bytes


def outcome_of(reader: Reader, folder: Path, content: bytes) -> str:
    """Writes and reads the file, in `folder` as the current one; the value's type, or the message of the refusal."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        return type(reader.read(path)).__name__
    except SeglineError as err:
        return f"{type(err).__name__}: {err}"


def _parse(reader: Reader) -> Any:
    return json.loads(reader.valid) if reader.file.endswith(".json") else parse_yaml(reader.valid)


def _to_text(kind: str, content: Any) -> str:
    """JSON for all: a text of YAML 1.2 too, but for what only YAML's own writer can say."""
    if kind != ".json":
        try:
            return to_yaml(content)
        except (ValueError, UnicodeError, RecursionError):
            pass
    return json.dumps(content)


def _change_value(random: Random, content: Any) -> Any:
    """Drops, doubles, retypes, nests or renames one value anywhere."""
    if not isinstance(content, dict | list) or not content or random.random() < 0.1:
        return copy.deepcopy(random.choice(ODD_VALUES))
    content = content.copy()
    place = random.choice(list(content) if isinstance(content, dict) else range(len(content)))
    deed = random.choice(("deeper", "deeper", "deeper", "drop", "retype", "retype", "nest", "rename", "double", "swap"))
    if deed == "deeper":
        content[place] = _change_value(random, content[place])
    elif deed == "drop":
        del content[place]
    elif deed == "retype":
        content[place] = copy.deepcopy(random.choice(ODD_VALUES))
    elif deed == "nest":
        for _ in range(random.choice((1, 2, 40, 400))):
            content[place] = random.choice(([content[place]], {"a": content[place]}))
    elif deed == "swap":
        content[place] = content[random.choice(list(content) if isinstance(content, dict) else range(len(content)))]
    elif isinstance(content, list):
        content += [content[place]] * random.choice((1, 300))
    elif deed == "rename":
        content[random.choice(("", "a", "size", "é", "\x1b", "x" * 300, place.upper(), place + " "))] = content.pop(
            place
        )
    else:
        content[place + random.choice("_s ")] = content[place]
    return content


def _change_cells(random: Random, text: str) -> str:
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(random.randint(1, 3)):
        row = random.choice(rows)
        place = random.randrange(len(row)) if row else 0
        odd = str(random.choice([value for value in ODD_VALUES if not isinstance(value, int) or value < 10**100]))
        deed = random.choice(("cell", "cell", "cell", "drop cell", "add cell", "drop row", "double row", "drop column"))
        if deed == "cell" and row:
            row[place] = random.choice((odd, f'"{odd}"'))
        elif deed == "drop cell" and row:
            del row[place]
        elif deed == "add cell":
            row.insert(place, odd)
        elif deed == "drop row" and len(rows) > 1:
            rows.remove(row)
        elif deed == "double row":
            rows.append(list(row))
        elif deed == "drop column":
            rows = [cells[:place] + cells[place + 1 :] for cells in rows]
    return "\n".join(",".join(row) for row in rows) + "\n"


def _change_text(random: Random, text: str) -> str:
    start = random.randint(0, len(text))
    end = min(len(text), start + random.choice((0, 0, 1, 3, 20, 200)))
    deed = random.random()
    if deed < 0.6:
        return text[:start] + random.choice(ODD_TEXTS) + text[end:]
    if deed < 0.8:
        return text[:start] + text[start:end] * 2 + text[end:]
    return text[:start] if deed < 0.9 else text[:start] + text[end:]


def _change_bytes(random: Random, content: bytes) -> bytes:
    place = random.randint(0, len(content))
    odd = random.choice(
        (b"\xff", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", bytes(random.randrange(256) for _ in range(9)))
    )
    return content[:place] + odd + content[place + random.randint(0, 2) :]


def _read_all_params(path: Path) -> object:
    params = read_params(path)
    check_fit(params, CLASSES)
    return params


def _read_lock(path: Path) -> object:
    (path.parent / "params.yaml").write_text("train: {seed: 0}\n")
    (path.parent / "dvc.yaml").write_text("stages: {gate: {cmd: make gate}}\n")
    return list(compare_lock("data", "0" * 32))


INTERVAL = {"estimate": 0.5, "low": None, "high": 0.75, "num_units": 8}
SCORES: dict[str, Any] = {
    "metrics": {
        "mean_iou": {"value": 0.5, "by_class": {"road": 0.5, "sky": None}, "interval": INTERVAL, "intervals": {}},
        "boundary_iou": {"value": 0.5, "by_class": {"sky": 1}},
        "calibration_error": {
            "value": 0.1,
            "bins": [{"low": 0, "high": 1, "num_pixels": 3, "confidence": 0.5, "accuracy": None}],
        },
    },
    "baseline": {"class_name": "road", "mean_iou": 0.25, "pixel_accuracy": 0.5},
    "support": {"road": 64, "sky": 0},
    **{"num_images": 2, "num_pixels": 64},
    "evidence": {"model_md5": "a", "manifest_md5": "b", "test_md5": "c"},
    "bootstrap": {"unit": "group", "confidence": 0.95, "min_units": 5, "num_left_out": 0},
    "slices": [
        {"kind": "size", "name": "small", "num_images": 2, "mean_iou": 1, "low": 1, "high": 2, "interval": INTERVAL}
    ],
    "strays": {"sky": 3},
}
CARD = {**CLASSES.to_dict(), "size": [96, 128], "postprocess": {"open_px": 3, "close_px": 0, "min_area_px": 50}}
FINGERPRINT = {
    **{"classes": CLASSES.to_dict(), "size": [8, 9], "num_images": {"train": 1, "val": 1, "test": 1}},
    **{"channel_mean": [1.0, 2.0, 3.5], "channel_std": [1.0, 1.0, 9.0], "class_pixels": {"sky": 3, "road": 4}},
    **{"arrays_md5": {"a.npy": "00"}, "class_shares": {"sky": 0.4, "road": 0.6}},
}
VERDICT = {
    **{"accepted": True, "reasons": [{"code": "no_threshold", "values": {}}], "scores_md5": "a", "mean_iou": 0.8},
    "evidence": SCORES["evidence"],
}
COST = {"stage": "train", "seconds": 1.5, "peak_mb": 100.0, "marker_md5": "a"}
CLASS_FILE = {
    "classes": [
        *CLASSES.to_dict()["classes"],
        {"name": "void", "id": 7, "value": 9, "color": "#ff0000", "ignore": True},
    ],
    **{"ignore_id": 255, "ignore_colours": ["#ffffff", [1, 2, 3]]},
}
LOCK = {
    "schema": "2.0",
    "stages": {
        "gate": {
            "cmd": "make gate",
            "deps": [{"path": "data", "hash": "md5", "md5": "0" * 32, "size": 3}],
            "params": {"params.yaml": {"train.seed": 0, "train": {"seed": 0}}},
            "outs": [{"path": "params.yaml", "hash": "md5", "md5": "1" * 32, "isexec": True}],
        }
    },
}
DATA_DVC = {"outs": [{"md5": f"{'0' * 32}.dir", "size": 5, "nfiles": 2, "hash": "md5", "path": "data"}]}
ROWS = {
    "manifest": "name,image,mask,group,split,height,width,image_md5,mask_md5\na,i/a.png,m/a.png,g,test,8,9,1f,2e\n",
    "suspects": "name,label,predicted,num_pixels,left,top,width,height\na,sky,road,99,1,2,30,40\n",
    "overlays": "kind,rank,name\nworst,1,a\nrandom,2,b\n",
    "history": "epoch,loss,val_loss,val_mean_iou\n1,0.5,nan,0.25\n2,0.25,,0.5\n",
    "per_image": "name,group,height,width,brightness,num_counted,num_ignored,mean_iou,pixel_accuracy,sky>sky,sky>road,"
    "road>sky,road>road\na,g,2,8,10.1,8,8,0.775,0.875,3,1,0,4\nb,g,2,4,20.5,8,0,,,3,1,0,4\n",
    "confusion": "target,sky,road\nsky,3,1\nroad,0,4\n",
    "samples": "name,group,split\na,g,test\nb,,\n",
    "classes": "id,name,value,r,g,b,ignore\n0,sky,3,0,0,255,no\n1,road,4,9,9,9,\n2,void,5,,,,yes\n",
}
READERS = [
    Reader("params.yaml", (ROOT / "params.yaml").read_text(), _read_all_params),
    Reader("data/dataset.yaml", to_yaml(CLASSES.to_dict()), lambda path: read_class_list(path.parent)),
    Reader("classes.yaml", to_yaml(CLASS_FILE), read_class_file),
    Reader("classes.json", json.dumps(CLASS_FILE), read_class_file),
    Reader("classes.csv", ROWS["classes"], read_class_file),
    Reader("classes.txt", "sky\nroad\n", read_class_file),
    Reader("samples.csv", ROWS["samples"], read_sample_table),
    Reader("dvc.yaml", (ROOT / "dvc.yaml").read_text(), lambda path: (list_stages(path), describe_stage("gate"))),
    Reader("dvc.lock", to_yaml(LOCK), _read_lock),
    Reader("data.dvc", to_yaml(DATA_DVC), lambda path: (read_data_md5(path.with_suffix("")), read_data_version())),
    Reader("manifest.csv", ROWS["manifest"], read_manifest),
    Reader("suspects.csv", ROWS["suspects"], read_suspects),
    Reader("overlays.csv", ROWS["overlays"], lambda path: list_overlays(path.parent)),
    Reader("history.csv", ROWS["history"], read_history),
    Reader("per_image.csv", ROWS["per_image"], ImageTable.read),
    Reader("confusion.csv", ROWS["confusion"], read_matrix),
    Reader("scores.json", json.dumps(SCORES), Scores.read),
    Reader("verdict.json", json.dumps(VERDICT), Verdict.read),
    Reader("fingerprint.json", json.dumps(FINGERPRINT), Fingerprint.read),
    Reader("segline.json", json.dumps(CARD), ModelCard.read_file),
    Reader("train.json", json.dumps(COST), lambda path: read_record(path, Cost, "the stage `train`")),
]
