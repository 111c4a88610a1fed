"""Downloads of whole folders from an object store."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.dataset.names import first_double, same_everywhere
from pipeline.disk.files import FULL, is_full
from pipeline.errors import StageError, StorageError
from pipeline.object_store.store import NUM_CONNECTIONS, Store
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.secrets import without_secrets


def download_folder(url: str, folder: Path, suffixes: Sequence[str]) -> int:
    """Downloads everything below a prefix into a new folder, under the same relative paths.

    Args:
        url: s3://bucket/prefix.
        folder: is made.
        suffixes: endings of the names to download, in lower case; other objects are left out.

    Returns:
        Number of files downloaded.

    Raises:
        StorageError: the store cannot be reached, refuses, or has nothing there.
        StageError: the disk is full.
    """
    store = Store(url)
    folder.mkdir(parents=True)
    try:
        keys = [key for key in store.list_keys() if key.lower().endswith(tuple(suffixes))]
        if not keys:
            raise StorageError(f"{url}: found nothing with {', '.join(suffixes)}; correct the bucket or the prefix")
        places = _places(folder, keys, store.prefix)
        progress = Progress(f"download of {without_secrets(url)}", len(keys), "files")
        for _ in in_threads(lambda key: _download(store, key, places[key]), keys, NUM_CONNECTIONS):
            progress.advance()
        progress.close()
        return len(keys)
    except OSError as err:
        if is_full(err):
            raise StageError(f"{url}: {FULL}, for the download; free some space and start again") from err
        raise StorageError(f"{url}: cannot be stored in {folder} ({err}); rename the object it names") from err


def _places(folder: Path, keys: Sequence[str], prefix: str) -> dict[str, Path]:
    """The file of each object; on no machine do two objects have the same."""
    places = {key: _place(folder, key, prefix) for key in keys}
    if double := first_double(places, lambda key: same_everywhere(str(places[key]))):
        first, second = (f"{prefix}{key}" for key in double)
        raise StorageError(f"objects {first!r} and {second!r} would be one file; rename one in the store")
    return places


def _place(folder: Path, key: str, prefix: str) -> Path:
    relative = PurePosixPath(key)
    if relative.is_absolute() or ".." in relative.parts or "\0" in key:
        raise StorageError(f"object {f'{prefix}{key}'!r} leads out of the folder; rename it in the store")
    return folder / relative


def _download(store: Store, key: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    store.download(key, path)
