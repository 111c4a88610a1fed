"""Tests of promotion: real models, scored on the test split that is there today."""

from pathlib import Path

import pytest

from pipeline.dataset import ClassList, write_contract
from pipeline.errors import EvidenceError, RegistryError
from pipeline.files import md5_of
from pipeline.registration import create_version
from pipeline.registry import Version, create_run, find_alias, find_version, list_versions, opened, set_alias
from pipeline.steps import promote as step
from pipeline.steps.promote import decide, promote
from tests.finished_project import CLASSES, tiny_model, use_registry, write_data

SKY, ROAD = 0, 1  # mean IoU of a model that says only this: 0.125 and 0.375


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "data")
    use_registry(tmp_path, monkeypatch)


def register(favourite: int, **tags: str) -> Version:
    """Registers a tiny model as the challenger."""
    model = tiny_model(favourite)
    with opened() as (_, client):
        run_id = create_run(client)
    version = create_version(run_id, model, "", {"model_md5": md5_of(model), "verdict": "accepted", **tags})
    set_alias("challenger", version)
    return version


def numbers() -> dict[str, int]:
    """The version that each alias points to."""
    return {alias: version.number for version in list_versions() for alias in version.aliases}


def test_first_champion_needs_no_rival(capsys: pytest.CaptureFixture[str]) -> None:
    """The first accepted version becomes champion, and says so."""
    register(SKY)
    decision = promote()
    assert decision.promoted and decision.champion is None
    assert "PROMOTED: segline/1 has mean IoU 0.1250 on today's test split and is the first" in capsys.readouterr().out
    assert numbers() == {"challenger": 1, "champion": 1}
    tags = list_versions()[0].tags
    assert tags["rescored_mean_iou"] == "0.125000" and tags["decision"] == str(decision) and tags["rescored_test_md5"]


def test_better_challenger_takes_the_place() -> None:
    """A higher mean IoU moves the alias, and the former champion becomes previous; asked again nothing happens."""
    register(SKY)
    promote()
    register(ROAD)
    decision = promote()
    assert decision.promoted and "segline/2 has mean IoU 0.3750 " in decision.reason
    assert decision.reason.endswith("the champion segline/1 has 0.1250")
    assert numbers() == {"challenger": 2, "champion": 2, "previous": 1}
    assert str(promote()) == "NOT PROMOTED: segline/2 is the champion already"


@pytest.mark.parametrize("challenger", [SKY, ROAD])
def test_champion_that_is_not_beaten_stays(challenger: int) -> None:
    """A worse challenger and an equal one are not promoted; that is a result, kept in the tags, and no error."""
    register(ROAD)
    promote()
    register(challenger)
    decision = promote()
    assert not decision.promoted and decision.reason.endswith("the champion segline/1 has 0.3750; it has to be beaten")
    assert numbers() == {"challenger": 2, "champion": 1}
    assert list_versions()[1].tags["decision"].startswith("NOT PROMOTED: segline/2 has mean IoU ")


def test_scores_of_nothing_do_not_promote() -> None:
    """A mean IoU that is nan never beats a champion."""
    version = register(SKY)
    assert not decide(version, version, float("nan"), 0.1).promoted
    assert not decide(version, None, float("nan")).promoted
    assert not decide(version, version, 0.1, float("nan")).promoted


def test_version_by_number() -> None:
    """Any accepted version can be named; one that is not there is refused."""
    register(ROAD)
    register(SKY)
    assert promote("1").promoted and numbers()["champion"] == 1
    with pytest.raises(RegistryError, match="segline/9: not found"):
        promote("9")


def test_without_a_verdict_there_is_no_promotion() -> None:
    """A version that the gate did not accept is refused."""
    register(ROAD, verdict="rejected")
    with pytest.raises(EvidenceError, match="segline/1: has no accepted verdict"):
        promote()
    assert find_alias("champion") is None


def test_without_a_challenger(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty registry is told as such."""
    with pytest.raises(RegistryError, match="segline@challenger: not found"):
        step.main()


def test_test_split_that_was_not_validated(tmp_path: Path) -> None:
    """A test image that was changed after validation is named, and nothing moves."""
    register(ROAD)
    image = tmp_path / "data/images/0.png"
    image.write_bytes(image.read_bytes() + b"x")
    with pytest.raises(EvidenceError, match=r"data/images/0.png: is not the file that was validated; run `dvc repro"):
        promote()
    assert find_alias("champion") is None


def test_other_classes_cannot_be_compared(tmp_path: Path) -> None:
    """A model of other classes than today's is refused, with a way out."""
    register(ROAD)
    write_contract(tmp_path / "data", ClassList(("sky", "tree"), CLASSES.colours, 255), [])
    with pytest.raises(
        EvidenceError, match="segline/1 knows the classes sky, road, today's data has sky, tree; .*NAME"
    ):
        promote()


def test_champion_that_was_moved_meanwhile() -> None:
    """A decision against a champion that is none any more moves nothing."""
    first, second = register(SKY), register(ROAD)
    set_alias("champion", second)
    stale = decide(second, first, 0.3, 0.2)
    with pytest.raises(
        RegistryError, match="was compared with segline/1, but by now the champion is segline/2; nothing"
    ):
        step._carry_out(stale)
    assert find_version("champion").number == 2 and find_alias("previous") is None
