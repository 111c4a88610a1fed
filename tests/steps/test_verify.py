"""Tests of the command `segline verify`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.provenance.rows import Row
from pipeline.provenance.verification import Verification
from pipeline.registry.client import Version
from pipeline.steps.verify import show, verify
from tests.hostile_registry import texts
from tests.provenance_project import write_registered

MD5 = "0123456789abcdef" * 2 + ".dir"
VERSION = Version("segline", 1, "", (), {}, None)


def test_what_agrees(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each thing, with the beginning of an MD5; the command ends well."""
    monkeypatch.setenv("COLUMNS", "100")
    show(Verification(VERSION, (Row("data", MD5, "data here", "agree"),)))
    out = capsys.readouterr().out
    assert "0123456789ab " in out and "agree" in out and "cdef0123" not in out


@pytest.mark.parametrize("state", ["differs", "missing"])
def test_what_does_not_agree(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What to do is printed below the table, and the exit code is 1."""
    with pytest.raises(SystemExit, match="1"):
        show(Verification(VERSION, (Row("data", MD5, "-", state, "pull it"),)))  # type: ignore[arg-type]
    assert f"data {state}: pull it" in capsys.readouterr().out


@given(st.lists(st.builds(Row, texts(), texts(), texts(), st.just("agree"), texts()), max_size=3))
def test_text_from_the_registry(rows: list[Row]) -> None:
    """Text of any kind is shown as text."""
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()) as out:
        show(Verification(VERSION, tuple(rows)))
    assert "\x1b" not in out.getvalue() and "secret@" not in out.getvalue()


@pytest.mark.services
def test_a_registered_version(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is named by number or alias."""
    version = write_registered(tmp_path_factory.mktemp("project"), monkeypatch)
    result = verify("champion")
    assert result.agrees and result.version.number == version.number
