"""Tests of the verification: whatever is changed, that thing alone is named."""

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger.ledger import ledger_name
from pipeline.provenance.registered import opened_version
from pipeline.provenance.rows import Row
from pipeline.provenance.verification import PRODUCERS, verify
from pipeline.publishing.champion import publish_champion
from pipeline.registry.client import delete_version, find_version, list_versions, set_alias, set_tags
from pipeline.registry.connection import SQLITE, opened, tracking_uri
from pipeline.registry.evidence import BOUND, EVIDENCE_TAG, evidence_md5
from pipeline.registry.run_contents import CONTENTS_TAG
from tests.conftest import GIT
from tests.contest import SKY
from tests.contest import register as register_tiny
from tests.provenance_project import change_byte, execute, stored, write_registered

pytestmark = [pytest.mark.services, pytest.mark.e2e]

ZEROS = "0" * 32 + ".dir"
Harm = Callable[[], Any]


def _make_writable(remove: Callable[[str], Any], path: str, _: Any) -> None:
    """Lets `rmtree` go on where DVC or git has made a file read-only."""
    Path(path).chmod(stat.S_IRWXU)
    remove(path)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a project with one version, which is champion; the project itself is the current directory."""
    folder = tmp_path_factory.mktemp("verification")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "project").mkdir()
        write_registered(folder / "project", patch)
        shutil.copytree(folder / "project", folder / "copy")
        yield folder / "copy"


@pytest.fixture(autouse=True)
def project(registered: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The project as it was registered; the database has another name for each test, because MLflow keeps it open."""
    for path in Path().iterdir():
        if path.is_dir():
            shutil.rmtree(path, onerror=_make_writable)
    shutil.copytree(registered, Path(), dirs_exist_ok=True, copy_function=shutil.copy)
    base = Path(f"mlflow-{hash(request.node.name)}.db").absolute()
    shutil.copy(registered / "mlflow.db", base)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{base}")


def verify_first() -> dict[str, Row]:
    """The rows of version 1 by name."""
    rows = verify("1").rows
    assert len({row.what for row in rows}) == len(rows)
    return {row.what: row for row in rows}


def find_wrong() -> dict[str, str]:
    """The state of each row that does not agree, by its name."""
    return {row.what: row.state for row in verify_first().values() if row.state != "agree"}


def tag(name: str, value: str = ZEROS) -> Harm:
    """Changes a tag of the version, when called."""
    return lambda: set_tags(find_version("1"), {name: value})


def replace_text(name: str, old: str, new: str) -> Harm:
    """Changes a text in a file of the registry, when called."""

    def harm() -> None:
        path = stored(name)
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return harm


def need_cache() -> None:
    """Takes the data away, so that DVC's cache has to have it."""
    shutil.rmtree("data")


def _first_png() -> Path:
    """The file of DVC's cache that holds an image."""
    files = (path for path in sorted(Path(".dvc/cache/files/md5").rglob("*")) if path.is_file())
    return next(path for path in files if path.read_bytes()[1:4] == b"PNG")


def lose_data() -> None:
    """Deletes all copies of the data."""
    need_cache()
    shutil.rmtree(".dvc/cache", onerror=_make_writable)


def lose_object() -> None:
    """Deletes a file of the data from DVC's cache."""
    need_cache()
    _first_png().unlink()


def damage_object() -> None:
    """Changes a file of the data in DVC's cache."""
    need_cache()
    change_byte(_first_png())


def change_line() -> None:
    """Changes the text of a line of the ledger."""
    execute(
        "UPDATE model_version_tags SET value = replace(value, 'because', 'why not') "
        "WHERE name = ? AND version = 1 AND key = 'line.0'",
        ledger_name(),
    )


def change_run_tag() -> None:
    """Changes a tag of the version's run."""
    with opened() as (_, client):
        client.set_tag(find_version("1").run_id, "data_md5", ZEROS)


def change_metric() -> None:
    """Logs a better score into the version's run."""
    with opened() as (_, client):
        client.log_metric(find_version("1").run_id, "mean_iou", 0.99, step=1)


