"""Tests of pipeline/promotion/data_since.py, with a registry."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest, write_manifest
from pipeline.errors import EvidenceError
from pipeline.promotion.data_since import STORED_FINGERPRINT, data_since
from pipeline.promotion.decide import Promotion
from pipeline.promotion.decision_report import decision_of, report_decision
from pipeline.promotion.leakage import STORED
from pipeline.registry.client import Version
from pipeline.registry.runs import create_run, log_text
from pipeline.report.evidence import DataSince
from pipeline.report.place import NEWEST
from tests.contest import ROAD, SKY, register, write_contest
from tests.finished_project import CLASSES

pytestmark = pytest.mark.services
WORK = Path("work")


@pytest.fixture
def champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """A version with the manifest and the fingerprint that are in `work/`."""
    write_contest(tmp_path, monkeypatch)
    return with_files(register(SKY), sky=16)


def with_files(version: Version, sky: int) -> Version:
    """Stores the manifest in `work/` with a version's run, and a fingerprint with pixels of sky among 64."""
    path = WORK / STORED_FINGERPRINT
    path.parent.mkdir(exist_ok=True)
    pixels = {"sky": sky, "road": 64 - sky}
    Fingerprint(CLASSES, (32, 32), {"train": 1}, (99.0,) * 3, (70.0,) * 3, pixels, {}).write(path)
    for name in (STORED, STORED_FINGERPRINT):
        log_text(version.run_id, (WORK / name).read_text(), name)
    return version


def change_manifest() -> None:
    """A sample goes, one comes to train; one is relabelled, one renamed, one moved to train, one gets another image."""
    rows = read_manifest()
    rows[0] = replace(rows[0], name="new", image_md5="n" * 32, split="train", group="new")
    rows[1] = replace(rows[1], mask_md5="m" * 32)
    rows[2] = replace(rows[2], name="renamed")
    rows[3] = replace(rows[3], split="train")
    rows[4] = replace(rows[4], image_md5="i" * 32)
    write_manifest(WORK / STORED, rows)


def test_equal_data_have_no_changes(champion: Version) -> None:
    """The shares are there all the same."""
    assert data_since(champion, WORK) == DataSince({}, (), {"sky": (0.25, 0.25), "road": (0.75, 0.75)})


def test_changes_are_counted_by_split(champion: Version) -> None:
    """Train, val and test; the shares of a class before and now."""
    change_manifest()
    with_files(register(ROAD), sky=32)
    assert data_since(champion, WORK) == DataSince(
        samples={
            "added": (1, 0, 0),
            "removed": (0, 0, 1),
            "relabelled": (0, 0, 1),
            "other image": (0, 0, 1),
            "renamed": (0, 0, 1),
        },
        moves=("1 group moved from test to train: group 3",),
        class_shares={"sky": (0.25, 0.5), "road": (0.75, 0.5)},
    )


def test_what_is_missing_or_damaged(champion: Version) -> None:
    """Without a manifest there is nothing to compare; a damaged one is refused."""
    assert data_since(replace(champion, run_id=create_run()), WORK) is None
    (WORK / STORED_FINGERPRINT).unlink()
    found = data_since(champion, WORK)
    assert found and not found.class_shares
    (WORK / STORED).write_text("name\nx\n")
    with pytest.raises(EvidenceError, match="manifest.csv"):
        data_since(champion, WORK)


def test_the_report_has_a_section(champion: Version) -> None:
    """Of a model that was compared with a champion: numbers, moved groups, shares."""
    change_manifest()
    challenger = with_files(register(ROAD), sky=32)
    report_decision(1, challenger, decision_of(Promotion(True, (), challenger, champion, {}, line=1)))
    text = NEWEST.read_text()
    assert "Data since the champion" in text and "Compared with the data of segline/1" in text
    assert "<td>relabelled</td><td>0</td><td>0</td><td>1</td>" in text and "moved from test to train: group 3" in text
    assert "<td>sky</td><td>25.0%</td><td>50.0%</td>" in text
    report_decision(2, champion, decision_of(Promotion(True, (), champion, champion, {}, line=2)))
    assert "Images and labels are those of segline/1" in NEWEST.read_text()
    report_decision(3, champion, decision_of(Promotion(True, (), champion, None, {}, line=3)))
    assert "Data since the champion" not in NEWEST.read_text()
