"""Tests of segline/command.py."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cyclopts import App
from PIL import Image

from pipeline.dataset.contract import list_samples
from pipeline.errors import EvidenceError, ParamsError, RegistryError, StageError
from pipeline.runtime.locks import only_one
from pipeline.vision.codec import read_mask, write_png
from segline.command import WrongWordsError, build_app, call
from tests.flows.tiny_flow import ask_prefect, started, write_tiny_flow
from tests.flows.tiny_team import write_team

HEAVY = {"boto3", "cv2", "dvc", "great_expectations", "keras", "mlflow", "numpy", "pandas", "prefect", "tensorflow"}


def _commands(app: App, *words: str) -> Iterator[list[str]]:
    names = [name for name in app if not name.startswith("-")]
    if not names:
        yield list(words)
    for name in names:
        yield from _commands(app[name], *words, name)


@pytest.mark.parametrize("words", list(_commands(build_app())), ids=" ".join)
def test_each_command_has_an_example_that_it_understands(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help of each command says what it does and gives an example, which the command can be called with."""
    monkeypatch.setenv("COLUMNS", "200")
    call([*words, "--help"])
    out = capsys.readouterr().out
    found = re.search(r"^Example of the command: (segline .*)$", out, re.MULTILINE)
    assert out.startswith(f"Usage: segline {' '.join(words)}") and found and "\x1b" not in out
    _, *example = shlex.split(found[1])
    assert example[: len(words)] == words
    app = build_app()
    assert app.parse_commands(example)[0] == tuple(words)
    app.parse_args(example, exit_on_error=False, print_error=False)


def test_the_command_starts_without_heavy_libraries() -> None:
    """Nothing that takes long to import is loaded before it is needed, also for the help of a command."""
    code = "import sys; from segline.command import call; call(['status', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "COMMAND is missing; expected one of import, run, .*, doctor"),
        (["import"], "COMMAND is missing; expected one of demo, camvid, folder, coco"),
        (["[red]x", "**y**"], r"'\[red\]x' is not a command of `segline`; expected one of import, .*, doctor; "),
        (["import", "delete"], "'delete' is not a command of `segline import`; expected one of demo, camvid, folder"),
        (["run", "--fast"], "'--fast' is not an option of `segline run`; known are --promote, --help"),
        (["run", "--no-promote"], "'--no-promote' is not an option of `segline run`"),
        (["status", "extra"], "'extra': one word too many for `segline status`; `segline status --help` explains"),
        (["compare", "1"], 'Command "compare" parameter SECOND requires an argument'),
        (["compare", "--first", "1", "2"], "'--first' is not an option of `segline compare`"),
        (["noise", "--runs", "2.5"], "Invalid value for --runs: '2.5' is not a whole number; `segline noise --help`"),
        (["publish", "--keep", "2.5"], "Invalid value for --keep: '2.5' is not a whole number; `segline publish --h"),
        (["import", "folder", "a", "b", "--classes", "c", "--kind", "red"], 'Invalid value "red" for --kind.*"colour"'),
    ],
)
def test_wrong_words_are_named_with_the_known_ones(words: list[str], says: str) -> None:
    """Exit code 2, and a line that names the wrong word as it was written and what was expected."""
    with pytest.raises(WrongWordsError, match=says) as caught:
        call(words)
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` says name and version."""
    call(["--version"])
    assert capsys.readouterr().out.startswith("segline 0.")


@pytest.mark.parametrize("words", [["run"], ["status"], ["import", "demo"], ["register"], ["history"]])
def test_outside_a_project_is_refused(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that needs a project says where it is and what is missing, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"is not a segline project \(no dvc\.yaml\); change to the project's folder"):
        call(words)
    assert not list(tmp_path.iterdir())


def test_a_typo_in_params_is_reported_before_anything_starts(project: Path) -> None:
    """`segline run` reads params.yaml first."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("num_epochs", "num_epoch"))
    with pytest.raises(ParamsError, match="did you mean `num_epochs`"):
        call(["run"])
    assert not (project / ".segline").exists()


def test_params_that_do_not_fit_are_reported_before_anything_starts(project: Path) -> None:
    """A crop that does not fit and a class that is not there are known before the first stage, not after an hour."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    text = (project / "params.yaml").read_text()
    text = text.replace("crop: [96, 128]", "crop: [160, 144]").replace("ceilings: {}", "ceilings: {iou/cat: .5}")
    (project / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"crop` is \[160, 144\], images are packed at"):
        call(["run"])
    (project / "data").mkdir()
    (project / "data/dataset.yaml").write_text("classes: [{id: 0, name: car, colour: [1, 2, 3]}]\n")
    with pytest.raises(ParamsError, match="`gate.ceilings` names 'iou/cat', .* did you mean 'iou/car'"):
        call(["run"])
    assert not (project / ".segline").exists()


