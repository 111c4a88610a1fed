"""A team's project with quick stages whose model is registered and promoted by the product's own steps.

The outputs of the stages lie in git, in `made/`, for two models: `sky` is the first champion, and `road` beats it. The
file `choice` says which of them the stages copy. A stage waits as long
as its name is a file in the folder that `HOLDS` names, and a training after its first epoch as long as `epoch` is one,
so that a fault can be injected meanwhile.
"""

import shutil
from contextlib import chdir
from importlib.metadata import version as version_of
from pathlib import Path

from pipeline.dataset.versions import add_data
from pipeline.disk.yaml_text import parse_yaml, to_yaml
from pipeline.registry.runs import SERVING_CODE
from pipeline.repository.git import git
from pipeline.runtime.stages import PARAMS
from tests.conftest import ROOT, SETTINGS
from tests.contest import FREE, write_split
from tests.finished_project import write_work
from tests.flows.tiny_team import save

HOLDS = "FAULTS_HOLDS"
CHOICE = Path("pipeline/choice")
MODELS = ("sky", "road")
STAGES = {"train": ("train", "validate", "preprocess"), "export": ("export", "evaluate", "gate")}
"""The folders of `work/` that each stage writes."""
HISTORY = {"loss": {1, 2}, "val_mean_iou": {1}}
"""The epochs of each metric of a training."""
PROGRAM = """\
import json, os, sys, time
from pathlib import Path
from pipeline.runtime.program import run
NAME, OUTS = sys.argv[1], sys.argv[2:]
def epoch(number, metrics):
    if os.environ.get("SEGLINE_METRIC_LINES"):
        print("metrics:", json.dumps({"epoch": number, **metrics}), flush=True)
    print(f"epoch {number}/2", flush=True)
def wait(place):
    hold = Path(os.environ["FAULTS_HOLDS"], place)
    if hold.exists():
        print(f"{place} waits", flush=True)
    while hold.exists():
        time.sleep(0.05)
def main():
    wait(NAME)
    if NAME == "train":
        epoch(1, {"loss": 0.5, "val_mean_iou": 0.25})
        wait("epoch")
        epoch(2, {"loss": 0.25})
    made = Path("made", Path("pipeline/choice").read_text().strip())
    for out in OUTS:
        for file in sorted((made / out).rglob("*")):
            if file.is_file():
                target = "work" / file.relative_to(made)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
run(main)
"""


def write_project(project: Path, remote: Path, store: str) -> None:
    """Fills a folder with the project, commits it and pushes it to a new bare repository; the choice is `sky`.

    Args:
        project: is made.
        remote: of git; is made.
        store: address of DVC's remote.
    """
    for name in SETTINGS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    with chdir(project):
        git("init", "--quiet", "--initial-branch", "main")
        _write_code()
        write_split(project / "data", [2] * 6)
        shutil.rmtree("work")
        for favourite, name in enumerate(MODELS):
            write_split(project / "data", [2] * 6)  # the manifest in work/, which the evidence names
            write_work(favourite)
            shutil.move("work", f"made/{name}")
        add_data()
        with Path(".dvc/config").open("a") as file:
            file.write(f"    remote = store\n['remote \"store\"']\n    url = {store}\n")
        git("init", "--quiet", "--bare", "--initial-branch", "main", str(remote))
        git("remote", "add", "origin", str(remote))
        save("first")
        git("push", "--quiet", "--set-upstream", "origin", "main")


def choose(name: str) -> None:
    """Commits and pushes another choice from the current directory, a person's clone."""
    CHOICE.write_text(f"{name}\n")
    save(name)
    git("push", "--quiet")


def _write_code() -> None:
    stages = {}
    before: list[str] = []
    for name, outs in STAGES.items():
        folders = [f"work/{out}" for out in outs]
        deps = [str(CHOICE), "made", "program.py", *(before or ["data"])]
        stages[name] = {"cmd": f"python program.py {' '.join((name, *outs))}", "deps": deps, "outs": folders}
        before = folders
    Path("dvc.yaml").write_text(to_yaml({"stages": stages}))
    Path("program.py").write_text(PROGRAM)
    params = parse_yaml(PARAMS.read_text())
    params["promote"] |= FREE
    params["preprocess"]["image_size"] = [32, 32]
    params["train"]["augment"]["crop"] = [32, 32]
    params["train"]["network"]["num_levels"] = 2
    PARAMS.write_text(to_yaml(params))
    Path("pyproject.toml").write_text("[project]\n")
    Path("requirements.lock").write_text(f"numpy=={version_of('numpy')} \\\n    --hash=sha256:0\n")
    Path("pipeline/serving").mkdir(parents=True)
    CHOICE.write_text("sky\n")
    shutil.copy(SERVING_CODE, "pipeline/serving")
    Path("made").mkdir()
