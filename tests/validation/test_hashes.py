"""Tests of the stored hashes."""

from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.validation.hashes import read_hashes, write_hashes


def test_hashes_are_read_as_they_were_written(tmp_path: Path) -> None:
    """All 64 bits, by name of sample."""
    hashes = {"b": 0, "a": 2**64 - 1, "c,d": 7}
    write_hashes(tmp_path / "hashes.csv", hashes)
    assert read_hashes(tmp_path / "hashes.csv") == hashes


@pytest.mark.parametrize("text", ["name,hash\na,7\n", "name\na\n"])
def test_damaged_hashes_are_refused(tmp_path: Path, text: str) -> None:
    """The message names the stage that writes them."""
    (tmp_path / "hashes.csv").write_text(text)
    with pytest.raises(EvidenceError, match="run the stage `validate`"):
        read_hashes(tmp_path / "hashes.csv")
