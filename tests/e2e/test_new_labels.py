"""From new files in S3 to a promoted and published model, by the servers and workers of `make stack` alone."""

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from pipeline.repository.checkout import BRANCH
from pipeline.repository.git import git
from pipeline.vision.codec import encode_png
from tests.benchmarks.reproduce import PARAMS
from tests.clone import write_clone
from tests.drawn_data import draw
from tests.flows.tiny_flow import run_module
from tests.team import add_remote, deployed, list_objects, start_run, started_stack, wait_for

pytestmark = pytest.mark.e2e
CLASSES = """\
classes:
- {name: ground, id: 0}
- {name: box, id: 1}
- {name: sign, id: 2}
- {name: margin, id: 255, ignore: true}
"""
SOURCE = "folder s3://labels/images s3://labels/masks --classes classes.yaml"
NUM_IMAGES = 60
TRAINING_S = 1200
"""For six stages on a machine that is busy with other tests."""


@pytest.fixture(scope="module", autouse=True)
def _project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A person's clone without data, as the current folder, with the stack's variables in the environment."""
    folder = tmp_path_factory.mktemp("team")
    write_clone(folder / "project", PARAMS | {"train": PARAMS["train"] | {"network": {"num_levels": 2, "width": 8}}})
    with chdir(folder / "project"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLINE_SETTLE_S", "1")
        Path("classes.yaml").write_text(CLASSES)
        add_remote()
        git("add", "--all")
        git("commit", "--quiet", "--message", "a team's settings")
        git("branch", "--move", "main")
        git("clone", "--quiet", "--bare", ".", str(folder / "remote.git"))
        git("remote", "add", "origin", str(folder / "remote.git"))
        with started_stack(folder):
            boto3.session.Session().client("s3").create_bucket(Bucket="labels")
            yield


def upload(seed: int) -> None:
    """New labelled images arrive."""
    random, store = np.random.default_rng(seed), boto3.session.Session().client("s3")
    for number in range(NUM_IMAGES):
        for kind, pixels in zip(("images", "masks"), draw(random), strict=True):
            store.put_object(Bucket="labels", Key=f"{kind}/{seed}-{number}.png", Body=encode_png(pixels))


@pytest.mark.timeout(TRAINING_S)
def test_new_labels_become_a_published_champion_that_is_verified() -> None:
    """Nobody does anything but upload: MLflow and Prefect say what came of it, and every hash agrees."""
    deployed("--source", SOURCE, "--promote")
    upload(1)
    state = wait_for_end(start_run())
    assert state.is_completed(), state
    version, run = champion()
    assert (version.version, run.info.status) == ("1", "FINISHED")
    assert "mean_iou" in run.data.metrics
    git("fetch", "--quiet")
    assert version.tags["git_commit"] == git("rev-parse", f"origin/{BRANCH}")
    assert [key for key in list_objects("models") if key.endswith("segline/1/saved_model.pb")]
    assert wait_for_end(start_run("publish/team")).message == "the champion is published"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLINE_PUBLISH", "s3://models")
        code, output = run_module("segline.command", "verify", "champion")
    assert code == 0 and "differs" not in output and "missing" not in output, output
    assert wait_for_end(start_run()).name == "Skipped"


def wait_for_end(run: Any) -> Any:
    """The last state of a run."""
    return wait_for(run, "Completed", "Skipped", "Failed", "Promoted", "GateRejected", "Crashed", timeout_s=TRAINING_S)


def champion() -> tuple[Any, Any]:
    """The champion's version and run, as MLflow's own client gives them."""
    from mlflow import MlflowClient

    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])  # an earlier test may have named another
    version = client.get_model_version_by_alias("segline", "champion")
    return version, client.get_run(version.run_id)
