"""Tests of the step `noise`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.disk.files import write_json
from pipeline.errors import EvidenceError, ParamsError
from pipeline.evaluation.scores import SCORES
from pipeline.promotion.noise_floor import NOISE
from pipeline.registry.client import model_name
from pipeline.registry.connection import opened
from pipeline.runtime.stages import MARKER, WORK
from pipeline.steps.noise import STAGES, identify, mean_iou_of, noise, noise_against, show
from pipeline.steps.preprocess import preprocess
from pipeline.trials.project import prepare
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.finished_project import use_registry
from tests.made_scores import made_scores

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
MEAN_IOUS = (0.70, 0.72, 0.71)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with packed arrays, as the current directory."""
    monkeypatch.chdir(tmp_path)
    preprocess(write_data(tmp_path), CLASSES, small_params().preprocess, tmp_path / "work/preprocess")
    write_params(seed=4)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "data.dvc").write_text("outs:\n- {md5: d1.dir, path: data}\n")
    return tmp_path


def write_params(**changes: Any) -> None:
    """Writes params.yaml with changes to the section `train`."""
    Path("params.yaml").write_text(yaml.safe_dump(small_content(**changes)))


def keep_seeds(*mean_ious: float) -> None:
    """Leaves what earlier runs with the seeds 5, 6, ... would have left."""
    for seed, mean_iou in enumerate(mean_ious, start=5):
        write_json(NOISE / identify() / f"seed-{seed}.json", {"seed": seed, "mean_iou": mean_iou})


def test_the_floor_is_stored_with_the_model(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeds that have finished are not trained again; tag and artifact hold floor, scores and what they are of."""
    use_registry(project, monkeypatch)
    keep_seeds(*MEAN_IOUS)
    floor = noise(3)
    show(floor)
    with opened() as (mlflow, client):
        tag = json.loads(client.get_registered_model(model_name()).tags["noise_floor"])
        (run,) = client.search_runs([client.get_experiment_by_name("segline").experiment_id])
        artifact = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/noise_floor.json")
    assert 0.01 < floor < 0.2 and tag["floor"] == floor and tuple(tag["mean_ious"]) == MEAN_IOUS
    assert tag == artifact and tag["data_md5"] == "d1.dir" and set(tag) >= {"params_md5", "when"}
    out = capsys.readouterr().out
    assert (
        "noise 3/3: params.yaml, seed 7 has mean IoU 0.7100" in out
        and f"noise floor {floor:.4f}" in out
        and "promote.noise_floor" in out
    )


def test_too_few_runs_are_refused(project: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(ParamsError, match="--runs is 2, expected 3 or more"):
        noise(2)


def test_two_recipes_are_compared_over_seeds(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has the seeds after its own; finished ones are not trained again; no registry is needed."""
    keep_seeds(*MEAN_IOUS)
    other = Path("other.yaml")
    other.write_text(yaml.safe_dump(small_content(seed=7, learning_rate=0.5)))
    for seed, mean_iou in ((8, 0.80), (9, 0.81), (10, 0.83)):
        write_json(NOISE / identify(other) / f"seed-{seed}.json", {"seed": seed, "mean_iou": mean_iou})
    found = noise_against(3, other)
    show(found)
    assert found.base == MEAN_IOUS and found.other == (0.80, 0.81, 0.83) and found.is_better
    assert (found.difference, found.low, found.high) == pytest.approx((0.1033, 0.0721, 0.1345), abs=1e-4)
    out = capsys.readouterr().out
    assert "noise 3/3: other.yaml, seed 10 has mean IoU 0.8300" in out
    assert "difference +10.33 points, 95% interval (Welch) +7.21 to +13.45, on this test split: the other" in out
    show(found._replace(low=-0.1))
    assert "no difference is shown" in capsys.readouterr().out
    show(found._replace(low=-0.2, high=-0.1))
    assert "the other params are worse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preprocess": {"image_size": [16, 32]}}, "its section preprocess is not that of params.yaml"),
        ({}, "is the same recipe as params.yaml, but for the seed; change train or export"),
        ({"train": {}}, "`train.seed` is missing"),
    ],
)
def test_params_that_are_no_other_recipe(project: Path, change: dict[str, Any], message: str) -> None:
    """Refused before anything is trained."""
    other = Path("other.yaml")
    other.write_text(yaml.safe_dump({**small_content(seed=9), **change}))
    with pytest.raises(ParamsError, match=f"other.yaml: .*{message}"):
        noise_against(3, other)


