"""Downloads of whole folders from an object store."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pipeline.dataset.names import first_double, same_everywhere
from pipeline.disk.files import FULL, check_room, is_full
from pipeline.errors import StageError, StorageError
from pipeline.object_store.store import NUM_CONNECTIONS, Store
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.secrets import without_secrets


def download_folder(url: str, folder: Path, suffixes: Sequence[str], max_bytes: int) -> int:
    """Downloads everything below a prefix into a new folder, under the same relative paths.

    Args:
        url: s3://bucket/prefix.
        folder: is made.
        suffixes: endings of the names to download, in lower case; other objects are left out.
        max_bytes: of an object; a larger one is refused before anything is downloaded.

    Returns:
        Number of files downloaded.

    Raises:
        StorageError: the store cannot be reached, refuses, has nothing there or too large an object, or an object
            changed meanwhile.
        StageError: the disk has too little room.
    """
    store = Store(url)
    folder.mkdir(parents=True)
    try:
        sizes = {key: size for key, size in store.list_sizes().items() if key.lower().endswith(tuple(suffixes))}
        if not sizes:
            raise StorageError(f"{url}: found nothing with {', '.join(suffixes)}; correct the bucket or the prefix")
        places = _places(folder, list(sizes), store.prefix)
        _check_sizes(url, sizes, max_bytes)
        check_room(folder, sum(sizes.values()))
        progress = Progress(f"download of {without_secrets(url)}", len(sizes), "files")
        for _ in in_threads(lambda key: _download(store, key, places[key], sizes[key]), sizes, NUM_CONNECTIONS):
            progress.advance()
        progress.close()
        return len(sizes)
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


def _check_sizes(url: str, sizes: Mapping[str, int], max_bytes: int) -> None:
    if large := [key for key, size in sizes.items() if size > max_bytes]:
        raise StorageError(
            f"{url}: object {large[0]!r} has {sizes[large[0]] / 1e6:,.1f} MB, the limit is {max_bytes / 1e6:,.1f} MB "
            f"(objects above it: {len(large)}); make it smaller, or move it elsewhere"
        )


def _download(store: Store, key: str, path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    store.download(key, path)
    if (found := path.stat().st_size) != size:
        raise StorageError(
            f"object {f'{store.prefix}{key}'!r} changed during the download: {size:,} bytes were listed, {found:,} "
            "came; start again once the upload has ended"
        )
