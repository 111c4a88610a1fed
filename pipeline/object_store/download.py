"""Mirrors of what is below a prefix of an object store: only new objects are downloaded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pipeline.dataset.names import first_double, same_everywhere
from pipeline.disk.files import FULL, check_room, is_full, md5_of
from pipeline.errors import StageError, StorageError
from pipeline.object_store.store import NUM_CONNECTIONS, Store, Stored
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.secrets import without_secrets

INDEX = "index.jsonl"
"""File beside the files of a mirror: a line for each object that was downloaded whole, [key, ETag, MD5 of the file]."""
FILES = "files"


def mirror(url: str, place: Path, suffixes: Sequence[str], max_bytes: int) -> tuple[Path, int]:
    """Makes a folder hold what is below a prefix, under the same relative paths.

    An object whose ETag is that of an earlier download is not downloaded again, if the file is still the one that came.
    A download that was killed goes on.

    Args:
        url: s3://bucket/prefix.
        place: folder of the mirror; is made.
        suffixes: endings of the names, in lower case; other objects are left out.
        max_bytes: of an object; a larger one is refused before anything is downloaded.

    Returns:
        The folder with the files, and the number of those downloaded now.

    Raises:
        StorageError: the store cannot be reached, refuses, has nothing there or too large an object, or an object
            changed meanwhile.
        StageError: the disk has too little room.
    """
    store, folder = Store(url), place / FILES
    folder.mkdir(parents=True, exist_ok=True)
    try:
        objects = {key: one for key, one in store.list_objects().items() if key.lower().endswith(tuple(suffixes))}
        if not objects:
            raise StorageError(f"{url}: found nothing with {', '.join(suffixes)}; correct the bucket or the prefix")
        places = _places(folder, list(objects), store.prefix)
        _check_sizes(url, objects, max_bytes)
        kept = _keep(place / INDEX, objects, places)
        _remove_others(folder, {places[key] for key in kept})
        new = {key: one for key, one in objects.items() if key not in kept}
        check_room(folder, sum(one.num_bytes for one in new.values()))
        _download_all(store, new, places, place / INDEX)
        return folder, len(new)
    except OSError as err:
        if is_full(err):
            raise StageError(f"{url}: {FULL}, for the download; free some space and start again") from err
        raise StorageError(f"{url}: cannot be stored in {folder} ({err}); rename the object it names") from err


def _keep(index: Path, objects: Mapping[str, Stored], places: Mapping[str, Path]) -> set[str]:
    """The keys whose files are those of their objects; writes the index anew with these alone."""
    lines: dict[str, list[str]] = {}
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines() if index.exists() else ():
        with suppress(ValueError, TypeError):  # a kill may have cut the last line
            key, etag, md5 = json.loads(line)
            lines[key] = [key, etag, md5]
    known = [key for key, (_, etag, _) in lines.items() if key in objects and objects[key].etag == etag]
    kept = {key for key in known if places[key].is_file() and md5_of(places[key]) == lines[key][2]}
    index.write_text("".join(f"{json.dumps(lines[key])}\n" for key in sorted(kept)), encoding="utf-8")
    return kept


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Removes files and empty folders that belong to no object."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # it is not empty
                path.rmdir()
        elif path not in kept:
            path.unlink()


def _download_all(store: Store, new: Mapping[str, Stored], places: Mapping[str, Path], index: Path) -> None:
    progress = Progress(f"download of {without_secrets(store.url)}", len(new), "files")
    with index.open("a", encoding="utf-8") as file:
        jobs: Iterable[str] = in_threads(lambda key: _download(store, key, places[key], new[key]), new, NUM_CONNECTIONS)
        for line in jobs:
            file.write(line)
            file.flush()
            progress.advance()
    if new:
        progress.close()


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


def _check_sizes(url: str, objects: Mapping[str, Stored], max_bytes: int) -> None:
    if large := [key for key, one in objects.items() if one.num_bytes > max_bytes]:
        raise StorageError(
            f"{url}: object {large[0]!r} has {objects[large[0]].num_bytes / 1e6:,.1f} MB, the limit is "
            f"{max_bytes / 1e6:,.1f} MB (objects above it: {len(large)}); make it smaller, or move it elsewhere"
        )


def _download(store: Store, key: str, path: Path, listed: Stored) -> str:
    """Downloads an object; gives its line of the index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store.download(key, path)
    if (found := path.stat().st_size) != listed.num_bytes:
        raise StorageError(
            f"object {f'{store.prefix}{key}'!r} changed during the download: {listed.num_bytes:,} bytes were listed, "
            f"{found:,} came; start again once the upload has ended"
        )
    return f"{json.dumps([key, listed.etag, md5_of(path)])}\n"
