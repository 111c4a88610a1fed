"""Faults of disk, processes and locks."""

import json
import shutil
import sqlite3
from pathlib import Path

from tests.benchmarks.hostile_inputs.case import (
    GATE,
    IMPORT,
    VALIDATE,
    Case,
    Command,
    Make,
    Place,
    Template,
    nothing,
)
from tests.benchmarks.hostile_inputs.data import same_masks, void

DEMO = ("segline", "import", "demo", "--num-images", "6")
PROMOTE, STATUS, REGISTER = ("segline", "promote"), ("segline", "status"), ("segline", "register")
PREDICT = ("segline", "predict", "champion", "data/images", "out")
KILLED_AFTER_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
_open: list[sqlite3.Connection] = []
"""Keeps a data base locked until the next case."""


def _locked(place: Place) -> None:
    while _open:
        _open.pop().close()
    connection = sqlite3.connect(place.project / "mlflow.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    _open.append(connection)


def _file_in_place_of(name: str) -> Make:
    def make(place: Place) -> None:
        path = place.project / name
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("in the way\n")

    return make


def _no(name: str) -> Make:
    def make(place: Place) -> None:
        path = place.project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def _rubbish(name: str, content: bytes = b"\0rubbish\xff") -> Make:
    return lambda place: void((place.project / name).write_bytes(content))


def _leftover(place: Place) -> None:
    """What a killed import leaves."""
    (place.project / ".data.part/images").mkdir(parents=True)
    (place.project / ".data.part/images/x.png").write_bytes(b"half")


def _has_six(project: Path) -> str:
    numbers = [len(list((project / "data" / side).iterdir())) for side in ("images", "masks")]
    return "" if numbers == [6, 6] and (project / "data.dvc").exists() else f"data/ has {numbers} images and masks"


def _has_no_version(project: Path) -> str:
    """Without DVC data come in, and no version is claimed."""
    return "data.dvc was written" if (project / "data.dvc").exists() else same_masks(project)


def _has_one_champion(project: Path) -> str:
    connection = sqlite3.connect(project / "mlflow.db")
    rows = connection.execute("SELECT version FROM registered_model_aliases WHERE alias = 'champion'").fetchall()
    connection.close()
    return "" if rows == [(2,)] else f"champions are {rows}"


def _is_rejected(project: Path) -> str:
    """The gate is never open: without evidence it ends well, with a verdict that rejects."""
    verdict = json.loads((project / "work/gate/verdict.json").read_text())
    return "" if verdict["accepted"] is False else "the gate accepted without evidence"


def _full(name: str, template: Template, command: Command, limit: int = 4096) -> Case:
    return Case(
        f"faults/largest file: {name}", template, nothing, (command,), says="space|large|disk", file_bytes=limit
    )


CASES = (
    _full("import demo", "empty", DEMO),
    _full("import folder", "labelled", IMPORT, 200),
    _full("validate", "imported", VALIDATE),
    _full("gate", "gated", GATE, 100),
    _full("predict", "contest", PREDICT, 20),
    _full("promote", "contest", PROMOTE),
    *(
        Case(
            f"faults/import killed after {time_s} s",
            "empty",
            nothing,
            (("kill", str(time_s), *DEMO), DEMO),
            "accepted",
            check=_has_six,
        )
        for time_s in KILLED_AFTER_S
    ),
    *(
        Case(
            f"faults/promote killed after {time_s} s",
            "contest",
            nothing,
            (("kill", str(time_s), *PROMOTE), PROMOTE),
            "either",
            "challenger|champion|already",
            _has_one_champion,
        )
        for time_s in (*KILLED_AFTER_S, 1.2, 2.0)
    ),
    *(
        Case(
            f"faults/first data base killed after {time_s} s",
            "finished",
            _no("mlflow.db"),
            (("kill", str(time_s), *REGISTER), REGISTER),
            "accepted",
        )
        for time_s in (*KILLED_AFTER_S, 1.2, 2.0)
    ),
    Case("faults/data base locked, status", "contest", _locked, (STATUS,), says="locked|busy"),
    Case("faults/data base locked, promote", "contest", _locked, (PROMOTE,), says="locked|busy"),
    Case("faults/a file in place of work", "imported", _file_in_place_of("work"), (VALIDATE,), says="work"),
    Case("faults/a file in place of data", "labelled", _file_in_place_of("data"), (IMPORT,), says="data"),
    Case("faults/a file in place of .segline", "contest", _file_in_place_of(".segline"), (PROMOTE,), says=r"\.segline"),
    Case("faults/a file in place of .dvc/cache", "labelled", _file_in_place_of(".dvc/cache"), (IMPORT,), says="cache"),
    Case("faults/no .dvc", "labelled", _no(".dvc"), (IMPORT,), "accepted", check=_has_no_version),
    Case("faults/no .dvc, twice", "labelled", _no(".dvc"), (IMPORT, IMPORT), says="DVC holds no version"),
    Case("faults/no .git", "labelled", _no(".git"), (IMPORT,), says="git"),
    Case("faults/.git/HEAD is rubbish", "labelled", _rubbish(".git/HEAD"), (IMPORT,), "either", "git", same_masks),
    Case("faults/.dvc/config is rubbish", "labelled", _rubbish(".dvc/config"), (IMPORT,), says="config"),
    Case("faults/dvc.yaml is rubbish", "finished", _rubbish("dvc.yaml"), (REGISTER,), says="dvc.yaml"),
    Case("faults/dvc.lock is rubbish", "finished", _rubbish("dvc.lock"), (REGISTER,), says="dvc.lock"),
    Case("faults/dvc.lock is empty", "finished", _rubbish("dvc.lock", b""), (REGISTER,), says="dvc.lock"),
    Case("faults/data.dvc is rubbish", "finished", _rubbish("data.dvc"), (REGISTER,), says="data.dvc"),
    Case("faults/data.dvc is a list", "finished", _rubbish("data.dvc", b"[]"), (REGISTER,), says="data.dvc"),
    Case(
        "faults/scores are rubbish",
        "gated",
        _rubbish("work/evaluate/scores.json"),
        (GATE,),
        expect="accepted",
        check=_is_rejected,
    ),
    Case(
        "faults/scores are a list",
        "gated",
        _rubbish("work/evaluate/scores.json", b"[]"),
        (GATE,),
        expect="accepted",
        check=_is_rejected,
    ),
    Case(
        "faults/scores are missing",
        "gated",
        _no("work/evaluate/scores.json"),
        (GATE,),
        expect="accepted",
        check=_is_rejected,
    ),
    Case("faults/verdict is rubbish", "finished", _rubbish("work/gate/verdict.json"), (REGISTER,), says="verdict.json"),
    Case(
        "faults/verdict is null",
        "finished",
        _rubbish("work/gate/verdict.json", b"null"),
        (REGISTER,),
        says="verdict.json",
    ),
    Case(
        "faults/manifest is rubbish",
        "gated",
        _rubbish("work/validate/manifest.csv"),
        (GATE,),
        expect="accepted",
        check=_is_rejected,
    ),
    Case(
        "faults/fingerprint is rubbish",
        "finished",
        _rubbish("work/preprocess/fingerprint.json"),
        (REGISTER,),
        says="fingerprint",
    ),
    Case("faults/model is missing", "finished", _no("work/export/model"), (REGISTER,), says="model"),
    Case("faults/leftover of a killed import", "labelled", _leftover, (IMPORT,), "accepted", check=same_masks),
)
