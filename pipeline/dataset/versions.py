"""The one door to DVC's Python API: versions of the data set, and whether stages are fresh."""

import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import DATA
from pipeline.disk.files import FULL, check_writable, is_full, md5_of, md5_of_listing, read_yaml
from pipeline.errors import DataError, StageError
from pipeline.secrets import without_secrets
from pipeline.text import quoted

HINTS = ("dvc.repo.scm_context", "dvc.dvcfile")
"""DVC's loggers of advice about `dvc.lock`."""
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
RESTORE = "run this in the project's folder, or restore it from git"


def add_data(path: Path = DATA) -> str:
    """Puts a data folder under DVC's control and writes its `.dvc` file, as `dvc add` does.

    Returns:
        The MD5 that names this version of the data set.

    Raises:
        StageError: this is not a DVC project, DVC is busy or the disk is full.
    """
    with opened_repo() as repo:
        repo.add([str(path)])
    return read_data_md5(path)


def check_can_add() -> None:
    """Checks that `add_data` will work; call it before anything is written.

    Raises:
        StageError: this is not a DVC project, git or DVC's settings are damaged, DVC is busy, or DVC cannot write
            to a folder.
    """
    with opened_repo() as repo:
        for folder in (repo.tmp_dir, repo.site_cache_dir, repo.cache.local.path):
            check_writable(Path(folder))
        with repo.lock:
            pass


@dataclass(frozen=True)
class Version:
    """A version of a data set.

    Attributes:
        md5: its name.
        files: MD5 of each of its files, by the path below the folder; None if DVC's cache does not hold the list.
        cache: folder of DVC's cache; None outside of a DVC project.
    """

    md5: str
    files: Mapping[str, str] | None
    cache: Path | None

    def path_in_cache(self, md5: str) -> Path | None:
        """Where DVC keeps its copy of a file."""
        return self.cache and self.cache / md5[:2] / md5[2:]


def read_version(path: Path = DATA) -> Version | None:
    """The version that the `.dvc` file next to a data folder names; None if that file is missing.

    Raises:
        DataError: the file is not what `dvc add` writes.
        StageError: the project's DVC cannot be opened.
    """
    if not path.with_name(f"{path.name}.dvc").exists():
        return None
    return version_of(read_data_md5(path))


def version_of(md5: str) -> Version:
    """The version with a name.

    Raises:
        StageError: the project's DVC cannot be opened.
    """
    if not Path(".dvc").is_dir():
        return Version(md5, None, None)
    with opened_repo() as repo:
        version = Version(md5, None, Path(repo.cache.local.path))
    return replace(version, files=_read_listing(version))


def version_now(path: Path = DATA) -> Version:
    """The version that a data folder would get if it were added as it is; only a folder that has changed is hashed.

    Raises:
        DataError: the `.dvc` file is not what `dvc add` writes.
        StageError: the project's DVC cannot be opened.
    """
    version = read_version(path)
    if version and version.files is not None and is_fresh(f"{path}.dvc"):
        return version
    files = {file: md5_of(path / file) for file in list_versioned(path)}
    return Version(md5_of_listing(files), files, version.cache if version else None)


def list_versioned(path: Path = DATA) -> list[str]:
    """The files below a data folder, without those that `.dvcignore` names: their paths below it."""
    if not Path(".dvc").is_dir():
        return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    from dvc.fs import localfs

    top = path.absolute().as_posix()
    with opened_repo() as repo:
        return sorted(file.removeprefix(f"{top}/") for file in repo.dvcignore.find(localfs, top))


def _read_listing(version: Version) -> Mapping[str, str] | None:
    listing = version.path_in_cache(version.md5)
    try:
        entries = json.loads(listing.read_bytes()) if listing else []
        files = {entry["relpath"]: entry["md5"] for entry in entries}
        return files if md5_of_listing(files) == version.md5 else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def read_data_md5(path: Path = DATA) -> str:
    """The MD5 in the `.dvc` file next to a data folder: the project's version of the data, wherever the files are.

    Raises:
        DataError: the file is missing, or is not what `dvc add` writes.
    """
    file = path.with_name(f"{path.name}.dvc")
    if not file.exists():
        raise DataError(f"{file}: not found; bring data in with `segline import`")
    return parse_data_md5(read_yaml(file, StageError, RESTORE), file)


def parse_data_md5(content: Any, file: Path) -> str:
    """The MD5 in the content of a `.dvc` file; `file` is for the message.

    Raises:
        DataError: the content is not what `dvc add` writes.
    """
    path = file.with_suffix("")
    try:
        (out,) = content["outs"]
        md5 = out["md5"]
    except (KeyError, TypeError, ValueError) as err:
        raise DataError(f"{file}: expected one output with an md5, as `dvc add {path}` writes it; {RESTORE}") from err
    if not isinstance(md5, str) or not MD5.fullmatch(md5):
        raise DataError(f"{file}: md5 is {quoted(md5)}, expected 32 hexadecimal digits; {RESTORE}")
    return md5


