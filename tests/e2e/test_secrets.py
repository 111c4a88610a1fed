"""No secret of the environment is in anything that a run writes: files, databases, git, DVC, MLflow, Prefect, S3."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest

from flows.server import prefect_server
from flows.team.deploy import BLOCK
from pipeline.dataset.versions import add_data
from pipeline.disk.yaml_text import to_yaml
from pipeline.registry.runs import SERVING_CODE
from pipeline.repository.git import git
from pipeline.runtime.stages import MARKER
from tests.conftest import SETTINGS
from tests.finished_project import ROOT, empty_registry, write_code, write_data, write_work
from tests.flows.tiny_flow import TRAIN, ask_prefect, run_module
from tests.flows.tiny_team import REMOTE, save
from tests.git_server import git_server
from tests.leaks import find_leaks, read_files, read_objects
from tests.mlflow_server import running_server

pytestmark = pytest.mark.e2e
SECRETS = {
    "S3 key": "S3/key+2fXq9Lw8",
    "S3 token": "S3/token+7Yb1Zk4",
    "S3 password": "S3/pass@3Hn5Vd6",
    "MLflow": "MLflow/pass@8Jm2Rt1",
    "git": "git-token-5Pc9Wz3",
    "ledger": "ledger/key+4Gs6Qx7",
    "webhook": "webhook-token-9Kd1Nf2",
}
"""Each as its program's variable holds it; some with characters that an address has to encode."""
PREFECT = "Prefect"
ALLOWED = {
    ("git", "project/.git/config"),  # where the person put it: a token in the address of `origin`
    ("git", "project/.segline/runs/.git/config"),  # the clone of that remote fetches and pushes with it
    (PREFECT, "prefect/.segline/prefect/key"),  # for the pages of our own server, as long as it runs; mode 600
}
TRAINED = f"{TRAIN}import shutil\nshutil.copytree('made/train', 'work/train', dirs_exist_ok=True)\n"
FAILING = """\
import os
for name, value in os.environ.items():
    print(name, value)
raise ConnectionError(f"no answer from {os.environ['MLFLOW_TRACKING_URI']}")
"""
STAGES = ("validate", "preprocess", "train", "export", "evaluate", "gate")


@dataclass(frozen=True)
class Team:
    """A project whose servers all ask for secrets.

    Attributes:
        folder: holds everything that is written to disk.
        secrets: by name.
        output: of all commands.
    """

    folder: Path
    secrets: dict[str, str]
    output: list[str]

    def run(self, *words: str) -> tuple[int, str]:
        """A command of segline."""
        code, output = run_module("segline.command", *words)
        self.output.append(output)
        return code, output

    def list_leaks(self) -> set[tuple[str, str]]:
        """Each secret and where it was found, but for the allowed places."""
        texts = [*read_files(self.folder), *read_objects(boto3.session.Session().client("s3"))]
        assert {place for _, place in ALLOWED} <= {place for place, _ in texts}
        printed = [("output", output.encode()) for output in self.output]
        return find_leaks(self.secrets, iter([*texts, *printed])) - ALLOWED


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, s3_server: str) -> Iterator[Team]:
    """The project as the current directory, with the servers and secrets in the environment; the gate accepts."""
    folder = tmp_path_factory.mktemp("team")
    for name in ("mlflow", "prefect", "home", "temporary"):
        (folder / name).mkdir()
    with ExitStack() as ends:
        patch = ends.enter_context(pytest.MonkeyPatch.context())
        for name, value in {
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),  # the project has a folder `pipeline` of its own
            "TMPDIR": str(folder / "temporary"),
            "DVC_SITE_CACHE_DIR": str(folder / "home"),
            "PREFECT_HOME": str(folder / "prefect"),
            "AWS_CONFIG_FILE": str(folder / "home/aws"),  # DVC cannot read a device, as the other tests have it
            "AWS_ENDPOINT_URL": s3_server,
            "AWS_ACCESS_KEY_ID": "robot",
            "AWS_SECRET_ACCESS_KEY": SECRETS["S3 key"],
            "AWS_SESSION_TOKEN": SECRETS["S3 token"],
            "AWS_DEFAULT_REGION": "us-east-1",
            "SEGLINE_LEDGER_KEY": SECRETS["ledger"],
            "SEGLINE_NOTIFY_URL": f"https://hooks.example.org/services/{SECRETS['webhook']}",
            "SEGLINE_PUBLISH": "s3://models/served",
        }.items():
            patch.setenv(name, value)
        client = boto3.session.Session().client("s3")
        for bucket in ("dvc", "models"):
            client.create_bucket(Bucket=bucket)
        shutil.copy(empty_registry(), folder / "mlflow/mlflow.db")
        ends.enter_context(running_server(folder / "mlflow", patch))
        patch.setenv("MLFLOW_TRACKING_URI", with_user(os.environ["MLFLOW_TRACKING_URI"], SECRETS["MLflow"]))
        port = ends.enter_context(git_server(folder, f"robot:{SECRETS['git']}"))
        ends.enter_context(chdir(folder / "prefect"))
        ends.enter_context(prefect_server())
        write_project(folder / "project", with_user(f"http://127.0.0.1:{port}/remote.git", SECRETS["git"]))
        ends.enter_context(chdir(folder / "project"))
        yield Team(folder, SECRETS | {PREFECT: os.environ["PREFECT_API_AUTH_STRING"]}, [])


