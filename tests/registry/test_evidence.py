"""Tests of what binds a version's tags: its files, and the verdict in its run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError, RegistryError, SeglineError
from pipeline.registry.client import find_version, set_tags
from pipeline.registry.connection import opened
from pipeline.registry.evidence import download_verified
from tests.contest import ROAD, SKY, register, write_contest
from tests.finished_project import tiny_model

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch)


def write_verdict(text: str) -> None:
    """Puts another verdict into the only run there is."""
    next(Path("mlartifacts").rglob("verdict.json")).write_text(text)


def test_version_as_it_was_registered() -> None:
    """Tags, files and verdict belong together."""
    assert md5_of(download_verified(register(SKY))) == md5_of(tiny_model(SKY))


@pytest.mark.parametrize(
    "name", ["verdict", "model_md5", "verdict_md5", "test_md5", "evidence_md5", "git_commit", "data_md5"]
)
def test_changed_tag_is_told(name: str) -> None:
    """No tag that decides or that tells where a model comes from can be changed alone."""
    register(SKY)
    set_tags(find_version("1"), {name: "0" * 32 + ".dir"})
    with pytest.raises(EvidenceError, match="segline/1: its tags are not what was registered: .* is .*, expected"):
        download_verified(find_version("1"))


def test_version_with_all_tags_of_a_better_one() -> None:
    """Another model's tags, copied whole, do not fit the verdict in the version's own run."""
    better, worse = register(ROAD), register(SKY)
    set_tags(worse, better.tags)
    download_verified(better)
    with pytest.raises(EvidenceError, match="segline/2: its tags are not what was registered: verdict_md5 is"):
        download_verified(find_version("2"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda: shutil.rmtree("mlartifacts"), "segline/1: its run's gate/verdict.json cannot be downloaded .*deleted"),
        (lambda: write_verdict("[" * 100_000), "segline/1: the verdict in its run is damaged; register the model"),
        (lambda: write_verdict("{}"), "segline/1: the verdict in its run is damaged; register the model"),
        (lambda: write_verdict('{"accepted": true, "reasons": [], "scores_md5": 1, "mean_iou": "x", "evidence": null}'),
         "segline/1: the verdict in its run is damaged; register the model"),
    ],
)  # fmt: skip
def test_run_that_lacks_its_verdict(harm: Callable[[], None], message: str) -> None:
    """Deleted or damaged evidence is told with the version that lacks it."""
    register(SKY)
    harm()
    with pytest.raises(SeglineError, match=message):
        download_verified(find_version("1"))


def test_run_that_is_gone() -> None:
    """A version whose run was deleted for good says so."""
    version = register(SKY)
    with opened() as (mlflow, _):
        from sqlalchemy import create_engine, text

        with create_engine(mlflow.get_tracking_uri()).begin() as connection:
            connection.execute(text("DELETE FROM tags"))
            connection.execute(text("DELETE FROM runs"))
    with pytest.raises(RegistryError, match="segline/1: its run's gate/verdict.json cannot be downloaded"):
        download_verified(version)