def move_alias() -> None:
    """Makes another version champion by hand."""
    set_alias("champion", register_tiny(SKY))


def lose_commit() -> None:
    """Replaces the repository by one with another commit."""
    shutil.rmtree(".git", onerror=_make_writable)
    for words in ("init --quiet", "commit --quiet --allow-empty --message other"):
        subprocess.run(["git", *words.split()], check=True, env=os.environ | GIT)


HARMS: dict[str, tuple[Harm, dict[str, str]]] = {
    "byte in data": (lambda: change_byte(Path("data/images/0.png")), {"data": "differs"}),
    "file of data": (lambda: Path("data/masks/1.png").unlink(), {"data": "differs"}),
    "object gone from the cache": (lose_object, {"data": "missing"}),
    "object damaged in the cache": (damage_object, {"data": "differs"}),
    "data and cache": (lose_data, {"data": "missing"}),
    "param in params.yaml": (
        replace_text("params.yaml", "num_levels: 4", "num_levels: 5"),
        {"lineage/params.yaml": "differs"},
    ),
    "tag git_commit": (tag("git_commit", "0" * 40), {"tag git_commit": "differs"}),
    "tag data_md5": (tag("data_md5"), {"tag data_md5": "differs"}),
    "tag params_md5": (tag("params_md5"), {"tag params_md5": "differs"}),
    "tag dvc_lock_md5": (tag("dvc_lock_md5"), {"tag dvc_lock_md5": "differs"}),
    "tag model_md5": (tag("model_md5"), {"tag model_md5": "differs"}),
    "tag verdict_md5": (tag("verdict_md5"), {"tag verdict_md5": "differs"}),
    "tag contents_md5": (tag(CONTENTS_TAG), {"tag contents_md5": "differs"}),
    "tag evidence_md5": (tag("evidence_md5"), {"tag evidence_md5": "differs"}),
    "tag test_md5": (tag("test_md5"), {"tag test_md5": "differs"}),
    "tag verdict": (tag("verdict", "rejected"), {"tag verdict": "differs"}),
    "tag mean_iou": (tag("mean_iou", "0.990000"), {"tag mean_iou": "differs"}),
    "tag of the run": (change_run_tag, {"tags of the run": "differs"}),
    "ledger line": (change_line, {"ledger": "differs"}),
    "ledger line gone": (lambda: delete_version(list_versions(ledger_name())[0]), {"ledger": "differs"}),
    "last ledger line gone": (lambda: delete_version(list_versions(ledger_name())[-1]), {"ledger": "differs"}),
    "weight": (lambda: change_byte(stored("variables.data-00000-of-00001")), {"SavedModel": "differs"}),
    "serving code": (replace_text("mlflow_model.py", "import", "import os, "), {"serving code": "differs"}),
    "whole model": (lambda: shutil.rmtree("mlartifacts/models"), {"SavedModel": "missing"}),
    "byte in scores": (lambda: change_byte(stored("scores.json")), {"evaluate/scores.json": "differs"}),
    "scores": (replace_text("scores.json", "0.8", "0.9"), {"evaluate/scores.json": "differs"}),
    "verdict": (replace_text("verdict.json", "true", "false"), {"gate/verdict.json": "differs"}),
    "verdict gone": (lambda: stored("verdict.json").unlink(), {"gate/verdict.json": "missing"}),
    "dvc.lock": (replace_text("dvc.lock", "md5: ", "md5: 0"), {"lineage/dvc.lock": "differs"}),
    "requirements.lock": (replace_text("requirements.lock", "==", "==9"), {"lineage/requirements.lock": "differs"}),
    "pip_freeze": (replace_text("pip_freeze.txt", "numpy==", "numpy==9"), {"lineage/pip_freeze.txt": "differs"}),
    "contents": (replace_text("contents.json", "0", "1"), {"lineage/contents.json": "differs"}),
    "history": (replace_text("history.csv", "0.5", "0.1"), {"other files of the run": "differs"}),
    "run metric": (change_metric, {"metrics of the run": "differs"}),
    "run param": (
        lambda: execute("UPDATE params SET value = '5' WHERE key = 'train.network.num_levels'"),
        {"params of the run": "differs"},
    ),
    "run param gone": (
        lambda: execute("DELETE FROM params WHERE key = 'train.seed'"),
        {"params of the run": "missing"},
    ),
    "output": (lambda: change_byte(Path("work/train/history.csv")), {"output work/train": "differs"}),
    "output gone": (lambda: shutil.rmtree("work/train"), {"output work/train": "missing"}),
    "alias": (move_alias, {"aliases": "differs"}),
}


