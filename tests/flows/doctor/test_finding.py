"""Tests of flows/doctor/finding.py."""

from pathlib import Path

from flows.doctor.finding import rm


def test_many_paths_are_cut() -> None:
    """Five are named, for the shell with quotes where it needs them."""
    names = [f"a {number}" for number in range(7)]
    assert rm([Path(names[0]), Path("b")]) == "`rm -rf 'a 0' b`"
    assert rm(list(map(Path, names))).endswith("'a 4'` and so on")
