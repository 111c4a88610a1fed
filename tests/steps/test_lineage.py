"""Tests of the command `segline lineage`."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.steps.lineage import lineage, show
from tests.provenance_project import write_registered

pytestmark = pytest.mark.services

OUT = Path("out/of here")


@pytest.fixture(scope="module", autouse=True)
def _project(tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = pytest.MonkeyPatch()
    write_registered(tmp_path_factory.mktemp("project"), patch)


def test_three_files(capsys: pytest.CaptureFixture[str]) -> None:
    """A picture, events and a bill are written, the same bytes each time."""
    written = lineage("champion", OUT)
    before = {path: path.read_bytes() for path in OUT.iterdir()}
    assert set(before) == set(written[1:]) and len(before) == 3
    lineage("1", OUT)
    assert {path: path.read_bytes() for path in OUT.iterdir()} == before
    show(written)
    assert "segline/1: out/of here/lineage.svg, out/of here/openlineage.ndjson" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["lineage.svg", "openlineage.ndjson", "bom.cdx.json"])
def test_a_file_of_another_is_kept(name: str, tmp_path: Path) -> None:
    """A file that this command did not write stops it before it writes any."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match=f"{name}: was not written by `segline lineage`; move it away"):
        lineage("champion", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"


def test_a_link_is_not_replaced(tmp_path: Path) -> None:
    """A link, or a file in place of the folder, is refused."""
    (tmp_path / "lineage.svg").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="was not written by"):
        lineage("champion", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file, expected a folder"):
        lineage("champion", tmp_path / "file")