def is_fresh(target: str) -> bool:
    """True if running a stage, or `data.dvc`, again would change nothing.

    Raises:
        StageError: the target is unknown, or DVC is busy.
    """
    with opened_repo() as repo:
        return not repo.status([target])


def run_if_stale(stage: str) -> None:
    """Runs a stage if it is not fresh, as `dvc repro --single-item` does, and prints the output of DVC and the stage.

    DVC's advice to type `git add` and `dvc push` is left out.

    Raises:
        StageError: the stage fails or is unknown, or DVC is busy.
    """
    with opened_repo() as repo:
        logging.getLogger("dvc").setLevel(logging.INFO)
        for name in HINTS:
            logging.getLogger(name).setLevel(logging.WARNING)
        repo.reproduce([stage], single_item=True)


def restore(project: Path) -> None:
    """Lets this clone of a project use its cache and settings, and puts the versions in `data.dvc` and `dvc.lock` here.

    What neither the cache nor the remote has is left out; its stage then runs again.

    Args:
        project: folder of the project.

    Raises:
        StageError: DVC fails.
    """
    for name in (Path(".dvc/cache"), Path(".dvc/config.local")):
        if (project / name).exists() and not name.exists():
            name.unlink(missing_ok=True)
            name.symlink_to((project / name).absolute())
    with opened_repo() as repo:
        if remote := find_remote(repo):
            with _explained(remote):
                repo.fetch()
        logging.getLogger("dvc_data").setLevel(logging.ERROR)  # it names each output that was never made
        repo.checkout(force=True, allow_missing=True)


def push(target: str = "") -> bool:
    """Copies the data set and all outputs, or those of one target such as `data.dvc`, to DVC's remote.

    Returns:
        False if the project has no remote.

    Raises:
        StageError: the remote refuses or cannot be reached.
    """
    with opened_repo() as repo:
        remote = find_remote(repo)
        if remote:
            with _explained(remote):
                repo.push(target or None)
    return bool(remote)


@dataclass(frozen=True)
class Remote:
    """DVC's default remote.

    Attributes:
        name: in DVC's settings.
        address: without a password.
    """

    name: str
    address: str


def find_remote(repo: Any) -> Remote | None:
    """The default remote of an opened repo, if it has one."""
    name = repo.config["core"].get("remote")
    return Remote(name, without_secrets(str(repo.config["remote"].get(name, {}).get("url", name)))) if name else None


class _Keeper(logging.Handler):
    """Keeps the errors that are logged, one sentence each."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        reason = str(record.exc_info[1]).partition("\n")[0] if record.exc_info else ""
        self.sentences.append(": ".join(filter(None, (record.getMessage(), reason))))


@contextmanager
def _explained(remote: Remote) -> Iterator[None]:
    """Adds the remote and the first reason to the error of a transfer; DVC logs the reasons, and raises a number.

    Raises:
        DvcException: the remote fails; the library that talks to it may have an error of its own, whatever it is.
    """
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    keeper, logger = _Keeper(), logging.getLogger("dvc_data")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [keeper], False
    try:
        yield
    except (SCMError, sqlite3.Error):
        raise
    except Exception as err:
        if isinstance(err, OSError) and is_full(err):
            raise
        reason = ": ".join((str(err).partition("\n")[0], *keeper.sentences[:1]))
        raise DvcException(f"remote {remote.name} at {remote.address}: {reason}") from err.__cause__
    finally:
        logger.handlers, logger.propagate = before


@contextmanager
def opened_repo(checkout: Path = Path()) -> Iterator[Any]:
    """Gives DVC's `Repo` of a checkout for the block, in which DVC's errors become ours.

    Raises:
        StageError: this is not a DVC project, DVC is busy there, the disk is full, or DVC fails.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.scm import SCMError

    logging.getLogger("dvc").setLevel(logging.WARNING)  # its advice to type `git add` is for its own command line
    try:
        with Repo(str(checkout)) as repo:
            yield repo
    except NotDvcRepoError as err:
        raise StageError(f"{checkout.resolve()}: is not a DVC project; run this in the project's folder") from err
    except SCMError as err:
        raise StageError(f"{err}; versions need git: clone the project, or run `git init` here") from err
    except LockError as err:
        where = checkout.resolve()
        raise StageError(f"DVC is busy in {where}; wait for the other command to end. It says: {err}") from err
    except sqlite3.Error as err:
        raise StageError(
            f"DVC failed: its own data base in its site cache cannot be used ({err}); look for free "
            "space on the disk, a limit on the size of files and write permission, then run the same command again"
        ) from err
    except (OSError, DvcException) as err:
        is_out_of_space = isinstance(err, OSError) and is_full(err)
        reason = FULL if is_out_of_space else ": ".join(str(error) for error in _causes(err))
        raise StageError(f"DVC failed: {reason}; fix that and run the same command again") from err


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    while err:
        yield err
        err = err.__cause__
