"""Looks for what a fault has lost or doubled, once the next run has ended well."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import chdir
from hashlib import md5
from pathlib import Path
from typing import Any

from pipeline.disk.yaml_text import parse_yaml
from pipeline.ledger.aliases import read_standing
from pipeline.provenance.verification import verify
from pipeline.registry.client import CHALLENGER, CHAMPION, PREVIOUS, list_versions
from pipeline.registry.connection import opened
from pipeline.repository.checkout import BRANCH, OF_A_RUN
from pipeline.repository.git import git
from tests.faults.place import Place
from tests.faults.project import HISTORY

NEWEST = 2
"""Of the versions: the state before a fault has the first one."""
DVC_KEY = "project/files/md5/"
PARTS = ("*.part", "*.old")
IGNORED = {"work", "tmp"}


def read_files(project: Path) -> dict[str, bytes]:
    """A person's files: the content of all that is not made by runs, and where HEAD is."""
    with chdir(project):
        head = git("rev-parse", "HEAD")
        names = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    data = [str(path.relative_to(project)) for path in (project / "data").rglob("*") if path.is_file()]
    return {"HEAD": head.encode(), **{name: (project / name).read_bytes() for name in (*names, *data)}}


def find_losses(place: Place, files: Mapping[str, bytes]) -> list[str]:
    """One line for each thing that is missing, doubled, half-written or otherwise than it has to be.

    Args:
        place: after a run that ended well.
        files: of `read_files` before the fault.
    """
    with chdir(place.project):
        git("fetch", "--quiet")
        return [
            *_compare_files(files, read_files(place.project)),
            *_look_at_store(place),
            *_look_at_versions(NEWEST if place.words else NEWEST - 1),
            *_look_at_runs(),
            *_look_for_parts(place.project),
        ]


def _compare_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    names = sorted(before.keys() | after.keys())
    yield from (f"{name} of the person's clone differs" for name in names if before.get(name) != after.get(name))


def _look_at_store(place: Place) -> Iterator[str]:
    """Objects that a commit of a run names; what lies under the name of an MD5 has that MD5."""
    objects = {key: content for (bucket, key), content in place.read_objects().items() if bucket == "dvc"}
    stored = {key.removeprefix(DVC_KEY).replace("/", ""): content for key, content in objects.items()}
    for name, content in stored.items():
        if md5(content).hexdigest() != name.removesuffix(".dir"):
            yield f"the object {name} in S3 is half-written"
    for commit in git("log", "--first-parent", "--format=%H", f"origin/{BRANCH}", "--not", "main").splitlines():
        for name in _list_named(commit, stored):
            if name not in stored:
                yield f"commit {commit[:8]} names {name}, which is not in S3"


def _list_named(commit: str, stored: Mapping[str, bytes]) -> Iterator[str]:
    """MD5s of data and outputs of a run, and those of the files in its folders."""
    data_dvc, dvc_lock = (parse_yaml(git("show", f"{commit}:{name}")) for name in OF_A_RUN[:2])
    outs = [out for table in (data_dvc, *dvc_lock["stages"].values()) for out in table["outs"]]
    for name in (out["md5"] for out in outs):
        yield name
        if name.endswith(".dir") and name in stored:
            yield from (file["md5"] for file in json.loads(stored[name]))


def _look_at_versions(champion: int) -> Iterator[str]:
    """Each version is whole, the aliases point to the right ones, and each champion was promoted once."""
    versions = list_versions()
    if [version.number for version in versions] != list(range(1, NEWEST + 1)):
        yield f"there are versions {[version.number for version in versions]}, expected {NEWEST}"
    for version in versions:
        rows = verify(str(version.number)).rows
        yield from (f"{version}: {row.what} {row.state}: {row.todo}" for row in rows if row.state != "agree")
    aliases = {alias: version.number for version in versions for alias in version.aliases}
    previous = {PREVIOUS: champion - 1} if champion > 1 else {}
    if aliases != {CHALLENGER: NEWEST, CHAMPION: champion, **previous}:
        yield f"the aliases are {aliases}"
    standing = read_standing()
    if standing.complaint:
        yield f"the ledger: {standing.complaint}"
    promoted = Counter(effect.champion for effect in standing.state.effects if effect.what == "promoted")
    if promoted != Counter(range(1, champion + 1)):
        yield f"the ledger promotes {dict(promoted)}"


def _look_at_runs() -> Iterator[str]:
    """No run of MLflow is open, and each epoch is in the run of a version once."""
    registered = {version.run_id for version in list_versions()}
    with opened() as (_, client):
        runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
        for run in runs:
            if run.info.status == "RUNNING":
                yield f"the MLflow run {run.info.run_id} is open"
            if run.info.run_id in registered:
                yield from _look_at_history(client, run.info.run_id)


def _look_at_history(client: Any, run_id: str) -> Iterator[str]:
    for name, epochs in HISTORY.items():
        steps = Counter(metric.step for metric in client.get_metric_history(run_id, name))
        if steps != Counter(epochs):
            yield f"the MLflow run {run_id} has {name} of epochs {dict(steps)}"


def _look_for_parts(project: Path) -> Iterator[str]:
    """Half-written files of ours, and objects of DVC's cache that are not what they are named after."""
    for pattern in PARTS:
        yield from (f"{path.relative_to(project)} is left over" for path in project.rglob(f".{pattern[1:]}"))
    for path in (project / ".dvc/cache/files/md5").glob("??/*"):
        name = f"{path.parent.name}{path.name}".removesuffix(".dir")
        if path.is_file() and len(name) == 32 and md5(path.read_bytes()).hexdigest() != name:
            yield f"{path.relative_to(project)} is half-written"
    if left := git("status", "--porcelain", folder=project / ".segline/runs"):
        yield f"the clone of the runs has changes: {left!r}"