def test_a_second_run_is_refused_at_once(project: Path) -> None:
    """While one run holds the checkout, the next ends with a clear word before it starts anything."""
    write_tiny_flow(project)
    with only_one("run"), pytest.raises(StageError, match="another `segline run` is under way"):
        call(["run"])


def test_code_that_is_not_committed_is_reported_before_anything_starts(project: Path) -> None:
    """What registering would refuse hours later is refused at once, with a way to train all the same."""
    write_tiny_flow(project)
    (project / "pipeline").mkdir()
    (project / "pipeline/new.py").write_text("")
    with pytest.raises(
        EvidenceError, match="code is not committed: pipeline/new.py; .* `dvc repro`, which does not ask for"
    ):
        call(["run"])
    assert not (project / ".segline/prefect/server.log").exists()


@pytest.mark.parametrize(
    "words", [["--cron", "every day"], ["--cron", "0 3 * * *", "--timezone", "Mars"]], ids=["cron", "timezone"]
)
def test_a_schedule_that_is_none_is_refused(project: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong cron line or time zone is named, with an example."""
    monkeypatch.setenv("PREFECT_HOME", str(project))
    (project / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(ParamsError, match=r"is not a schedule \(.*\); expected such as '0 3 \* \* 1' and UTC"):
        call(["schedule", *words])


def test_a_model_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predicting works anywhere, and says when the model is neither a folder nor registered."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RegistryError, match="segline@champion: not found in MLflow"):
        call(["predict", "segline@champion", "images", "out"])


def test_a_demo_is_drawn(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`segline import demo` writes data/ and its version, and says what came in."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    call(["import", "demo", "--num-images", "2", "--seed", "1"])
    assert len(list((project / "data/images").iterdir())) == 2
    assert (project / "data.dvc").exists()
    assert "data/ holds 2 samples of 6 classes (2 by group)" in capsys.readouterr().out


def test_options_reach_the_import(project: Path) -> None:
    """What is typed is handed to the step: without `--kind` these masks would be refused."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    Path("classes.txt").write_text("sky\nroad\n")
    for name in ("north_1", "north_2", "south_1"):
        write_png(project / f"photos/{name}.png", np.zeros((6, 8, 3), np.uint8))
        mask = Image.fromarray(np.array([[0, 1] * 4] * 6, np.uint8), "P")
        mask.putpalette([255, 255, 255, 0, 0, 0])  # as binary it has the other class
        (project / "labels").mkdir(exist_ok=True)
        mask.save(project / f"labels/{name}_ids.png")
    Path("splits.csv").write_text("name,split\nsouth_1.png,test\n")
    options = ["--classes=classes.txt", "--kind=index", "--mask-suffix=_ids", "--group=(.*)_", "--samples=splits.csv"]
    call(["import", "folder", "photos", "labels", *options])
    found = [(sample.group, sample.split) for sample in list_samples()]
    assert found == [("north", ""), ("north", ""), ("south", "test")]
    assert read_mask(Path("data/masks/south_1.png"))[0, :2].tolist() == [0, 1]


def test_registry_commands_reach_their_steps(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is registered each of them says so, of the version that was typed."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    call(["history"])
    assert "no decision is recorded at sqlite:///mlflow.db yet" in capsys.readouterr().out
    for words, what in ((["rollback", "--to", "7"], "segline/7"), (["compare", "3", "4"], "segline/3")):
        with pytest.raises(RegistryError, match=f"{what}: not found in MLflow"):
            call(words)
    with pytest.raises(RegistryError, match="there is no champion to roll back"):
        call(["rollback"])


@pytest.mark.e2e
def test_a_schedule_runs_the_flow(project: Path, tmp_path: Path) -> None:
    """With no server by address, `segline schedule` runs the flow when its minute comes, and Ctrl-C ends it."""
    write_team(project, tmp_path)
    with started("segline.command", "schedule", "--cron", "* * * * *") as child:
        assert child.stdout
        lines = iter(child.stdout)
        assert any("| train | epoch 3/3" in line for line in lines)
        assert any("GateRejected" in line for line in lines)
        child.send_signal(signal.SIGINT)
        child.communicate()
    assert "GateRejected" in {run["state"]["name"] for run in ask_prefect("flow_runs")[0]}
