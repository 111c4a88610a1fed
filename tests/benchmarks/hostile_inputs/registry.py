"""Tags, aliases, ledger lines and artifacts of a registry that someone else can write to."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.benchmarks.hostile_inputs.case import Case, Command, Make, Place

STATUS, HISTORY, PROMOTE = ("segline", "status"), ("segline", "history"), ("segline", "promote")
PREDICT, COMPARE = ("segline", "predict", "champion", "data/images", "out"), ("segline", "compare", "1", "2")
ROLLBACK = ("segline", "rollback")
REGISTER = ("segline", "register")
PATHS = ("../..", "../../../outside/tree", "..", "/", ".", "", "/etc", "~", "a/b", "x" * 300, "\0", "c" * 32 + "/..")
ODD = (
    "",
    "nan",
    "-1",
    "1e999",
    "[]",
    "{}",
    "null",
    "\x1b[31mred\x1b[0m",
    "[red]x[/red]",
    "<script>alert(1)</script>",
    "a\nb",
)
BAD_LINES: dict[str, str] = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "null": "null",
    "no fields": "{}",
    "nan": '{"version": NaN}',
    "deeply nested": "[" * 3000 + "]" * 3000,
}


def _sql(*statements: tuple[str, tuple[object, ...]]) -> Make:
    def make(place: Place) -> None:
        with closing(sqlite3.connect(place.project / "mlflow.db")) as data, data:
            for statement, values in statements:
                data.execute(statement, values)

    return make


def _tag(version: int, key: str, value: str) -> Make:
    return _sql(
        ("DELETE FROM model_version_tags WHERE name = 'segline' AND version = ? AND key = ?", (version, key)),
        (
            "INSERT INTO model_version_tags (name, version, key, value) VALUES ('segline', ?, ?, ?)",
            (version, key, value),
        ),
    )


def _without_tag(version: int, key: str) -> Make:
    return _sql(("DELETE FROM model_version_tags WHERE name = 'segline' AND version = ? AND key = ?", (version, key)))


def _alias(name: str, version: int) -> Make:
    return _sql(
        ("DELETE FROM registered_model_aliases WHERE name = 'segline' AND alias = ?", (name,)),
        ("INSERT INTO registered_model_aliases (name, alias, version) VALUES ('segline', ?, ?)", (name, version)),
    )


def _ledger(key: str, value: str) -> Make:
    """Changes a tag of the ledger's only line; "JSON" stands for that which holds its content."""

    def make(place: Place) -> None:
        with closing(sqlite3.connect(place.project / "mlflow.db")) as data, data:
            query = "SELECT key, value FROM model_version_tags WHERE name = 'segline.ledger'"
            tags = dict(data.execute(query).fetchall())
            name = next(tag for tag, text in tags.items() if text.startswith("{")) if key == "JSON" else key
            statement = "UPDATE model_version_tags SET value = ? WHERE name = 'segline.ledger' AND key = ?"
            assert data.execute(statement, (value, name)).rowcount

    return make


def _forged(field: str, value: object) -> Make:
    """Changes a field of the ledger's line, its checksum left as it is."""

    def make(place: Place) -> None:
        with closing(sqlite3.connect(place.project / "mlflow.db")) as data:
            query = "SELECT value FROM model_version_tags WHERE name = 'segline.ledger' AND value LIKE '{%'"
            ((text,),) = data.execute(query).fetchall()
        _ledger("JSON", json.dumps(json.loads(text) | {field: value}))(place)

    return make


def _artifacts(change: str, version: int = 1) -> Make:
    """Deletes, empties or exchanges the files of a version."""

    def make(place: Place) -> None:
        folders = sorted({file.parent for file in (place.project / "mlartifacts").rglob("saved_model.pb")}, key=_made)
        mine, other = folders[version - 1], folders[2 - version]
        if change == "deleted":
            shutil.rmtree(place.project / "mlartifacts")
        elif change == "exchanged":
            shutil.rmtree(mine)
            shutil.copytree(other, mine)
        elif change == "empty":
            (mine / "saved_model.pb").write_bytes(b"")
        elif change == "link":
            (mine / "saved_model.pb").unlink()
            (mine / "saved_model.pb").symlink_to(place.outside / "secret.txt")

    return make


def _made(folder: Path) -> float:
    return folder.stat().st_mtime


def _deleted_version(number: int) -> Make:
    tables = ("model_version_tags", "registered_model_aliases", "model_versions")
    return _sql(*((f"DELETE FROM {table} WHERE name = 'segline' AND version = ?", (number,)) for table in tables))


def _file(name: str, content: bytes) -> Make:
    def make(place: Place) -> None:
        (place.project / name).write_bytes(content)

    return make


