"""DVC's cache and remote as stores of files: where they are, and DVC's own locks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.dataset.versions import find_remote, opened_repo
from pipeline.errors import StageError, StorageError


def find_cache() -> Path:
    """The folder of DVC's cache, with the folder of its objects in `files/md5/`.

    Raises:
        StageError: this is not a DVC project, or its cache is outside of the project, where other projects may use it.
    """
    with opened_repo() as repo:
        cache = Path(repo.cache.local.path).parents[1].resolve()
    if not cache.is_relative_to(Path.cwd().resolve()):
        raise StageError(f"{cache}: DVC's cache is outside of this project, others may need what is in it")
    return cache


@contextmanager
def locked(checkout: Path) -> Iterator[None]:
    """Holds DVC's locks of a checkout, so that no command of DVC is alive and none begins during the block.

    Raises:
        StageError: a command of DVC is under way.
    """
    from dvc.rwlock import rwlock

    with (
        opened_repo(checkout) as repo,
        repo.lock,
        rwlock(repo.tmp_dir, repo.fs, "segline", [], [repo.root_dir], repo.config["core"].get("hardlink_lock", False)),
    ):
        yield


def look_at_remote() -> tuple[str, bool] | None:
    """Address of DVC's default remote and whether something is there; None: there is no default remote.

    Raises:
        StorageError: the remote cannot be reached or refuses.
    """
    with opened_repo() as repo:
        if not (remote := find_remote(repo)):
            return None
        try:
            odb = repo.cloud.get_remote_odb()
            return remote.address, bool(odb.fs.exists(odb.path))
        except Exception as err:
            reason = str(err).partition("\n")[0] or type(err).__name__
            raise StorageError(f"DVC's remote {remote.name} at {remote.address} cannot be reached: {reason}") from err
