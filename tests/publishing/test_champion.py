"""Tests of publishing the champion of a registry."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import minisign
import numpy as np
import pytest

from pipeline.errors import RegistryError, StorageError
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line
from pipeline.publishing.champion import follow_champion, open_place, publish_champion, show_followed
from pipeline.publishing.check import check_publication
from pipeline.publishing.publication import Published, Unpublished
from pipeline.publishing.record import RECORD, SIGNATURE
from pipeline.registry.client import set_alias
from tests.contest import LINEAGE, ROAD, SKY, register, write_contest

pytestmark = pytest.mark.services

PUBLISH = [sys.executable, "-m", "segline", "publish"]


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accepted versions, and nobody is champion."""
    write_contest(tmp_path, monkeypatch)
    Path("dvc.yaml").write_text("stages: {}\n")
    for favourite in (SKY, ROAD):
        register(favourite)


def move(kind: Any, version: int) -> None:
    """Makes a version champion by a line of the ledger."""
    standing = read_standing()
    record(new_line(kind, version, standing.lines, standing.found, ["why"], {}))


def test_the_champion_is_published_as_tensorflow_serving_reads_it(tmp_path: Path) -> None:
    """The folder is a SavedModel; the record says which version it is, by which line, and of what it was made."""
    import tensorflow as tf

    move("promote", 2)
    served = tmp_path / "served"
    assert publish_champion(str(served)) == Published(f"{served}/segline/1", "segline/2", 1, "published", ())
    loaded = tf.saved_model.load(str(served / "segline/1"))
    ids = loaded.signatures["serving_default"](images=tf.zeros((1, 4, 6, 3), tf.uint8))["ids"].numpy()
    assert (ids == np.full((1, 4, 6), ROAD)).all()
    content = json.loads((served / "segline/1" / RECORD).read_text())
    assert (content["model"], content["version"], content["ledger_line"]) == ("segline", 2, 1)
    assert {name: content[name] for name in ("git_commit", "data_md5")}.items() <= LINEAGE.items()
    assert {"saved_model.pb", "variables/variables.index"} <= set(content["files"])
    assert not (served / "segline/1" / SIGNATURE).exists()
    assert publish_champion(str(served)).what == "unchanged"


def test_a_rollback_gets_a_larger_number(destination: str) -> None:
    """TensorFlow Serving serves the largest; what was published before stays beside it, as many as wanted."""
    for kind, version in (("promote", 1), ("promote", 2), ("rollback", 1)):
        move(kind, version)
        published = publish_champion(destination, keep=2)
    assert (published.version, published.number, published.removed) == ("segline/1", 3, (1,))
    assert all(row.is_right for row in check_publication(destination))


def test_a_publication_is_signed_if_there_is_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a signature gets one; publishing without the key leaves it. `minisign -V` verifies it."""
    move("promote", 1)
    pair = minisign.KeyPair.generate()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(bytes(pair.secret_key))
    (tmp_path / "key.pub").write_bytes(bytes(pair.public_key) + b"\n")
    publish_champion("served")
    monkeypatch.setenv("SEGLINE_SIGNING_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("SEGLINE_PUBLIC_KEY_FILE", str(tmp_path / "key.pub"))
    assert [publish_champion("served").what for _ in range(2)] == ["repaired", "unchanged"]
    monkeypatch.delenv("SEGLINE_SIGNING_KEY_FILE")
    assert publish_champion("served").what == "unchanged"
    assert all(row.is_right for row in check_publication("served"))
    if not shutil.which("minisign"):
        pytest.skip("the program minisign is not installed (apt-get install minisign)")
    words = ["minisign", "-V", "-p", "key.pub", "-m", f"served/segline/1/{RECORD}"]
    assert "version 1, ledger line 1" in subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_without_a_champion_nothing_is_published(tmp_path: Path) -> None:
    """Nor if the alias was moved by hand."""
    with pytest.raises(RegistryError, match="there is no champion to publish; `segline promote` makes one"):
        publish_champion("served")
    move("promote", 1)
    set_alias("champion", register(ROAD))
    with pytest.raises(RegistryError, match="moved by hand"):
        publish_champion("served")
    assert not open_place("served").list_files()


def test_a_larger_number_of_somebody_else_is_named(destination: str) -> None:
    """It would be served in place of the champion; nothing is published beside it."""
    move("promote", 1)
    publish_champion(destination)
    open_place(destination).add(20240101, {"saved_model.pb": Path("params.yaml")})
    move("promote", 2)
    with pytest.raises(StorageError, match=r"segline/20240101: TensorFlow Serving serves it.* champion, 2, .*move it"):
        publish_champion(destination)
    assert {path.partition("/")[0] for path in open_place(destination).list_files()} == {"1", "20240101"}


def test_destination_and_number_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments come before the environment; what is neither is refused before anything is read."""
    with pytest.raises(StorageError, match="no destination is named; name a folder or .* set SEGLINE_PUBLISH"):
        publish_champion()
    for place, says in (("gs://b/p", "is no place to publish to"), ("s3://", "expected s3://bucket/prefix")):
        with pytest.raises(StorageError, match=says):
            publish_champion(place)
    for keep in (0, -1):
        with pytest.raises(StorageError, match=f"the number of publications to keep is '{keep}'; expected"):
            publish_champion("served", keep)
    for text in ("0", "many", "2.5", "²", "-3"):
        monkeypatch.setenv("SEGLINE_PUBLISH_KEEP", text)
        with pytest.raises(StorageError, match="SEGLINE_PUBLISH_KEEP is '.*'; expected a whole number from 1"):
            publish_champion("served")
    monkeypatch.setenv("SEGLINE_PUBLISH_KEEP", "1")
    for version in (1, 2, 1):
        move("promote", version)
        publish_champion("served", keep=2 if version == 2 else None)
    assert sorted(path.name for path in Path("served/segline").iterdir()) == [".segline", "3"]


def test_publishing_follows_a_decision(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """If a destination is set and there is a champion; a failure is a sentence that names the repair."""
    assert follow_champion() is None
    monkeypatch.setenv("SEGLINE_PUBLISH", "served")
    assert follow_champion() is None
    move("promote", 1)
    for says in ("published: served/segline/1", "was published already: served/segline/1"):
        show_followed(follow_champion())
        assert capsys.readouterr().out == f"segline/1 {says}\n"
    monkeypatch.setenv("SEGLINE_PUBLISH", "params.yaml")
    failed = follow_champion()
    assert isinstance(failed, Unpublished)
    with pytest.raises(StorageError, match=r"this decision stands .*params.yaml.*`segline publish` publishes it$"):
        show_followed(failed)


@pytest.mark.e2e
def test_publishers_at_once_end_with_the_newest_champion(destination: str) -> None:
    """Processes that began with another champion, or with the same one, leave the newest whole."""
    move("promote", 1)
    early = [subprocess.Popen([*PUBLISH, destination, "--keep", "1"], stderr=-1, text=True) for _ in range(2)]
    move("promote", 2)
    late = [subprocess.Popen([*PUBLISH, destination, "--keep", "1"], stderr=-1, text=True) for _ in range(2)]
    for process in (*early, *late):
        assert (process.communicate()[1], process.returncode) == ("", 0)
    line = read_standing().state.last_move
    rows = check_publication(destination)
    assert rows[0].expected == str(line) and all(row.is_right for row in rows)
    assert publish_champion(destination, keep=1).what == "unchanged"
    assert {path.partition("/")[0] for path in open_place(destination).list_files()} == {str(line)}