def with_user(address: str, password: str) -> str:
    """The address of a server with a user's name and password."""
    return address.replace("//", f"//robot:{quote(password, safe='')}@")


def write_project(project: Path, origin: str) -> None:
    """A project whose stages copy what was made before; it is pushed to `origin`, a bare repository beside it."""
    project.mkdir()
    with chdir(project):
        write_code(project)
        params = Path("params.yaml").read_text()
        Path("params.yaml").write_text(params.replace("crop: [96, 128]", "crop: [32, 32]"))
        for name in set(SETTINGS) - {"params.yaml"}:
            Path(name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, name)
        Path("pipeline/serving").mkdir()
        shutil.copy(SERVING_CODE, "pipeline/serving")
        write_data(project / "data")
        write_work(favourite=1)
        Path("work").rename("made")
        for name in ("validate", "preprocess"):
            shutil.copy(f"made/train/{MARKER}", f"made/{name}")
        Path("train.py").write_text(TRAINED)
        commands = {name: f"cp -r made/{name} work/{name}" for name in STAGES} | {"train": "python train.py"}
        stages = {
            name: {"cmd": command, "deps": ["data", f"made/{name}"], "outs": [f"work/{name}"]}
            for name, command in commands.items()
        }
        stages["train"]["deps"].append("train.py")  # type: ignore[attr-defined]
        stages["train"]["params"] = ["train"]
        Path("dvc.yaml").write_text(to_yaml({"stages": stages}))
        git("init", "--quiet", "--initial-branch", "main")
        add_data()
        with Path(".dvc/config").open("a") as file:
            file.write(REMOTE.format("s3://dvc/project"))
        bare = project.parent / "remote.git"
        git("init", "--quiet", "--bare", "--initial-branch", "main", str(bare))
        git("config", "http.receivepack", "true", folder=bare)
        git("remote", "add", "origin", origin)
        save("first")
        git("push", "--quiet", "--set-upstream", "origin", "main")


def test_a_server_that_refuses_is_named_without_its_password(
    team: Team, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC refuses an address with a password, and logs a traceback."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", with_user(s3_server, SECRETS["S3 password"]))
    code, output = team.run("schedule", "--now")
    assert code == 1 and "credentials encoded in URL" in output, output
    monkeypatch.undo()
    assert team.list_leaks() == set()


def test_an_unforeseen_error_shows_no_secret(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own message on an address with a character that may be taken for a slash holds user and password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", with_user("http://h\u2100st", SECRETS["MLflow"]))
    for words in (("schedule", "--now"), ("status",)):
        code, output = team.run(*words)
        assert code in (1, 70) and "contains invalid characters under NFKC normalization" in output, output
    monkeypatch.undo()
    assert team.list_leaks() == set()


def test_a_failed_training_that_prints_its_environment_shows_no_secret(team: Team) -> None:
    """Its output is in Prefect's log, the last lines are in the state's message, and both name the variables alone."""
    Path("train.py").write_text(FAILING)
    save("failing")
    git("push", "--quiet")
    code, output = team.run("schedule", "--now")
    assert code == 1 and "SEGLINE_LEDGER_KEY ***" in output, output
    assert "ConnectionError: no answer from http://127.0.0.1" in output
    assert team.list_leaks() == set()


def test_a_run_to_the_end_writes_no_secret(team: Team) -> None:
    """A model is trained, stored, pushed, registered, promoted and published, and a schedule is handed over."""
    Path("train.py").write_text(TRAINED)
    save("trained")
    git("push", "--quiet")
    code, output = team.run("schedule", "--now", "--promote")
    assert code == 0 and 'Finished in state Promoted("segline/1 is the champion: ' in output, output
    assert "segline/1 published: s3://models/served/segline/1" in output
    code, output = team.run("schedule", "--deploy", "--cron", "0 3 1 1 *")
    assert code == 0, output
    (blocks,) = ask_prefect("block_documents")
    (block,) = (block for block in blocks if block["name"] == BLOCK)
    assert SECRETS["webhook"] not in json.dumps(block) and block["data"]["url"] == "{{url}}"
    assert team.list_leaks() == set()