def test_a_version_as_it_was_registered() -> None:
    """Everything agrees, and nothing is written but the ledger's newest head."""
    assert find_wrong() == {}


@pytest.mark.parametrize(("harm", "wrong"), HARMS.values(), ids=HARMS)
def test_what_was_changed_is_named_alone(harm: Harm, wrong: dict[str, str]) -> None:
    """One row does not agree, and says what to do; all other rows agree."""
    harm()
    assert find_wrong() == wrong
    assert all(row.todo for row in verify_first().values() if row.what in wrong)


def test_a_commit_that_is_not_here() -> None:
    """Without the commit its row and those that need it are missing; the rest is verified all the same."""
    lose_commit()
    assert find_wrong() == {"commit": "missing"}
    assert "git fetch" in verify_first()["commit"].todo


def strip_contents() -> None:
    """Makes the version one of an older segline, which stored no list of contents."""
    version = find_version("1")
    tags = {name: version.tags[name] for name in BOUND}
    stored("contents.json").unlink()
    execute("DELETE FROM model_version_tags WHERE key = ?", CONTENTS_TAG)
    execute("DELETE FROM tags WHERE key = ?", CONTENTS_TAG)
    set_tags(version, {EVIDENCE_TAG: evidence_md5(tags)})
    with opened() as (_, client):
        client.set_tag(version.run_id, EVIDENCE_TAG, evidence_md5(tags))
    with closing(sqlite3.connect(tracking_uri().removeprefix(SQLITE))) as base, base:
        base.execute("DELETE FROM input_tags WHERE name NOT LIKE 'dvc.%'")


@pytest.mark.parametrize(
    "name",
    [
        *("byte in data", "param in params.yaml", "tag git_commit", "tag mean_iou", "weight", "byte in scores"),
        *("dvc.lock", "requirements.lock", "run metric", "run param", "verdict"),
    ],
)
def test_a_version_of_an_older_segline(name: str) -> None:
    """Without the list of contents other witnesses name what was changed."""
    strip_contents()
    assert find_wrong() == {}
    harm, wrong = HARMS[name]
    harm()
    assert wrong.items() <= find_wrong().items() and len(find_wrong()) <= 2


def test_files_of_the_data_are_named() -> None:
    """The row names files that were changed, are missing or are new."""
    HARMS["byte in data"][0]()
    HARMS["file of data"][0]()
    Path("data/images/new.png").touch()
    expected = "data here: images/0.png is changed; masks/1.png is missing; images/new.png is new"
    assert verify_first()["data"].found == expected


def test_what_is_published_of_the_champion_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File by file, if the environment says where; a changed byte and a publication that is gone are named."""
    assert not any(name.startswith("publi") for name in verify_first())
    monkeypatch.setenv("SEGLINE_PUBLISH", str(tmp_path))
    assert find_wrong() == {"publication": "missing"}
    folder = publish_champion().address
    rows = verify_first()
    assert sum(name.startswith("published 2/") for name in rows) >= 3 and not find_wrong()
    change_byte(Path(folder) / "saved_model.pb")
    assert find_wrong() == {"published 2/saved_model.pb": "differs"}


def test_each_producer_gives_rows() -> None:
    """No part of the verification is silent, but for a publication where none is made."""
    with opened_version("champion") as registered:
        assert [name for name, producer in PRODUCERS if not list(producer(registered))] == ["publication"]
