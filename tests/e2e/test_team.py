"""A team's set-up as `make stack` runs it: PostgreSQL, S3, MLflow, Prefect and workers, from docker/compose.yaml."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import psutil
import pytest

from flows.retrain import PROMOTED
from flows.team.deploy import BLOCK
from pipeline.dataset.versions import add_data
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line
from pipeline.repository.git import git
from tests.conftest import ROOT
from tests.contest import ROAD, register, write_split
from tests.flows.tiny_flow import write_tiny_flow
from tests.processes import wait_for_end
from tests.team import CRON, TIMEOUT_S, add_remote, deployed, list_objects, prefect, start_run, started_stack, wait_for

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Team:
    """The stack, a project that its workers run, and the messages that its webhook has received."""

    starter: subprocess.Popen[str]
    project: Path
    messages: list[str]


@pytest.fixture(scope="module")
def messages() -> Iterator[tuple[str, list[str]]]:
    """Address of a webhook, and what it has received."""
    received: list[str] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, messages: tuple[str, list[str]]) -> Iterator[Team]:
    """The stack in a clone of a remote, whose variables are in the environment as `. .segline/stack.env` sets them."""
    folder = tmp_path_factory.mktemp("team")
    project = folder / "project"
    project.mkdir()
    with chdir(project), pytest.MonkeyPatch.context() as patch:
        write_project(folder)
        with started_stack(folder) as starter:
            patch.setenv("SEGLINE_NOTIFY_URL", messages[0])
            yield Team(starter, project, messages[1])


def write_project(folder: Path) -> None:
    """A tiny project in the current folder, whose remotes are a bare repository and a bucket; the gate rejects."""
    git("init", "--quiet", "--initial-branch", "main")
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "params.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text((ROOT / name).read_text())
    write_tiny_flow(Path())
    add_data()
    add_remote()
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(folder / "remote.git"))
    git("remote", "add", "origin", str(folder / "remote.git"))
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    git("push", "--quiet", "--set-upstream", "origin", "main")


def start_pending_run(name: str) -> UUID:
    """A run of a deployment that a worker has taken; the worker was killed before it started a process."""
    from prefect.states import Pending, Scheduled

    deployment = prefect("read_deployment_by_name", name)
    later: Any = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(hours=1))
    run = prefect("create_flow_run_from_deployment", deployment.id, state=later).id
    prefect("set_flow_run_state", run, Pending(), force=True)
    return UUID(str(run))


def ask(address: str, user: str = "") -> int:
    """Status of the answer to a request, with a user's name and password or without."""
    import httpx

    name, _, password = user.partition(":")
    return httpx.get(address, auth=(name, password) if user else None, timeout=30).status_code


def test_servers_refuse_strangers(team: Team) -> None:
    """MLflow and Prefect answer with the right key alone, and so does PostgreSQL."""
    import psycopg2

    experiments = f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/search?max_results=1"
    admin = f"admin:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    flows = f"{os.environ['PREFECT_API_URL']}/admin/version"
    for address, user in ((experiments, admin), (flows, os.environ["PREFECT_API_AUTH_STRING"])):
        assert [ask(address), ask(address, f"{user}x"), ask(address, user)] == [401, 401, 200]
    port = next(match[1] for line in command_lines(team) if (match := re.search(r"postgres -D .* port=(\d+)", line)))
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host="127.0.0.1", port=port, user="segline", password="wrong", dbname="mlflow")


def command_lines(team: Team) -> list[str]:
    """Of all processes of the stack."""
    return [" ".join(process.cmdline()) for process in psutil.Process(team.starter.pid).children(recursive=True)]


def test_a_deployed_run_reaches_its_end(team: Team) -> None:
    """A worker runs the flow; Prefect and MLflow show its end, DVC's objects are in S3, a webhook has the verdict."""
    deployed()
    state = wait_for(start_run(), "GateRejected")
    assert state.message == "mean IoU 0.5 is below the floor 0.7"
    (shown,) = mlflow_runs()
    assert shown.info.status == "FAILED" and shown.data.metrics["loss"] == 1.0
    assert any(key.startswith("project/files/md5/") for key in list_objects("dvc"))
    clone = team.project.parent / "clone"
    git("clone", "--quiet", "--branch", "segline/runs", str(team.project.parent / "remote.git"), str(clone))
    with chdir(clone):
        subprocess.run(["dvc", "pull", "--quiet"], check=True)
        assert (clone / "work/train/model").read_text() == "weights"
    wait_for_message(team, "GateRejected. mean IoU 0.5 is below the floor 0.7")
    assert wait_for(start_run("publish/team"), "Skipped").message == "there is no champion yet"


def mlflow_runs() -> list[Any]:
    """The runs that MLflow's server has."""
    from pipeline.registry.connection import opened

    with opened() as (_, client):
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return list(client.search_runs(experiments))


