"""Tests of registering: what is stored, what is refused, and that it can be repeated."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError, RegistryError
from pipeline.evaluation.scores import Scores
from pipeline.registry.client import find_alias, list_versions, set_alias, set_tags
from pipeline.registry.connection import opened
from pipeline.registry.evidence import EVIDENCE_TAG, evidence_md5
from pipeline.registry.lineage import read_lineage
from pipeline.registry.model_cache import download_model
from pipeline.registry.run_contents import CONTENTS, CONTENTS_TAG, RunContents
from pipeline.serving.model_card import Postprocess
from pipeline.steps import gate
from pipeline.steps.register import _describe, _read_accepted, _register, _tags, register, show
from tests.finished_project import ROOT, STAGES, commit, make_scores, use_registry, write_lock, write_project
from tests.flows.tiny_flow import started

pytestmark = pytest.mark.services

NUM_AT_ONCE = 4


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, monkeypatch)
    use_registry(tmp_path, monkeypatch)


def list_files(run_id: str) -> set[str]:
    """Files of a run, by path."""
    with opened() as (mlflow, _):
        folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id))
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.e2e
def test_version_says_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    """A registered version is the challenger, and its tags name commit, data, params, verdict and model."""
    version = register()
    show(version)
    assert str(version) == "segline/1" and "segline/1 is challenger: mean IoU 0.8000" in capsys.readouterr().out
    assert find_alias("challenger") == list_versions()[0]
    assert version.tags["verdict"] == "accepted" and version.tags["mean_iou"] == "0.800000"
    assert len(version.tags["git_commit"]) == 40 and version.tags["data_md5"].endswith(".dir")
    assert version.tags.keys() >= {"params_md5", "dvc_lock_md5", "model_md5", "verdict_md5"}
    assert download_model(version).is_dir()


def test_run_holds_what_makes_it_again() -> None:
    """Lock, params, data version, environment, report, Data Docs and history are in the run."""
    version = register()
    lineage = {"dvc.lock", "dvc.yaml", "data.dvc", "params.yaml", "requirements.lock", "machine.json", "pip_freeze.txt"}
    wanted = {f"lineage/{name}" for name in lineage} | {"gate/report.html", "evaluate/scores.json"}
    assert list_files(version.run_id) >= wanted | {
        "validate/data_docs/index.html",
        "gate/verdict.json",
        "train/history.csv",
        "export/model/segline.json",
    }
    with opened() as (_, client):
        run = client.get_run(version.run_id)
        description = client.get_model_version("segline", "1").description
    assert description.startswith("U-Net for ") and "check out commit" in description
    assert run.info.status == "FINISHED" and run.data.params["train.network.num_levels"] == "4"
    assert run.data.metrics["iou/road"] == 0.9 and run.data.metrics["loss"] == 0.25


def test_the_marker_of_a_new_stage_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration knows the stages by dvc.yaml alone; a stage without its marker is refused."""
    monkeypatch.setitem(STAGES, "seventh", ("work/gate", "work/seventh"))
    (tmp_path / "again").mkdir()
    write_project(tmp_path / "again", monkeypatch)
    assert {f"{stage}/summary.json" for stage in STAGES} <= list_files(register().run_id)
    Path("work/seventh/summary.json").rename("work/seventh/other.json")
    write_lock()
    with pytest.raises(EvidenceError, match=r"work/seventh/summary.json: not found; run `dvc repro`"):
        register()


def test_run_tells_precision_and_machines_of_the_training() -> None:
    """The params name the precision that `auto` has become; machine.json the kinds of machine that trained."""
    version = register()
    with opened() as (mlflow, client):
        params = client.get_run(version.run_id).data.params
        machine = mlflow.artifacts.load_dict(f"runs:/{version.run_id}/lineage/machine.json")
    assert params["train.precision"] == "auto" and params["train.precision_chosen"] == "float32"
    assert machine["trained_on"] == [{"cpu": "one"}] and machine["instructions"] and machine["cpu"]


def test_cleaning_that_serving_lacks_is_reported() -> None:
    """Who serves through MLflow reads that the scored masks were cleaned, but only where they were."""
    tags = {"git_commit": "abc", "data_md5": "def"}
    assert "(open_px 3), as `segline predict`" in _describe(Scores.read(), tags, Postprocess(3, 0, 0))
    assert "clean" not in _describe(Scores.read(), tags, Postprocess(0, 0, 0))


def test_the_list_of_contents_is_bound() -> None:
    """The run lists its files, params and metrics, and the version's tags cover the list; each file is as listed."""
    version = register()
    with opened() as (mlflow, client):
        run = client.get_run(version.run_id)
        folder = Path(mlflow.artifacts.download_artifacts(run_id=version.run_id))
    contents = RunContents.read(folder / CONTENTS)
    assert version.tags[CONTENTS_TAG] == run.data.tags[CONTENTS_TAG] == md5_of(folder / CONTENTS)
    assert version.tags[EVIDENCE_TAG] == evidence_md5(version.tags) != evidence_md5({**version.tags, CONTENTS_TAG: "x"})
    assert {name: md5_of(folder / name) for name in contents.files} == contents.files
    assert set(contents.files) | {CONTENTS} == list_files(version.run_id)
    assert contents.params == run.data.params and contents.metrics.items() <= run.data.metrics.items()


