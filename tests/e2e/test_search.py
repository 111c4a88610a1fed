"""A search of params by two workers of a team's server, each with a clone of its own, on one database."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from flows.prefect_client import LIMIT
from pipeline.dataset.versions import add_data, push
from pipeline.repository.git import git
from tests.clone import write_clone
from tests.drawn_data import small_content, write_data
from tests.flows.tiny_flow import run_module
from tests.team import add_remote, deployed, prefect, started_stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.long]

NUM_TRIALS = 5
TIMEOUT_S = 600


def write_project(folder: Path) -> None:
    """A clone with small drawn data for real trainings in the current folder; its remotes are a repository and S3."""
    write_clone(Path(), {})
    Path("params.yaml").write_text(yaml.safe_dump(small_content(num_epochs=2)))
    write_data(Path())
    add_data()
    add_remote()
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(folder / "remote.git"))
    git("branch", "--move", "main")
    git("remote", "add", "origin", str(folder / "remote.git"))
    git("add", "--all")
    git("commit", "--quiet", "--message", "data")
    git("push", "--quiet", "--set-upstream", "origin", "main")


@contextmanager
def second_worker(project: Path) -> Iterator[None]:
    """A worker with another clone, as on another machine."""
    git("clone", "--quiet", str(project.parent / "remote.git"), str(project.parent / "second"))
    environment = os.environ | {"SEGLINE_PROJECT": str(project.parent / "second")}
    command = (*(sys.executable, "-m", "prefect", "worker", "start"), *("--type=process", "--pool=gpu", "--limit=1"))
    with subprocess.Popen(command, env=environment, cwd=project.parent / "second") as worker:
        try:
            yield
        finally:
            worker.terminate()


def test_two_workers_share_the_trials(tmp_path: Path) -> None:
    """Both end, and each shows the best params; the trials are of one study, and some ran at the same time."""
    project = tmp_path / "project"
    project.mkdir()
    with chdir(project):
        write_project(tmp_path)
        with started_stack(tmp_path):
            push("data.dvc")
            deployed()
            prefect("create_global_concurrency_limit", GlobalConcurrencyLimitCreate(name=LIMIT, limit=2))
            git("commit", "--quiet", "--allow-empty", "--message", "not pushed")
            Path("ranges.yaml").write_text("train.learning_rate: {low: 0.001, high: 0.05, log: true}\n")
            with second_worker(project):
                words = ("tune", "ranges.yaml", "--trials", str(NUM_TRIALS), "--machines", "2")
                code, output = run_module("segline.command", *words)
                assert code == 0 and "handed over to 2 workers" in output, output
                assert "the workers do not see commit" in output, output
                runs = [run.id for run in prefect("read_flow_runs") if run.name in output]
                messages = [wait_for(run, "Completed", timeout_s=TIMEOUT_S).message for run in runs]
            assert len(messages) == 2 and all("the best params so far: " in text for text in messages)
            artifacts = [artifact.key for artifact in prefect("read_artifacts")]
            assert artifacts.count("params-tuned") == 2
            made = list_trials()
    assert NUM_TRIALS <= len(made) <= NUM_TRIALS + 1  # both may begin the last one at the same moment
    assert sorted(run.run_name for run in made) == [f"trial-{number}" for number in range(1, len(made) + 1)]
    pairs = itertools.combinations(made, 2)
    assert any(one.start_time < other.end_time and other.start_time < one.end_time for one, other in pairs)


def list_trials() -> list[Any]:
    """The trials' runs that have finished in MLflow, without their data."""
    from pipeline.registry.connection import opened

    with opened() as (_, client):
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(experiments, "attributes.status = 'FINISHED'")
        return [run.info for run in runs if run.info.run_name.startswith("trial-")]