@pytest.mark.e2e
def test_without_packed_data_nothing_is_trained(project: Path) -> None:
    """The message says what to run."""
    (project / "work/preprocess/train_masks.npy").unlink()
    with pytest.raises(EvidenceError, match="train_masks.npy not found; run `dvc repro preprocess`"):
        noise(3)
    shutil.rmtree(project / "work/preprocess")
    with pytest.raises(EvidenceError, match="fingerprint.json: not found; the stage `preprocess` writes it"):
        noise(3)


def test_the_seed_is_not_of_the_identity_but_all_else_is(project: Path) -> None:
    """More runs, or another first seed, go on with what is kept; other params start again."""
    first = identify()
    write_params(seed=9)
    assert identify() == first
    write_params(learning_rate=0.5)
    assert identify() != first


def write_finished_seed(folder: Path, mean_iou: float = 0.8) -> None:
    """Leaves a seed's project whose stages have all run, as a kill just then would."""
    for stage in STAGES:
        (folder / WORK / stage).mkdir(parents=True, exist_ok=True)
        (folder / WORK / stage / MARKER).touch()
    prepare(folder, small_content(seed=5))
    made_scores(mean_iou).write(folder / SCORES)


def test_stages_that_have_run_are_not_run_again(project: Path) -> None:
    """The score is kept, the seed's project goes and the data stay."""
    write_finished_seed(project / "noise/seed-5")
    assert mean_iou_of(project / "noise", 5, "1/3") == 0.8
    assert [path.name for path in (project / "noise").iterdir()] == ["seed-5.json"]
    assert (project / "data/dataset.yaml").exists() and (project / "work/preprocess/fingerprint.json").exists()


def test_a_seed_without_a_score_is_refused(project: Path) -> None:
    """What is nan tells no spread."""
    write_finished_seed(project / "noise/seed-5", mean_iou=float("nan"))
    with pytest.raises(EvidenceError, match="mean IoU is nan; the test split needs labelled images"):
        mean_iou_of(project / "noise", 5, "1/3")


@pytest.mark.long
@pytest.mark.e2e
def test_three_seeds_are_trained(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ, nothing of the project changes, and the next three come from what is kept."""
    use_registry(project, monkeypatch)
    write_params(seed=4, num_epochs=1)
    assert noise(3) > 0
    assert not (project / "work/train").exists() and not (project / "checkpoints").exists()
    kept = sorted((NOISE / identify()).iterdir())
    assert [path.name for path in kept] == ["seed-5.json", "seed-6.json", "seed-7.json"]
    assert noise(3) > 0


@pytest.mark.long
@pytest.mark.e2e
def test_three_seeds_of_another_recipe_are_trained(project: Path) -> None:
    """With the other params, which the second time train nothing."""
    write_params(seed=4, num_epochs=1)
    keep_seeds(*MEAN_IOUS)
    other = Path("other.yaml")
    other.write_text(yaml.safe_dump(small_content(seed=4, num_epochs=1, learning_rate=0.05)))
    found = noise_against(3, other)
    assert found.base == MEAN_IOUS and len(set(found.other)) == 3 and found.low < found.difference < found.high
    kept = sorted(path.name for path in (NOISE / identify(other)).iterdir())
    assert kept == ["seed-5.json", "seed-6.json", "seed-7.json"]
    assert noise_against(3, other) == found and not (project / "work/train").exists()