def wait_for_message(team: Team, part: str) -> None:
    """Returns once the webhook has received a message with these words."""
    deadline = time.monotonic() + TIMEOUT_S
    while not any(part in text for text in team.messages):
        assert time.monotonic() < deadline, team.messages
        time.sleep(0.5)


def test_a_promotion_is_posted(team: Team) -> None:
    """The state of a run whose model became champion reaches the webhook, whose address the server does not show."""
    from prefect.states import Completed, Scheduled

    deployed()
    later: Any = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
    deployment = prefect("read_deployment_by_name", "scheduled/team")
    run = prefect("create_flow_run_from_deployment", deployment.id, state=later)
    prefect("set_flow_run_state", run.id, Completed(name=PROMOTED, message="segline/7 is the champion"), force=True)
    wait_for_message(team, f"scheduled {run.name}: Promoted. segline/7 is the champion")
    block = prefect("read_block_document_by_name", BLOCK, "custom-webhook", include_secrets=False)
    assert os.environ["SEGLINE_NOTIFY_URL"] not in str(block)


def test_deploying_again_doubles_nothing(team: Team) -> None:
    """The same words change nothing; others change the deployment; without a webhook nothing is reported."""
    deployed()
    deployed("--promote")
    deployment = prefect("read_deployment_by_name", "scheduled/team")
    assert deployment.parameters["promote"] is True and deployment.global_concurrency_limit.limit == 1
    assert [schedule.schedule.cron for schedule in deployment.schedules] == [CRON]
    assert deployment.work_pool_name == "gpu" and len(prefect("read_deployments")) == 3
    assert len(prefect("read_automations")) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEGLINE_NOTIFY_URL")
        deployed()
    assert [automation.name for automation in prefect("read_automations")] == [
        "segline: a run whose process was killed is crashed"
    ]


def test_artifacts_go_to_s3_and_mlflow_outlives_its_database(team: Team, tmp_path: Path) -> None:
    """Artifacts are stored by the server; PostgreSQL is started again after a kill, and MLflow goes on."""
    from pipeline.registry.connection import opened

    (tmp_path / "note.txt").write_text("kept")
    run_id = mlflow_runs()[0].info.run_id
    with opened() as (_, client):
        client.log_artifact(run_id, str(tmp_path / "note.txt"))
    assert [key for key in list_objects("mlflow") if key.endswith(f"{run_id}/artifacts/note.txt")]
    children = psutil.Process(team.starter.pid).children(recursive=True)
    database = next(process for process in children if process.name() == "postgres")
    database.kill()
    wait_for_end(database.pid)
    assert any("postgres has ended and was started again" in line for line in iter(team.starter.stdout or ()))
    deadline = time.monotonic() + TIMEOUT_S
    while ask(f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/runs/get?run_id={run_id}", admin()) != 200:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert mlflow_runs()[0].data.metrics["loss"] == 1.0


def test_the_champion_is_published_for_tensorflow_serving(team: Team, tmp_path: Path) -> None:
    """A version that is registered with the server and made champion is in the folder that is served."""
    with chdir(tmp_path):
        write_split(tmp_path / "data", [2] * 6)
        register(ROAD)
        standing = read_standing()
        record(new_line("promote", 1, standing.lines, standing.found, ["why"], {}))
    assert [key for key in list_objects("mlflow") if key.endswith("/saved_model.pb")]
    wait_for(start_run("publish/team"), "Completed")
    data = next(match[1] for line in command_lines(team) if (match := re.search(r"postgres -D (\S+)", line)))
    assert (Path(data).parent / "models/segline/1/saved_model.pb").exists()


def admin() -> str:
    """MLflow's user with password."""
    return f"admin:{os.environ['MLFLOW_TRACKING_PASSWORD']}"


def test_a_killed_worker_is_noticed_and_a_killed_stack_leaves_no_process(team: Team) -> None:
    """The run of a killed worker becomes CRASHED, begun or not yet; after SIGKILL of the starter each process ends."""
    (team.project / "train.py").write_text("import time\ntime.sleep(600)\n")
    params = (team.project / "params.yaml").read_text()
    (team.project / "params.yaml").write_text(f"{params}# a change that starts a run\n")
    git("commit", "--quiet", "--all", "--message", "slow")
    git("push", "--quiet")
    deployed()
    run = start_run()
    wait_for(run, "Running")
    children = psutil.Process(team.starter.pid).children(recursive=True)
    worker = next(process for process in children if "--pool=gpu" in process.cmdline()[-3:])
    for process in [worker, *worker.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # a child may end with the worker
            process.kill()
    pending = start_pending_run("publish/team")
    for silent in (run, pending):
        assert wait_for(silent, "Crashed").message == "the process of this run was killed, or cannot reach this server"
    children = psutil.Process(team.starter.pid).children(recursive=True)
    os.kill(team.starter.pid, signal.SIGKILL)
    for process in children:
        wait_for_end(process.pid)
