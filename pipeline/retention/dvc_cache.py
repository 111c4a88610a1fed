"""DVC's cache: objects that a commit, a registered version or a file of this project needs stay, old ones of others go.

An object is needed if its MD5 stands anywhere in a file of DVC, so an unknown form of such a file loses nothing.
DVC's own `gc` knows the commits of one repository only, and no registered version.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.disk.files import md5_of, read_yaml
from pipeline.errors import EvidenceError
from pipeline.importers.replacement import JOURNAL
from pipeline.registry.client import Version
from pipeline.registry.old_runs import list_all_versions
from pipeline.registry.runs import find_file
from pipeline.retention.dvc_store import find_cache
from pipeline.retention.history import read_files, read_history
from pipeline.retention.place import DAY_S, Entry, words

MD5 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")
COMMIT = re.compile(r"[0-9a-f]{40}")
OBJECTS = "files/md5/[0-9a-f][0-9a-f]/*"
RUNS = "runs/*/*/*"
"""DVC's memory of the outputs that a stage had for its inputs."""
LINKED = ("data", "work")
LOCK_TAG, COMMIT_TAG = "dvc_lock_md5", "git_commit"
STORED = ("lineage/dvc.lock", "lineage/data.dvc")
"""Files of DVC that a registered version's run keeps."""


def list_objects(checkouts: Iterable[Path], days: float, now: float) -> Iterator[Entry]:
    """What is in the cache; what goes comes in an order in which a stop leaves no object without its parts.

    Args:
        checkouts: all that share the cache.
        days: for which an object is kept that nothing needs.
        now: seconds since 1970.

    Raises:
        SeglineError: something that may name an object cannot be read.
    """
    cache = find_cache()
    owners = {
        md5: owner for owner, named in _list_named(cache, list(checkouts)).items() for md5 in _with_parts(cache, named)
    }
    unneeded = {}
    for path in sorted(path for path in cache.glob(OBJECTS) if path.is_file()):
        md5, status = f"{path.parent.name}{path.name}", path.lstat()
        is_young = now - max(status.st_mtime, status.st_ctime) < days * DAY_S
        if owner := owners.get(md5) or ("" if not is_young else f"younger than {words(days)}"):
            yield Entry(md5, status.st_size, owner)
        else:
            unneeded[md5] = path
    yield from _list_runs(cache, set(unneeded))
    for md5 in sorted(unneeded, key=lambda md5: not md5.endswith(".dir")):
        remove = partial(unneeded[md5].unlink, missing_ok=True)
        reason = f"no commit, version or file here names it, for {words(days)}"
        yield Entry(md5, unneeded[md5].lstat().st_size, reason, remove)


def _list_runs(cache: Path, unneeded: set[str]) -> Iterator[Entry]:
    """Entries of the run cache that name an object that goes."""
    for path in sorted(cache.glob(RUNS)):
        if unneeded & _find_md5s(path.read_bytes()):
            remove = partial(path.unlink, missing_ok=True)
            yield Entry(path.name, path.lstat().st_size, "remembers outputs that go", remove)


def _list_named(cache: Path, checkouts: list[Path]) -> Mapping[str, set[str]]:
    """MD5s that are needed, by their owner; a later owner counts first."""
    versions = [version for version in list_all_versions() if LOCK_TAG in version.tags]
    commits = [tag for version in versions if COMMIT.fullmatch(tag := version.tags.get(COMMIT_TAG, ""))]
    here = [text for checkout in checkouts for text in (_read_checked(checkout), *_list_links(checkout, cache))]
    return {
        "commits": set().union(*(_find_md5s(read_history(checkout, commits)) for checkout in checkouts)),
        "registered versions": set().union(*(_find_md5s(_read_stored(version)) for version in versions)),
        "files here": set().union(*map(_find_md5s, here)),
    }


def _find_md5s(text: bytes) -> set[str]:
    return {match.decode() for match in MD5.findall(text)}


def _read_checked(checkout: Path) -> bytes:
    """DVC's files in a checkout; an unfinished import also needs what its journal names."""
    for path in (checkout / "dvc.lock", *checkout.glob("*.dvc")):
        if path.is_file():
            read_yaml(path, EvidenceError, "restore it from git")
    journal = checkout / JOURNAL
    return read_files(checkout) + (journal.read_bytes() if journal.exists() else b"")


def _list_links(checkout: Path, cache: Path) -> Iterator[bytes]:
    """MD5s of the objects that the data set and the outputs link to, if DVC was set to link instead of copying."""
    for path in (path for name in LINKED for path in (checkout / name).rglob("*") if path.is_symlink()):
        if (target := path.resolve()).is_relative_to(cache):
            yield f"{target.parent.name}{target.name}".encode()


def _read_stored(version: Version) -> bytes:
    """DVC's files in the run of a registered version."""
    with TemporaryDirectory() as folder:
        files = [find_file(version.run_id, Path(folder), path) for path in STORED]
        if files[0] is None or md5_of(files[0]) != version.tags[LOCK_TAG]:
            problem = "not there" if files[0] is None else "not as it was registered"
            raise EvidenceError(
                f"{version}: {STORED[0]} of its run is {problem}; put it back from a backup, or delete the version"
            )
        return b"\n".join(file.read_bytes() for file in files if file)


def _with_parts(cache: Path, named: Iterable[str]) -> Iterator[str]:
    """The MD5s, and for a folder those of its files; a folder that is not in the cache has none there."""
    for md5 in named:
        yield md5
        listing = cache / "files/md5" / md5[:2] / md5[2:]
        if md5.endswith(".dir") and listing.exists():
            if f"{md5_of(listing)}.dir" != md5:
                raise EvidenceError(f"{listing}: is damaged; `segline doctor` says what to do")
            yield from _find_md5s(listing.read_bytes())
