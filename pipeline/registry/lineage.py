"""The lineage of a model: a commit, the data set's version, the params and the lock that ties them to the outputs.

A lineage is clean if the commit and the files `params.yaml`, `data.dvc` and `dvc.lock` are enough to make the same
model again. These files may differ from the commit, because the registry keeps them. Code may not differ.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from pipeline.disk.files import md5_of, md5_of_code, read_yaml
from pipeline.errors import EvidenceError
from pipeline.repository.git import git
from pipeline.text import shown, some

PARAMS, DATA_DVC, DVC_LOCK, DVC_YAML = Path("params.yaml"), Path("data.dvc"), Path("dvc.lock"), Path("dvc.yaml")
CODE = ("pipeline", "flows", "segline", "dvc.yaml", "pyproject.toml", "requirements.lock", "requirements-gpu.lock")
FILES = (DVC_LOCK, DVC_YAML, DATA_DVC, PARAMS, Path("pyproject.toml"), Path("requirements.lock"))
"""Files that the registry keeps in addition to the commit's hash."""
IMPORTABLE = {".py", ".pyc", ".so"}


@dataclass(frozen=True)
class Lineage:
    """All that is needed to make a model again.

    Attributes:
        git_commit: 40 hex digits.
        data_md5: DVC's MD5 of the data set.
    """

    git_commit: str
    data_md5: str
    params_md5: str
    dvc_lock_md5: str


class LockedFile(BaseModel):
    """A dependency or output in `dvc.lock`; a URL has no MD5."""

    path: str
    md5: str | None = None


class _DataSet(BaseModel):
    """An output in `data.dvc`."""

    path: str
    md5: str


class LockedStage(BaseModel):
    """A stage in `dvc.lock`, as DVC last ran it."""

    cmd: str | list[str]
    deps: list[LockedFile] = []
    outs: list[LockedFile] = []
    params: dict[str, dict[str, Any]] = {}


def read_lineage() -> Lineage:
    """Reads the lineage of the outputs in `work/`, and refuses outputs that cannot be made again.

    Raises:
        EvidenceError: code is not committed, a file is missing, or a file has another MD5 than in `dvc.lock`.
    """
    commit = read_commit()
    check_code_is_committed()
    data_path, data_md5 = read_data_version()
    if problems := list(compare_lock(data_path, data_md5)):
        raise EvidenceError(
            f"{DVC_LOCK} does not fit what lies here: {some(problems)}; run `dvc repro` and register again"
        )
    return Lineage(commit, data_md5, md5_of(PARAMS), md5_of(DVC_LOCK))


def read_commit() -> str:
    """The commit that is checked out.

    Raises:
        RepositoryError: git, a repository or a commit is missing.
    """
    git("rev-parse", "--git-dir", otherwise="run this in a clone of the project, or `git init` and commit its files")
    return git("rev-parse", "--verify", "HEAD", otherwise="commit the project's files first (git add, git commit)")


def check_code_is_committed() -> None:
    """Refuses code that differs from the commit, also in files that git was configured to ignore.

    Raises:
        EvidenceError: code is not committed; the message names files that are changed, deleted or new.
    """
    if files := list_uncommitted_code():
        raise EvidenceError(
            f"code is not committed: {some(files)}; a model is registered with the commit that makes it again, so "
            "commit (git add, git commit) or undo these changes and run the same command again. To try something "
            "without registering it, run `dvc repro`, which does not ask for a commit"
        )


def list_uncommitted_code() -> list[str]:
    """Paths of code files that differ from the commit.

    Git compares with a fresh index, which has no `--assume-unchanged`, no `--skip-worktree` and no time stamps. An
    ignored file counts if Python can import it.

    Raises:
        RepositoryError: git fails.
    """
    otherwise = "the repository may be damaged; `git fsck` says more"
    with TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git("read-tree", "HEAD", otherwise=otherwise, environment=index)
        options = "--porcelain -z --untracked-files=all --ignored --no-renames --ignore-submodules=none"
        listing = git("status", *options.split(), "--", *CODE, otherwise=otherwise, environment=index)
    entries = ((line[:2], line[3:]) for line in listing.split("\0") if line)
    return [path for state, path in entries if state != "!!" or _is_importable(Path(path))]


def _is_importable(path: Path) -> bool:
    return path.suffix in IMPORTABLE and path.parent.name != "__pycache__"


