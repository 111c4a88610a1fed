"""Makes a registered version again, in a folder of its own that a stopped reproduction goes on in."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from pipeline.dataset.contract import DATA
from pipeline.dataset.versions import restore
from pipeline.disk.files import part_of
from pipeline.errors import EvidenceError, RepositoryError, StageError
from pipeline.provenance.environment import normalize, parse_freeze
from pipeline.provenance.registered import DATA_FILE, FREEZE, PARAMS_FILE, Registered
from pipeline.registry.lineage import DATA_DVC, DVC_LOCK, PARAMS
from pipeline.repository.checkout import ALL_BRANCHES, find_origin
from pipeline.repository.git import git
from pipeline.runtime.guard import run_guarded
from pipeline.runtime.locks import FOLDER

PLACE = FOLDER / "reproduce"
"""Of a folder for each version that is made again."""
STARTED = Path(".segline/reproduction")
"""Marks a folder whose stages were begun."""
LOCK, GPU_LOCK = "requirements.lock", "requirements-gpu.lock"
ENVIRONMENT = ".venv"
OURS = "segline"
Say = Callable[[str], None]


def check_out(registered: Registered) -> Path:
    """The folder with the version's commit, params and data; outputs of a reproduction that was stopped stay.

    Raises:
        RepositoryError: the commit is neither here nor on the remote `origin`.
        EvidenceError: params or `data.dvc` of the version are not as they were registered, or its data are gone.
        StageError: DVC fails.
    """
    commit = registered.values.get("git_commit", "")
    originals = {name: registered.find_original(name) for name in (PARAMS_FILE, DATA_FILE)}
    folder = PLACE.absolute() / registered.values.get("evidence_md5", commit)[:12]
    if not (folder / STARTED).exists():
        _check_out_commit(folder, commit)
    for name, target in ((PARAMS_FILE, PARAMS), (DATA_FILE, DATA_DVC)):
        original = originals[name]
        if original is None:
            raise EvidenceError(f"{registered.version}: its {name} is not as registered; `segline verify` says more")
        shutil.copyfile(original, folder / target)
    project = Path.cwd()
    with chdir(folder):
        restore(project)
        if not DATA.is_dir():
            md5 = registered.values.get("data_md5")
            raise EvidenceError(f"the data {md5} are neither in DVC's cache nor on its remote; put them back there")
        STARTED.parent.mkdir(exist_ok=True)
        STARTED.touch()
    return folder


def _check_out_commit(folder: Path, commit: str) -> None:
    """Without dvc.lock: DVC would take the registered outputs out of its cache."""
    if not folder.exists():
        with part_of(folder) as part:
            git("clone", "--quiet", "--no-checkout", "--shared", "--", str(Path.cwd()), str(part))
            part.rename(folder)
    git("remote", "set-url", "origin", find_origin(Path.cwd()), folder=folder)
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}", folder=folder)
    except RepositoryError:
        git("fetch", "--quiet", "origin", ALL_BRANCHES, folder=folder, otherwise="correct the remote `origin`")
    git("checkout", "--quiet", "--force", "--detach", commit, folder=folder, otherwise="fetch that commit first")
    (folder / DVC_LOCK).unlink(missing_ok=True)


def list_other_packages(registered: Registered, installed: dict[str, str]) -> list[str]:
    """A phrase for each package of the version's environment that is another one here, or none.

    Raises:
        EvidenceError: the list of packages is not as it was registered.
    """
    path = registered.find_original(FREEZE)
    if path is None:
        raise EvidenceError(f"{registered.version}: its {FREEZE} is not as registered; `segline verify` says more")
    here = {normalize(name): version for name, version in installed.items()}
    wanted = parse_freeze(path.read_text(encoding="utf-8"))
    return [
        f"{name} {here.get(normalize(name), 'is not installed')}, registered with {version}"
        for name, version in wanted.items()
        if normalize(name) != OURS and here.get(normalize(name)) != version
    ]


def build_environment(registered: Registered, folder: Path, say: Say) -> Path:
    """Makes the version's environment from the lock of its commit; gives its Python.

    Raises:
        StageError: uv is missing, or a package cannot be had.
    """
    python = folder / ENVIRONMENT / "bin/python"
    done = folder / ENVIRONMENT / ".done"
    if done.exists():
        return python
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise StageError("uv: not found, which makes the version's environment; `make install` puts it into .venv")
    path = registered.find_original(FREEZE)
    has_gpu = path is not None and "nvidia-" in path.read_text(encoding="utf-8")
    project = ("--offline", "--no-deps", "--no-build-isolation", "--editable", ".")
    for words in (
        ("venv", "--quiet", "--clear", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", ENVIRONMENT),
        ("pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", GPU_LOCK if has_gpu else LOCK),
        ("pip", "install", "--quiet", *project),
    ):
        where = ("--python", str(python)) if words[0] == "pip" else ()
        run_guarded(f"uv {words[0]}", (uv, *words, *where), say, None, folder=folder)
    done.touch()
    return python


def run_stages(folder: Path, python: Path, say: Say) -> None:
    """Runs every stage; what DVC has of an earlier run is not taken.

    Raises:
        StageError: a stage fails; its last lines are in the message.
    """
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    environment = {"PATH": path, "PYTHONPATH": str(folder)}
    run_guarded("dvc repro", (str(python), "-m", "dvc", "repro", "--no-run-cache"), say, None, environment, folder)


def finish(folder: Path) -> None:
    """Lets the next reproduction of the version run every stage again, where a stopped one would go on."""
    (folder / STARTED).unlink()
