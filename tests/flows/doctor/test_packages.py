"""Tests of flows/doctor/packages.py."""

from pathlib import Path

import pytest

from flows.doctor.packages import LOCK, compare, look_at_packages, read_lock
from pipeline.errors import StageError

LINES = """\
numpy==2.1.0 \\
    --hash=sha256:0
Great_Expectations==1.24.1
only-old==1.0 ; python_full_version < '3.0' \\
"""


def test_packages_of_other_machines_do_not_count(tmp_path: Path) -> None:
    """Names are compared as package indexes do; lines for another Python or system are left out."""
    path = tmp_path / "requirements.lock"
    path.write_text(LINES)
    locked = read_lock(path)
    assert locked == {"numpy": "2.1.0", "great-expectations": "1.24.1"}
    assert list(compare(locked, {"NumPy": "2.2.0", "other": "1"})) == [
        "numpy is 2.2.0, locked 2.1.0",
        "great-expectations is missing",
    ]
    assert not list(compare(locked, {"numpy": "2.1.0", "great.expectations": "1.24.1"}))


@pytest.mark.parametrize("text", [None, "numpy 2\n"])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str | None) -> None:
    """A missing or damaged lock is an error that names the file."""
    path = tmp_path / "requirements.lock"
    if text:
        path.write_text(text)
    with pytest.raises(StageError, match=r"requirements\.lock: (not found|is not a lock)"):
        read_lock(path)


def test_another_version_is_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the package and the command."""
    path = tmp_path / "requirements.lock"
    path.write_text("numpy==0.1\n")
    monkeypatch.setattr("flows.doctor.packages.LOCK", path)
    (finding,) = look_at_packages()
    assert "numpy is " in finding.state and finding.todo == "`make install`"
    assert len(read_lock(LOCK)) > 100
