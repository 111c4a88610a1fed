"""Tests of flows/doctor/finding.py."""

from pathlib import Path

from flows.doctor.finding import rm, some


def test_many_names_are_cut() -> None:
    """Five are named, for the shell with quotes where it needs them."""
    names = [f"a {number}" for number in range(7)]
    assert some(names) == "a 0, a 1, a 2, a 3, a 4 and 2 more"
    assert some(names[:1]) == "a 0"
    assert rm([Path(names[0]), Path("b")]) == "`rm -rf 'a 0' b`"
    assert rm(list(map(Path, names))).endswith("'a 4'` and so on")
