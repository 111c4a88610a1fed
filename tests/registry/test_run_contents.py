"""Tests of the list of a run's contents."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError
from pipeline.registry.run_contents import RunContents, md5_of_text
from pipeline.registry.run_record import RunRecord


def test_files_of_a_record(tmp_path: Path) -> None:
    """Each file has its path in the run: a folder's files below the folder, a text where it is written."""
    (tmp_path / "docs/inner").mkdir(parents=True)
    for name in ("docs/a", "docs/inner/b", "c"):
        (tmp_path / name).write_text(name)
    stored = ((tmp_path / "docs", "d"), (tmp_path / "c", "e/f"))
    record = RunRecord({}, {"p": "1"}, {"m": 0.5}, (), stored, {"g/h.txt": "ä\n"}, "data", "0")
    contents = RunContents.of(record)
    assert contents.files == {
        "d/a": md5_of(tmp_path / "docs/a"),
        "d/inner/b": md5_of(tmp_path / "docs/inner/b"),
        "e/f/c": md5_of(tmp_path / "c"),
        "g/h.txt": md5_of_text("ä\n"),
    }
    assert contents.params == {"p": "1"} and contents.metrics == {"m": 0.5}


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False, allow_infinity=False)))
def test_reading_gives_what_was_written(tmp_path_factory: pytest.TempPathFactory, metrics: dict[str, float]) -> None:
    """Every finite number and name survives, and equal contents give equal text."""
    path = tmp_path_factory.mktemp("contents") / "contents.json"
    contents = RunContents({"a": "0"}, {}, metrics)
    path.write_text(contents.text)
    assert RunContents.read(path) == contents and RunContents.read(path).text == contents.text


def test_another_file(tmp_path: Path) -> None:
    """A file that registering did not write is refused."""
    (tmp_path / "x").write_text("{}")
    with pytest.raises(EvidenceError, match="is not what `segline register` writes"):
        RunContents.read(tmp_path / "x")
