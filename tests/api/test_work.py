"""Tests of segline/work.py: each function by its name in the package."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import segline
from pipeline.dataset.contract import list_samples
from pipeline.errors import DataError, StageError
from pipeline.monitoring.journal import LOGS, Journal
from pipeline.vision.codec import write_png
from tests.flows.tiny_flow import write_tiny_flow

pytestmark = pytest.mark.services


def test_data_are_imported_by_the_name_of_an_importer(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments are the words and options of the command; an unknown importer is refused with the known ones."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    Path("classes.txt").write_text("sky\nroad\n")
    for name in ("north_1", "south_1"):
        write_png(project / f"photos/{name}.png", np.zeros((6, 8, 3), np.uint8))
        write_png(project / f"labels/{name}.png", np.array([[0, 1]], np.uint8).repeat(6, 0).repeat(4, 1))
    imported = segline.import_data("folder", "photos", "labels", classes=Path("classes.txt"), group="(.*)_")
    assert (imported.num_samples, imported.num_classes) == (2, 2)
    assert [sample.group for sample in list_samples()] == ["north", "south"]
    assert "data/ holds" not in capsys.readouterr().out
    with pytest.raises(DataError, match="'yolo.*demo, camvid, folder"):
        segline.import_data("yolo")


def test_the_last_training_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its state is printed and returned; without one the error says what to run."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(StageError, match="no training has begun here; start one with `segline run`"):
        segline.watch(once=True)
    Journal(LOGS / "a", 3, ["road"]).close()
    assert segline.watch(once=True).began.classes == ["road"]
    assert "0 of 3 epochs, killed" in capsys.readouterr().out


@pytest.mark.e2e
def test_a_rejected_model_is_a_verdict_and_a_failed_stage_an_error(project: Path) -> None:
    """The run prints by itself what happened; its exit code is in the error."""
    write_tiny_flow(project)
    verdict = segline.run()
    assert not verdict.accepted and "below" in verdict.sentences[0]
    Path("train.py").write_text("raise SystemExit(4)\n")
    subprocess.run(["git", "commit", "--quiet", "--all", "--message", "worse"], check=True)
    with pytest.raises(StageError, match="the run ended with exit code 1; its last lines say why") as caught:
        segline.run()
    assert caught.value.exit_code == 1
