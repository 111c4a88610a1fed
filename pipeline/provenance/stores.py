"""DVC's cache and remote, from which objects are read and hashed."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.dataset.versions import opened_repo
from pipeline.errors import SeglineError, StageError
from pipeline.registry.model_cache import MD5
from pipeline.runtime.parallel import in_threads

CACHE, REMOTE = "DVC's cache", "DVC's remote"
NUM_THREADS = 8
"""Objects that are read at once; a remote answers each after a while."""


@dataclass(frozen=True)
class Held:
    """Copies of a file or folder in the stores.

    Attributes:
        places: the stores that hold any of it.
        num_files: of the folder; 1 for a file.
        missing: paths that no store holds.
        damaged: paths whose content has another MD5.
    """

    places: tuple[str, ...]
    num_files: int
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.num_files} file{'s' * (self.num_files != 1)} in {' and '.join(self.places)}"


@dataclass(frozen=True)
class Stores:
    """DVC's object stores by name, the nearest first."""

    by_name: Mapping[str, Any]

    def find(self, md5: str, path: str) -> Held | None:
        """Hashes all that the stores hold of a file or folder; None if no store has it.

        Args:
            md5: of a file, or of a folder's listing with `.dir` at its end.
            path: name of the file or folder.
        """
        if not MD5.fullmatch(md5) or not (copy := self._hash(md5)):
            return None
        place, found = copy
        if found != md5.removesuffix(".dir"):
            return Held((place,), 1, damaged=(path,))
        if not md5.endswith(".dir"):
            return Held((place,), 1)
        return self._find_files(self.list_files(md5))

    def _find_files(self, files: Mapping[str, str]) -> Held:
        wanted = list(dict.fromkeys(files.values()))
        copies = dict(zip(wanted, in_threads(self._hash, wanted, NUM_THREADS), strict=True))
        found = {name: copies[md5] for name, md5 in files.items()}
        places = {copy[0] for copy in found.values() if copy}
        missing = tuple(name for name, copy in found.items() if not copy)
        damaged = tuple(name for name, copy in found.items() if copy and copy[1] != files[name])
        return Held(tuple(name for name in self.by_name if name in places), len(files), missing, damaged)

    def list_files(self, md5: str) -> dict[str, str]:
        """MD5 by path of the files of a folder; empty if no store holds the list."""
        for store in self.by_name.values():
            try:
                with store.fs.open(store.oid_to_path(md5), "rb") as file:
                    entries = TypeAdapter(list[dict[str, str]]).validate_json(file.read())
                return {entry["relpath"]: entry["md5"] for entry in entries if MD5.fullmatch(entry["md5"])}
            except (FileNotFoundError, ValidationError, KeyError):
                continue
        return {}

    def _hash(self, md5: str) -> tuple[str, str] | None:
        """The first store that holds an object, and the MD5 of what it holds."""
        for name, store in self.by_name.items():
            try:
                with store.fs.open(store.oid_to_path(md5), "rb") as file:
                    digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False))
                return name, digest.hexdigest()
            except FileNotFoundError:
                continue
        return None


@contextmanager
def opened_stores() -> Iterator[Stores]:
    """Gives DVC's cache and default remote, as far as the project has them.

    Raises:
        StageError: DVC or its remote fails.
    """
    if not Path(".dvc").is_dir():
        yield Stores({})
        return
    from dvc.config import NoRemoteError

    try:
        with opened_repo() as repo:
            stores = {CACHE: repo.cache.local}
            with suppress(NoRemoteError):
                stores[REMOTE] = repo.cloud.get_remote_odb()
            yield Stores(stores)
    except SeglineError:
        raise
    except Exception as err:  # each kind of store has errors of its own
        raise StageError(f"DVC's store cannot be read: {err}; fix that and run the same command again") from err
