"""The door to Great Expectations."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disk.files import md5_of
from pipeline.errors import StageError
from pipeline.validation.checks import Check
from pipeline.validation.expectations import Judge
from tests.layout import ROOT

FILE = {"file": "data/images/a.png"}
ON = Check("on", "on", "on is {on}", "switch it on", allowed=(True,))
SHARE = Check("share", "share", "share is {share}", "lower it", most=0.5, severity="warning")
COUNT = Check("count", "count", "count is {count}", "raise it", least=2)
CHECKS = (ON, SHARE, COUNT)
WRITE_DOCS = """
import sys
from pathlib import Path
from pipeline.errors import StageError
from pipeline.validation.expectations import Judge
from tests.validation.test_expectations import CHECKS, row
judge = Judge()
judge.judge("samples", [row(str(i), i % 3 > 0, i / 50, i) for i in range(50)], "name", CHECKS)
judge.write_docs(Path(sys.argv[1]))
"""


def row(name: str, on: bool | None = True, share: float | None = 0.1, count: int | None = 3) -> dict[str, Any]:
    """A row that passes."""
    return {"name": name, "on": on, "share": share, "count": count, **FILE}


@pytest.fixture(scope="module")
def judge() -> Judge:
    """One judge, for it takes seconds to come."""
    return Judge()


def test_failing_rows_are_told(judge: Judge) -> None:
    """Every check tells its rows, in their order, with its words and severity."""
    rows = [row("b", on=False), row("a", share=0.75), row("c"), row("d", on=False, count=1)]
    found = [(one.name, one.check, one.severity, one.reason) for one in judge.judge("told", rows, "name", CHECKS)]
    assert found == [
        ("b", "on", "error", "on is False"),
        ("d", "on", "error", "on is False"),
        ("a", "share", "warning", "share is 0.75"),
        ("d", "count", "error", "count is 1"),
    ]


def test_what_is_not_known_is_not_judged(judge: Judge) -> None:
    """None passes, beside other values and when there is nothing else."""
    assert judge.judge("some", [row("a", None, None, None), row("b")], "name", CHECKS) == []
    assert judge.judge("none", [row("a", None, None, None)], "name", CHECKS) == []
    assert judge.judge("empty", [], "name", CHECKS) == []


RANGES = itertools.count()
numbers = st.none() | st.floats(0, 1)


@given(values=st.lists(numbers, min_size=1, max_size=8))
@settings(max_examples=5, deadline=None)
def test_range_is_that_of_python(judge: Judge, values: list[float | None]) -> None:
    """A row fails when its number is above the limit."""
    found = judge.judge(
        f"range {next(RANGES)}", [row(str(i), share=value) for i, value in enumerate(values)], "name", [SHARE]
    )
    assert [int(one.name) for one in found] == [i for i, value in enumerate(values) if value and value > 0.5]


def test_missing_column_is_our_mistake(judge: Judge) -> None:
    """A check of a column that is not there does not pass in silence."""
    with pytest.raises(AssertionError, match='on: .*The column "on" in BatchData does not exist'):
        judge.judge("missing", [{"name": "a", **FILE}], "name", [ON])


@pytest.mark.e2e
def test_docs_are_the_same_in_another_process(tmp_path: Path) -> None:
    """The hash seed changes no byte of the pages, and nothing is written to the home folder."""
    (tmp_path / "home").mkdir()
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed, "HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", WRITE_DOCS, str(tmp_path / seed)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert md5_of(tmp_path / "1") == md5_of(tmp_path / "2")
    assert list((tmp_path / "home").iterdir()) == []


def test_docs_hold_no_time_and_no_path(tmp_path: Path) -> None:
    """Equal tables give equal bytes; no path, time or address of a remote picture is in them."""
    for folder in (tmp_path / "1", tmp_path / "2"):
        judge = Judge()
        judge.judge("samples", [row(str(i), i % 3 > 0, i / 50, i) for i in range(50)], "name", CHECKS)
        judge.write_docs(folder)
    assert md5_of(tmp_path / "1") == md5_of(tmp_path / "2")
    text = "".join(page.read_text() for page in (tmp_path / "1").rglob("*.html"))
    assert str(tmp_path) not in text and "web-assets" not in text and "on (error): on is True" in text
    assert not re.search(r"20\d\d-\d\d-\d\dT|20\d{6}T", text)


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are written where they were asked for and nowhere else."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    judge = Judge()
    judge.judge("samples", [row("a")], "name", CHECKS)
    judge.write_docs(tmp_path / "docs")
    assert (tmp_path / "docs" / "index.html").exists()
    assert not list((tmp_path / "temporary").iterdir())


def test_index_links_every_page(judge: Judge, tmp_path: Path) -> None:
    """The pages can be reached without scripts from the internet; former docs are replaced."""
    judge.judge("linked", [row("a", on=False)], "name", CHECKS)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.html").touch()
    judge.write_docs(tmp_path / "docs")
    links = re.findall(r'<li><a href="([^"]+)">', (tmp_path / "docs" / "index.html").read_text())
    assert "expectations/linked.html" in links and all((tmp_path / "docs" / link).is_file() for link in links)
    assert not (tmp_path / "docs" / "old.html").exists()


def test_page_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Great Expectations swallows the reason why a page is missing, so we look; former docs stay."""
    judge = Judge()
    judge.judge("x" * 300, [row("a")], "name", CHECKS)
    (tmp_path / "docs").mkdir()
    with pytest.raises(StageError, match=r"docs: the pages on x+ could not be written.*free some space"):
        judge.write_docs(tmp_path / "docs")
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]  # with a traceback
