"""Looks at the project: commit, data, DVC's cache and the outputs of the stages. Changes nothing."""

from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding, rm
from flows.start import check_data
from pipeline.dataset.contract import DATA
from pipeline.disk.files import md5_of, read_yaml
from pipeline.errors import SeglineError
from pipeline.registry.lineage import DATA_DVC, DVC_LOCK, list_uncommitted_code, read_commit, read_data_version
from pipeline.report.place import NEWEST
from pipeline.repository.checkout import CLONE
from pipeline.retention.checkouts import list_held
from pipeline.runtime.stages import WORK
from pipeline.text import some

DVC_CACHE = Path(".dvc/cache/files/md5")
BY_COMMANDS = (WORK / "import", WORK / "diff", WORK / "crossval")
"""What `segline import`, `diff` and `crossval` write for people."""


def look_at_git() -> Iterator[Finding]:
    """The commit, and code that it does not hold, files that git ignores included."""
    yield Finding("git", f"commit {read_commit()[:8]}")
    if files := list_uncommitted_code():
        todo = "commit them (git add, git commit) or undo the changes: registering takes committed code only"
        yield Finding("code", f"not as committed: {some(files)}", todo)


def look_at_data() -> Iterator[Finding]:
    """Whether the data set is there and is the version in `data.dvc`; DVC itself would delete broken files."""
    if not DATA.exists() and (CLONE / DATA).is_dir():
        yield Finding("data", f"not here; scheduled runs have their own in {CLONE}")
        return
    if not DATA.exists() and not DATA_DVC.exists():
        yield Finding("data", "none yet: `segline import` brings data in, and so does a schedule with `--source`")
        return
    check_data()
    path, md5 = read_data_version()
    if md5_of(Path(path)) == md5:
        yield Finding("data", "is the version in data.dvc")
    else:
        todo = "`dvc checkout data.dvc` or, to keep it, `dvc add data`"
        yield Finding("data", "is not the version in data.dvc", todo)


def look_at_cache() -> Iterator[Finding]:
    """Objects in DVC's cache whose content does not match their name."""
    objects = [path for path in sorted(DVC_CACHE.glob("[0-9a-f][0-9a-f]/*")) if path.is_file()]
    broken = [path for path in objects if md5_of(path) != path.parent.name + path.name.removesuffix(".dir")]
    if broken:
        todo = f"{rm(broken)}; then `dvc pull` or run again"
        yield Finding("DVC's cache", f"{len(broken)} broken objects", todo)
    else:
        yield Finding("DVC's cache", f"{len(objects)} objects, all whole")


def look_at_work() -> Iterator[Finding]:
    """Outputs that differ from `dvc.lock`, and files that no stage makes."""
    if not WORK.is_dir() or list_held():
        return
    locked = _locked_outputs()
    for path in sorted(WORK.iterdir()):
        if path.as_posix() not in locked and path not in (NEWEST, *BY_COMMANDS) and not path.name.startswith("."):
            todo = f"`dvc repro` makes it again, or {rm([path])}"
            yield Finding(str(path), "is in no stage's output in dvc.lock", todo)
    for name, md5 in locked.items():
        path = Path(name)
        if path.exists() and md5_of(path) != md5:
            yield Finding(name, "is not as dvc.lock has it", f"`dvc checkout {name}`, or `dvc repro`")


def _locked_outputs() -> dict[str, str]:
    if not DVC_LOCK.exists():
        return {}
    content = read_yaml(DVC_LOCK, SeglineError, "run `dvc repro`")
    stages = content.get("stages") if isinstance(content, dict) else None
    outs = [out for stage in (stages or {}).values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if "md5" in out}
