"""Compares what a version was made from, and what the stages made: commit, code, packages, data, outputs."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.dataset.contract import DATA
from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError
from pipeline.provenance.commit import FETCH, list_remote_branches, md5_in_commit
from pipeline.provenance.environment import compare_versions, parse_freeze, parse_lock
from pipeline.provenance.registered import COMMITTED, FREEZE, REQUIREMENTS, Registered
from pipeline.provenance.rows import Row, compare_tables, some
from pipeline.provenance.stores import Held, Stores, opened_stores
from pipeline.registry.lineage import CODE, DVC_LOCK, read_data_version
from pipeline.runtime.stages import WORK

PULL = "`dvc pull` where a remote has it, or copy it from the machine that registered the version (`dvc push` there)"
REMAKE = "`dvc checkout` restores it from DVC's cache, `dvc pull` from a remote, `dvc repro` makes it again"


def compare_commit(registered: Registered) -> Iterator[Row]:
    """Whether the commit is in this repository, and whether its code is that in `dvc.lock`."""
    commit, files = registered.values.get("git_commit", "-"), registered.commit_files
    if files is None:
        yield Row("commit", commit, "not in this repository", "missing", FETCH)
        return
    branches = list_remote_branches(commit)
    yield Row("commit", commit, f"here, on {some(branches)}" if branches else "here, on no remote branch", "agree")
    if registered.stages is not None:
        deps = {dep.path: dep.md5 for stage in registered.stages.values() for dep in stage.deps if dep.md5}
        code = {path: md5 for path, md5 in deps.items() if path.split("/")[0] == CODE[0]}
        found = {path: md5 for path in code if (md5 := md5_in_commit(files, path))}
        yield compare_tables("code", "rooms and files", code, found, "find out who changed the registered dvc.lock")
    stored = {name: md5 for name in (*COMMITTED, REQUIREMENTS) if (md5 := registered.expected.get(name))}
    found = {name: md5 for name in stored if (md5 := registered.md5_in_commit(name))}
    yield compare_tables("committed settings", "files", stored, found, "find out who changed the run")


def compare_environment(registered: Registered) -> Iterator[Row]:
    """Whether the packages that were installed have the versions of the lock."""
    lock, freeze = registered.find_original(REQUIREMENTS), registered.find_original(FREEZE)
    if not (lock and freeze):
        return
    locked = parse_lock(lock.read_text(errors="replace"))
    installed = parse_freeze(freeze.read_text(errors="replace"))
    wrong = compare_versions(locked, installed)
    todo = "the environment was not installed from the lock: `make install`, then train and register again"
    found = some(wrong) or f"{len(installed)} installed, none of another version"
    yield Row("environment", f"{len(locked)} packages", found, "differs" if wrong else "agree", todo if wrong else "")


def compare_data(registered: Registered) -> Iterator[Row]:
    """The data set: `data/` if it is that version, else DVC's cache and remote."""
    md5 = registered.values.get("data_md5")
    if md5 is None:
        yield Row("data", "-", "the version names no data set", "missing", "register the model again")
        return
    with opened_stores() as stores:
        if DATA.is_dir() and _has_version(md5):
            yield _compare_folder("data", DATA, md5, stores)
        else:
            yield _judge("data", md5, stores.find(md5, str(DATA)), PULL)


def _has_version(md5: str) -> bool:
    try:
        return read_data_version() == (str(DATA), md5)
    except EvidenceError:
        return False


def _compare_folder(what: str, path: Path, md5: str, stores: Stores) -> Row:
    """A folder or file that lies here, with the names of the files that differ if a store has their list."""
    if (actual := md5_of(path)) == md5:
        return Row(what, md5, f"{path} here", "agree")
    listed = stores.list_files(md5)
    here = {file.relative_to(path).as_posix(): md5_of(file) for file in sorted(path.rglob("*")) if file.is_file()}
    wrong = [
        f"{name} is {'changed' if name in here else 'missing'}" for name in listed if here.get(name) != listed[name]
    ]
    named = some([*wrong, *(f"{name} is new" for name in here if listed and name not in listed)]) or actual
    return Row(what, md5, f"{path} here: {named}", "differs", REMAKE)


def compare_outputs(registered: Registered) -> Iterator[Row]:
    """Each output of each stage: `work/` if `dvc.lock` here is the version's, else DVC's cache and remote."""
    outs = {out.path: out.md5 for stage in (registered.stages or {}).values() for out in stage.outs if out.md5}
    here = {path.as_posix(): path for path in WORK.glob("*")}
    is_current = DVC_LOCK.is_file() and md5_of(DVC_LOCK) == registered.values.get("dvc_lock_md5")
    with opened_stores() as stores:
        for name, md5 in outs.items():
            if name in here and (is_current or md5_of(here[name]) == md5):
                yield _compare_folder(f"output {name}", here[name], md5, stores)
            else:
                yield _judge(f"output {name}", md5, stores.find(md5, name), f"{PULL}, or `dvc repro` at its commit")


def _judge(what: str, md5: str, held: Held | None, todo: str) -> Row:
    if held is None:
        return Row(what, md5, "neither here nor in DVC's cache or remote", "missing", todo)
    if held.damaged:
        where = some([f"{name} is damaged" for name in held.damaged])
        return Row(what, md5, f"{held}: {where}", "differs", "`segline doctor` names broken objects; then `dvc pull`")
    if held.missing:
        where = some([f"{name} is missing" for name in held.missing])
        return Row(what, md5, f"{held}: {where}", "missing", todo)
    return Row(what, md5, str(held), "agree")
