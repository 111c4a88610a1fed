"""Tests of the package's functions."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import segline
from pipeline.dataset.contract import list_samples
from pipeline.errors import DataError, EvidenceError, ParamsError, RegistryError, StageError
from pipeline.promotion.comparison import Comparison
from pipeline.vision.codec import read_mask, write_png
from segline.command import build_app
from tests.contest import FREE, ROAD, SKY, register, write_contest
from tests.finished_project import tiny_model, use_registry, write_project
from tests.flows.tiny_flow import write_tiny_flow

pytestmark = pytest.mark.services

IMPORT_SECONDS = 0.3
HEAVY = {"cv2", "dvc", "keras", "mlflow", "numpy", "prefect", "tensorflow", "cyclopts"}


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a test split and an empty registry, as the current directory."""
    write_contest(tmp_path, monkeypatch, **FREE)
    Path("dvc.yaml").write_text("stages: {}\n")
    return tmp_path


def test_importing_the_package_is_quick() -> None:
    """It imports no heavy library, and takes less than 0.3 s: the best of three, as other programs run."""
    code = (
        "import sys, time, json; began = time.perf_counter(); import segline;"
        "print(json.dumps([time.perf_counter() - began, list(sys.modules)]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < IMPORT_SECONDS
    assert not HEAVY & set(runs[0][1])


def test_each_command_is_a_function_with_a_full_docstring() -> None:
    """Only `load` has no command and `import` another name; each docstring describes all arguments and the result."""
    own = {name: value for name, value in vars(segline).items() if getattr(value, "__module__", "") == "segline"}
    functions = {name: value for name, value in own.items() if inspect.isfunction(value) and name[0] != "_"}
    commands = {name for name in build_app() if not name.startswith("-")}
    assert {*commands, "load", "import_data"} - {"import"} == set(functions)
    for name, function in functions.items():
        text = inspect.getdoc(function) or ""
        signature = inspect.signature(function)
        assert all(f"    {argument}: " in text for argument in signature.parameters), name
        assert ("Returns:" in text) == (signature.return_annotation is not None), name
        assert "Raises:" in text or name == "doctor", name


@pytest.mark.parametrize("name", ["run", "status", "history", "register", "promote", "rollback", "clean", "doctor"])
def test_outside_a_project_a_function_refuses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the folder and the missing file; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"is not a segline project \(no dvc\.yaml\)"):
        getattr(segline, name)()
    assert not list(tmp_path.iterdir())


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


def test_an_empty_registry(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are no versions and no decisions, and nothing to promote, roll back or load."""
    assert segline.status() == ((), None) and segline.history().lines == ()
    for function in (segline.promote, segline.rollback, lambda: segline.load("champion")):
        with pytest.raises(RegistryError, match="not found|no champion"):
            function()
    assert capsys.readouterr().out == ""


def test_too_few_seeds_and_too_little_evidence_are_refused(contest: Path) -> None:
    """The errors are those of the steps."""
    with pytest.raises(ParamsError, match="expected 3 or more"):
        segline.noise(runs=2)
    with pytest.raises(EvidenceError, match="verdict.json"):
        segline.register()
    with pytest.raises(ParamsError, match="is not a schedule"):
        segline.schedule(cron="every day")


@pytest.mark.e2e
def test_models_are_compared_promoted_and_rolled_back(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each function returns what happened and prints nothing of it; a registered model is loaded by its alias."""
    register(SKY)
    assert segline.promote().promoted
    register(ROAD)
    capsys.readouterr()
    compared = segline.compare("challenger", tiny_model(SKY))
    assert isinstance(compared, Comparison) and compared.difference.estimate == 0.25 and compared.ruling.promoted
    assert capsys.readouterr().out == ""
    decision = segline.promote("2")
    assert decision.promoted and decision.champion and decision.champion.number == 1
    status = segline.status()
    assert [version.aliases for version in status.versions][1] == ("challenger", "champion")
    back = segline.rollback()
    assert (back.champion.number, back.previous) == (1, 2)
    assert [effect.what for effect in segline.history().state.effects] == ["promoted", "promoted", "rolled back"]
    assert "PROMOTED" not in capsys.readouterr().out
    image = np.zeros((5, 7, 3), np.uint8)
    assert (segline.load("champion")(image).mask == SKY).all() and (segline.load("segline/2")(image).mask == ROAD).all()


@pytest.mark.e2e
def test_a_folder_is_predicted(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder of a model will do; an image that cannot be read is in the summary and raises nothing."""
    write_png(contest / "photos/a.png", np.zeros((6, 9, 3), np.uint8))
    (contest / "photos/b.png").write_bytes(b"no image")
    summary = segline.predict(str(tiny_model(ROAD)), "photos", "out")
    assert summary.num_images == 1 and [path.name for path, _ in summary.failed] == ["b.png"]
    assert (read_mask(Path("out/masks/a.png")) == ROAD).all()
    assert "masks in" not in capsys.readouterr().out


@pytest.mark.e2e
def test_a_finished_project_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is the challenger, the same one each time."""
    (tmp_path / "project").mkdir()
    write_project(tmp_path / "project", monkeypatch)
    use_registry(tmp_path, monkeypatch)
    assert segline.register().number == segline.register().number == 1
    assert segline.status().versions[0].aliases == ("challenger",)


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
