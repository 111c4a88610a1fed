"""Tests of files that appear whole or not at all, and of DVC's names."""

import errno
import hashlib
import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.files import (
    check_room,
    check_writable,
    flush,
    md5_of,
    read_json,
    read_yaml,
    write_json,
    written_whole,
)
from pipeline.errors import DataError, EvidenceError, StageError
from tests.conftest import on_a_full_disk, small_files


def _fill(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "file").write_text(text)


def test_a_folder_is_replaced_at_once(tmp_path: Path) -> None:
    """The new folder stands where the old one was, and nothing else is left."""
    for text in ("old", "new"):
        with written_whole(tmp_path / "out") as part:
            _fill(part, text)
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_block_changes_nothing(tmp_path: Path) -> None:
    """The old content stays when the block raises, and the new part is removed."""
    _fill(tmp_path / "out", "old")
    with pytest.raises(RuntimeError), written_whole(tmp_path / "out") as part:
        _fill(part, "half")
        raise RuntimeError
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_rest_of_a_killed_run_is_swept_away(tmp_path: Path) -> None:
    """The rest of a killed run does not end up in the next result."""
    _fill(tmp_path / ".out.part", "rest")
    with written_whole(tmp_path / "out") as part:
        part.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


def test_a_linked_folder_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    """A link gives way to the new folder; what it pointed to is not touched."""
    _fill(tmp_path / "elsewhere", "theirs")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with written_whole(tmp_path / "out") as part:
        _fill(part, "ours")
    assert (tmp_path / "out" / "file").read_text() == "ours"
    assert (tmp_path / "elsewhere" / "file").read_text() == "theirs"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EIO])
def test_a_failed_flush_is_an_error_unless_the_file_system_knows_none(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of the disk is not passed over in silence; no file descriptor is left open."""

    def fail(_: int) -> None:
        raise OSError(code, "no")

    flush(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)
    num_open = len(list(Path("/proc/self/fd").iterdir()))
    with nullcontext() if code == errno.EINVAL else pytest.raises(OSError, match="no"):
        flush(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == num_open


@on_a_full_disk
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """No space left ends in a message, and what was there stays."""
    (tmp_path / "out").write_text("old")
    with (
        pytest.raises(
            StageError, match="no space left on the disk, or the file is larger than this .*; out was not written"
        ),
        written_whole(tmp_path / "out") as part,
    ):
        part.symlink_to("/dev/full")
        part.write_text("new")
    assert (tmp_path / "out").read_text() == "old"


def test_a_file_that_may_not_grow_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    """The system's limit of a file's size (`ulimit -f`) ends in a message, and what was there stays."""
    (tmp_path / "out").write_text("old")
    with (
        small_files(),
        pytest.raises(StageError, match=f"{tmp_path}/out: no space left on the disk, or the file is larger than this"),
        written_whole(tmp_path / "out") as part,
    ):
        part.write_bytes(bytes(1 << 20))
    assert (tmp_path / "out").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_another_error_of_the_system_is_passed_on(tmp_path: Path) -> None:
    """Only a full disk is translated."""
    with pytest.raises(OSError, match="elsewhere") as raised, written_whole(tmp_path / "out"):
        (tmp_path / "elsewhere").read_text()
    assert raised.value.errno == errno.ENOENT


@given(
    content=st.dictionaries(
        st.text(), st.one_of(st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False))
    )
)
def test_json_round_trip(content: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    """The content comes back as it was written."""
    path = tmp_path_factory.mktemp("json") / "content.json"
    write_json(path, content)
    assert read_json(path, "this test") == content


def test_json_refuses_nan(tmp_path: Path) -> None:
    """A nan is refused."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_missing_or_broken_json_says_who_writes_it(tmp_path: Path) -> None:
    """The message names the step to run."""
    with pytest.raises(EvidenceError, match="not found; the stage `gate` writes it"):
        read_json(tmp_path / "x.json", "the stage `gate`")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(EvidenceError, match="is not JSON .* run the stage `gate` again"):
        read_json(tmp_path / "x.json", "the stage `gate`")


@pytest.mark.parametrize("content", [b"a: [", b"\xff"])
def test_missing_or_broken_yaml_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    """The error is of the kind that was asked for; a file that exists is to be repaired, not made."""
    with pytest.raises(DataError, match="x.yaml: not found; make it"):
        read_yaml(tmp_path / "x.yaml", DataError, "make it")
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(DataError, match=r"x.yaml: is not YAML \((.|\n)*; correct or restore it"):
        read_yaml(tmp_path / "x.yaml", DataError, "make it")


def test_md5_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    """Also of a file larger than what is read at once."""
    content = bytes(range(256)) * 8192
    (tmp_path / "file").write_bytes(content)
    assert md5_of(tmp_path / "file") == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_md5_of_a_folder_is_that_of_dvc(project: Path) -> None:
    """DVC gives the same name to a folder with hidden, nested, empty and oddly named parts."""
    from pipeline.dataset.versions import add_data

    for name in ("data/a/x", "data/a.b/x", "data/.hidden", "data/ü/ñ o.txt"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"{name}\r\n")
    (project / "data/empty").mkdir()
    assert md5_of(Path("data")) == add_data()


def test_a_folder_that_cannot_be_written_to_is_reported(tmp_path: Path) -> None:
    """A folder is made; a file in its place is named with the reason."""
    check_writable(tmp_path / "a/b")
    assert not list((tmp_path / "a/b").iterdir())
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file/b"):
        with pytest.raises(
            StageError, match=f"{folder}: cannot be written to .* make it a folder with write permission"
        ):
            check_writable(folder)


def test_a_disk_without_room_is_reported(tmp_path: Path) -> None:
    """Both numbers are given; what fits is accepted."""
    check_room(tmp_path, 1)
    with pytest.raises(
        StageError, match="no space left on the disk: .* MB are needed, .* MB are free; free some space"
    ):
        check_room(tmp_path, 1 << 60)
