"""Tests of the reserve: what nobody else looks at, opened and counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset.manifest import MANIFEST, read_manifest, write_manifest
from pipeline.dataset.splits import RESERVE, RESERVE_SALT, place_of
from pipeline.errors import DataError
from pipeline.ledger.ledger import read_ledger
from pipeline.steps import audit as step
from pipeline.steps import status
from pipeline.steps.audit import audit
from pipeline.steps.promote import promote
from pipeline.steps.validate import validate
from tests.contest import FREE, ROAD, SKY, number_by_alias, register, write_contest, write_split
from tests.drawn_data import small_params, write_data

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch, **FREE)


def test_each_opening_is_a_line_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The score is that of the reserve alone; no alias moves, and promotion goes on as before."""
    write_split(tmp_path / "data", [2] * 6 + [6] * 6)
    rows = read_manifest()
    reserve = [replace(row, split=RESERVE) if int(row.name) >= 6 else row for row in rows]
    write_manifest(MANIFEST, [replace(row, split="train") if row.name == "6" else row for row in reserve])
    register(ROAD)
    write_manifest(MANIFEST, reserve)
    promote()
    assert promote().champion is not None
    assert read_ledger()[0].evidence["mean_ious"] == {"1": 0.375}
    found = [audit(), audit("1")]
    step.show(found[1])
    assert "segline/1 has mean IoU 0.1250 (0.1250 to 0.1250, 95% interval) on the 6 groups" in capsys.readouterr().out
    assert [one.line for one in found] == [3, 4] and "opening 2" in found[1].reasons[0]
    assert "segline/1 was trained or chosen on 1 of the reserve's images (1 the same file" in found[1].reasons[1]
    assert read_ledger()[-1].evidence["audit"]["estimate"] == 0.125
    assert number_by_alias() == {"challenger": 1, "champion": 1}
    register(SKY)
    assert not promote().promoted
    status.show(status.status())
    assert "line 4: segline/1 has mean IoU 0.1250" in capsys.readouterr().out


def test_empty_reserve() -> None:
    """Without a reserve there is nothing to open, and no line is written."""
    register(ROAD)
    promote()
    with pytest.raises(DataError, match=r"the reserve is empty: .* raise validate\.reserve"):
        audit()
    assert len(read_ledger()) == 1


def test_a_reserve_that_takes_all_test_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`validate` says so, before anything is trained."""
    folder = tmp_path / "small"
    folder.mkdir()
    groups = {row.group for row in write_data(folder, num_train=4, num_val=2, num_test=2) if row.split == "test"}
    monkeypatch.chdir(folder)
    share = max(place_of(group, RESERVE_SALT) for group in groups) + 1e-9
    params = small_params().validate_.model_copy(update={"reserve": share})
    with pytest.raises(DataError, match=r"split test has no sample; .*validate\.reserve"):
        validate(Path("data"), params, Path("out"))
