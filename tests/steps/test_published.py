"""Tests of the command `segline published`."""

from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.steps.published import published, show
from tests.publications import publish_files, write_files


def test_each_comparison_is_shown_and_a_wrong_one_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1; all is printed before, and a file's odd name is no control character on the terminal."""
    publish_files(str(tmp_path), write_files(tmp_path / "model", "one"), 3)
    show(published(str(tmp_path)))
    assert capsys.readouterr().out.splitlines()[0] == "right  number of the ledger's line: 3"
    (tmp_path / "segline/3/a\x1b[2J").write_text("added")
    with pytest.raises(
        EvidenceError, match=r"^3/a.x1b\[2J: is not as it was published; .* run `segline publish`$"
    ) as caught:
        show(published(str(tmp_path)))
    assert caught.value.exit_code == 1
    assert r"WRONG  3/a\x1b[2J: " in capsys.readouterr().out