def _case(name: str, make: Make, command: Command, expect: str, says: str = "") -> Case:
    return Case(f"registry/{name}", "contest", make, (command,), expect, says)  # type: ignore[arg-type]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


CASES = (
    *(
        _case(f"model_md5 {text[:20]!r}, {command[1]}", _tag(1, "model_md5", text), command, "refused", "model_md5|MD5")
        for text in PATHS
        if text
        for command in (PREDICT, PROMOTE)
    ),
    _case("no model_md5", _without_tag(1, "model_md5"), PREDICT, "either", "model_md5|MD5"),
    *(_case(f"mean_iou {text!r}, status", _tag(2, "mean_iou", text), STATUS, "either", "mean_iou") for text in ODD),
    *(
        _case(f"verdict {text!r}, promote", _tag(2, "verdict", text), PROMOTE, "refused", "verdict|gate")
        for text in ODD
    ),
    *(_case(f"git_commit {text!r}, status", _tag(2, "git_commit", text), STATUS, "accepted") for text in ODD[-4:]),
    *(
        _case(f"test_md5 {text!r}, promote", _tag(2, "test_md5", text), PROMOTE, "either", "test_md5")
        for text in ODD[:3]
    ),
    _case("no verdict", _without_tag(2, "verdict"), PROMOTE, "refused", "verdict|gate"),
    *(
        _case(f"ledger line {name}, {command[1]}", _ledger("JSON", text), command, "refused", "ledger|line 1")
        for name, text in BAD_LINES.items()
        for command in (STATUS, HISTORY, PROMOTE)
    ),
    *(
        _case(f"ledger line forged: {field}, {command[1]}", _forged(field, value), command, "refused", "ledger|line 1")
        for field, value in {"version": 2, "who": "nobody", "reasons": [], "kind": "refuse", "number": 7}.items()
        for command in (STATUS, HISTORY)
    ),
    _case("ledger checksum", _ledger("sha256", "0" * 64), HISTORY, "refused", "ledger|line 1"),
    _case(
        "ledger deleted",
        _sql(
            *(
                (f"DELETE FROM {table} WHERE name = 'segline.ledger'", ())
                for table in ("model_version_tags", "model_versions")
            )
        ),
        STATUS,
        "refused",
        "ledger",
    ),
    _case("champion moved by hand, status", _alias("champion", 2), STATUS, "either", "moved by hand|ledger"),
    _case("champion moved by hand, promote", _alias("champion", 2), PROMOTE, "refused", "moved by hand"),
    _case("alias of a version that is not there", _alias("challenger", 99), PROMOTE, "refused", "99|challenger"),
    _case(
        "no challenger",
        _sql(("DELETE FROM registered_model_aliases WHERE alias = 'challenger'", ())),
        PROMOTE,
        "refused",
        "challenger",
    ),
    _case("champion deleted, status", _deleted_version(1), STATUS, "either", "1"),
    _case("champion deleted, predict", _deleted_version(1), PREDICT, "refused", "champion"),
    _case("champion deleted, promote", _deleted_version(1), PROMOTE, "refused", "1"),
    _case("challenger deleted, promote", _deleted_version(2), PROMOTE, "refused", "challenger"),
    *(
        _case(
            f"artifacts {change}, {command[1]}",
            _artifacts(change),
            command,
            "refused",
            "segline/[12]|saved_model|MD5|model_md5",
        )
        for change in ("deleted", "exchanged", "empty", "link")
        for command in (PREDICT, COMPARE, PROMOTE)
    ),
    _case("no previous champion", lambda _: None, ROLLBACK, "refused", "previous|champion"),
    _case("rollback to 99", lambda _: None, (*ROLLBACK, "--to", "99"), "refused", "99"),
    _case("rollback to text", lambda _: None, (*ROLLBACK, "--to", "../.."), "refused", r"\.\./\.\."),
    _case("promote a text", lambda _: None, (*PROMOTE, "nobody"), "refused", "nobody"),
    _case("promote 10^30", lambda _: None, (*PROMOTE, str(10**30)), "refused", "1000"),
    _case("compare with itself", lambda _: None, ("segline", "compare", "1", "1"), "either", "1"),
    _case(
        "predict with a name that is none",
        lambda _: None,
        ("segline", "predict", "a@b@c", "data/images", "out"),
        "refused",
        "a@b@c",
    ),
    _case("data base empty", _file("mlflow.db", b""), STATUS, "either", "mlflow.db"),
    _case("data base of text", _file("mlflow.db", b"this is no data base\n" * 100), STATUS, "refused", "mlflow.db"),
    _case("data base cut off", lambda place: _cut(place.project / "mlflow.db"), STATUS, "refused", "mlflow.db"),
    _case("no table of tags", _sql(("DROP TABLE model_version_tags", ())), STATUS, "refused", "mlflow.db"),
)