@pytest.mark.e2e
def test_a_version_with_changed_tags_is_no_twin() -> None:
    """Registering again repairs a version whose tags were changed: it makes another one."""
    set_tags(register(), {CONTENTS_TAG: "changed"})
    assert [register().number, register().number] == [2, 2]


@pytest.mark.e2e
def test_same_evidence_is_one_version() -> None:
    """Registered twice there is one version, which is the challenger again; other evidence makes another."""
    first = register()
    set_alias("challenger", register_other())
    assert register_first_again() == first and find_alias("challenger").number == 1  # type: ignore[union-attr]
    assert [version.number for version in list_versions()] == [1, 2]


def register_other() -> Any:
    """Registers scores that are a little better."""
    make_scores(mean_iou=0.85).write()
    gate.main()
    write_lock()
    return register()


def register_first_again() -> Any:
    """Registers what the project held at first."""
    make_scores().write()
    gate.main()
    write_lock()
    return register()


@pytest.mark.e2e
def test_version_of_one_who_was_faster_stays() -> None:
    """Of two that register the same evidence at once, the later version is taken back."""
    scores = _read_accepted()
    tags = _tags(scores, read_lineage())
    first = register()
    assert _register(scores, tags) == find_alias("challenger")
    assert [version.number for version in list_versions()] == [first.number]


def reject() -> None:
    """Lets the gate reject the model."""
    make_scores(mean_iou=0.1).write()
    gate.main()


def lose_training() -> None:
    """Locks a training that left nothing."""
    shutil.rmtree("work/train")
    Path("work/train").mkdir()
    write_lock()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (reject, "verdict.json: the gate rejected this model (mean IoU 0.1 is below the floor 0.7"),
        (lambda: Path("work/gate/verdict.json").unlink(), "verdict.json: not found; the stage `gate` writes it"),
        (lambda: make_scores(mean_iou=0.9).write(), "stale: work/gate/verdict.json is not of these scores"),
        (lambda: Path("work/export/model/segline.json").write_text("{}"), "stale: the model is "),
        (lambda: Path("pipeline/code.py").write_text("x = 2"), "code is not committed: pipeline/code.py"),
        (
            lambda: Path("work/evaluate/scores.json").with_name("other").write_text("other"),
            "dvc.lock does not fit what lies here: work/",
        ),
        (lambda: Path("requirements.lock").unlink(), "code is not committed: requirements.lock"),
        (lose_training, "work/train/history.csv, work/train/summary.json: not found; run `dvc repro`"),
    ],
)
def test_unproven_model_is_refused(spoil: Callable[[], Any], says: str) -> None:
    """A rejected, missing or foreign verdict and an unclean lineage are refused, and nothing is registered."""
    spoil()
    with pytest.raises(EvidenceError) as info:
        register()
    assert says in str(info.value) and list_versions() == []


@pytest.mark.e2e
def test_registering_can_be_repeated(tmp_path: Path) -> None:
    """After a failure midway there is no version, and the same command makes one."""
    (tmp_path / "mlartifacts").write_text("a file where a folder should be")
    with pytest.raises(RegistryError, match="nothing is lost"):
        register()
    assert list_versions() == []
    (tmp_path / "mlartifacts").unlink()
    assert register().number == 1


def test_a_commit_that_changes_no_stage_makes_no_version(capsys: pytest.CaptureFixture[str]) -> None:
    """With the same dvc.lock the model is the same, whatever else was committed; its version keeps its commit."""
    first = register()
    Path("notes.md").write_text("not of a stage")
    commit()
    again = register()
    assert (again.number, again.tags["git_commit"]) == (first.number, first.tags["git_commit"])
    assert first.tags["git_commit"] != read_lineage().git_commit
    show(again)
    assert f"commit {first.tags['git_commit'][:8]}\n" in capsys.readouterr().out


def test_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its server registering fails at once, says where it looked and what to repeat."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(
        RegistryError, match="MLflow at http://127.0.0.1:9 fails: .*; nothing is lost, fix that and run"
    ):
        register()
    assert Scores.read().mean_iou == 0.8


@pytest.mark.e2e
def test_several_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that register the same evidence at the same time leave one version."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with ExitStack() as stack:
        children = [stack.enter_context(started("segline", "register")) for _ in range(NUM_AT_ONCE)]
        outputs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0] * NUM_AT_ONCE, outputs
    assert len(list_versions()) == 1 and find_alias("challenger") == list_versions()[0]