def read_data_version(path: Path = DATA_DVC) -> tuple[str, str]:
    """Path and MD5 of the data set in `data.dvc`, or in another copy of that file.

    Raises:
        EvidenceError: the file is missing or is not what `dvc add` writes.
    """
    content = _read_table(path, "bring data in with `segline import`")
    try:
        (data_set,) = TypeAdapter(tuple[_DataSet]).validate_python(content.get("outs"))
    except ValidationError as err:
        raise EvidenceError(
            f"{path}: expected one output with path and md5, as `dvc add data` writes it; run that"
        ) from err
    return data_set.path, data_set.md5


def compare_lock(data_path: str, data_md5: str) -> Iterator[str]:
    """Each difference between `dvc.lock` and the files here, a phrase each."""
    lock = read_lock()
    stages = _read_table(DVC_YAML, "restore it from git").get("stages")
    if not isinstance(stages, dict) or not stages:
        yield f"{DVC_YAML} names no stage"
        return
    for name in stages:
        locked = [stage for key, stage in lock.items() if key == name or key.startswith(f"{name}@")]
        if not locked:
            yield f"stage {name} has not been run"
        for stage in locked:
            yield from _compare_files(stage, data_path, data_md5)
            yield from _compare_params(stage.params)
            yield from _compare_command(name, stage.cmd, stages[name])


def read_lock(path: Path = DVC_LOCK) -> dict[str, LockedStage]:
    """The stages in `dvc.lock`, or in another copy of that file, by name.

    Raises:
        EvidenceError: the file is missing or is not what DVC writes.
    """
    content = _read_table(path, "run `dvc repro`")
    try:
        return TypeAdapter(dict[str, LockedStage]).validate_python(content.get("stages") or {})
    except ValidationError as err:
        place = ".".join(map(str, err.errors()[0]["loc"]))
        raise EvidenceError(
            f"{path}: is not what DVC writes (stages.{place}: {err.errors()[0]['msg']}); delete it, run `dvc repro`"
        ) from err


def _compare_files(stage: LockedStage, data_path: str, data_md5: str) -> Iterator[str]:
    for entry in [*stage.deps, *stage.outs]:
        if entry.md5 is None:
            continue
        # the data folder may be newer than the model; `data.dvc` may not
        actual = data_md5 if entry.path == data_path else _find_md5(Path(entry.path))
        if actual != entry.md5:
            yield f"{entry.path} is {actual}, locked is {entry.md5}"


def _find_md5(path: Path) -> str:
    try:
        is_code = path.parts[:1] == (CODE[0],)
        return (md5_of_code(path) if is_code else md5_of(path)) if path.exists() else "missing"
    except (OSError, ValueError) as err:  # a name that no file can have
        return f"not readable ({err})"


def _compare_params(params: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for file, locked in params.items():
        if not os.path.isfile(file):  # noqa: PTH113 (pathlib raises for a name that no file can have)
            yield f"{shown(file)} is missing, but {DVC_LOCK} has params of it"
            continue
        content = _read_table(Path(file), "restore it from git")
        for name, value in locked.items():
            yield from _compare_values(f"{file}: {name}", _look_up(content, name), value)


def _compare_values(name: str, actual: Any, locked: Any) -> Iterator[str]:
    if isinstance(actual, dict) and isinstance(locked, dict):
        for part in sorted(actual.keys() | locked.keys()):
            yield from _compare_values(f"{name}.{part}", actual.get(part), locked.get(part))
    elif actual != locked:
        yield f"{name} is {actual!r}, locked is {locked!r}"


def _compare_command(name: str, locked: Any, stage: Any) -> Iterator[str]:
    """Compares a stage's command, unless it has a `${...}`: then the params are compared instead."""
    command = stage.get("cmd") if isinstance(stage, dict) else None
    if isinstance(command, str) and "${" not in command and command != locked:
        yield f"the command of {name} is {command!r}, locked is {locked!r}"


def _look_up(content: Any, name: str) -> Any:
    """The value of a dotted name such as `train.network.width`; None if it is missing."""
    for part in name.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _read_table(path: Path, otherwise: str) -> Any:
    content = read_yaml(path, EvidenceError, otherwise)
    if not isinstance(content, dict):
        raise EvidenceError(f"{path}: is empty or not a table; {otherwise}")
    return content
