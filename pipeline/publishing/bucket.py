"""Publications in an object store."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pipeline.object_store.store import Store
from pipeline.publishing.place import check_model_name, in_order


class Bucket:
    """The prefix `DESTINATION/MODEL` of a bucket as a `Place`. Publishers do not wait; the objects decide."""

    def __init__(self, destination: str, model: str) -> None:
        self.address = f"{destination.rstrip('/')}/{check_model_name(model)}"
        self._store = Store(self.address)

    def alone(self) -> AbstractContextManager[None]:
        """Publishers do not wait for each other."""
        return nullcontext()

    def list_files(self) -> list[str]:
        """The path of each object."""
        return self._store.list_keys()

    def read(self, path: str, max_bytes: int) -> bytes:
        """The first `max_bytes` of an object; none if there is none."""
        return self._store.read(path, max_bytes)

    def sha256_of(self, path: str) -> str:
        """SHA-256 of an object; "" if there is none."""
        return self._store.sha256_of(path)

    def add(self, number: int, files: Mapping[str, Path]) -> None:
        """Uploads the files, in the order of `in_order`."""
        for name in in_order(files):
            self.write(f"{number}/{name}", files[name])

    def write(self, path: str, source: Path) -> None:
        """Uploads a file."""
        self._store.upload(source, path)

    def delete(self, path: str) -> None:
        """Deletes an object."""
        self._store.delete(path)

    def remove(self, number: int) -> None:
        """Deletes the objects of a publication, in the reverse order of `in_order`."""
        start = f"{number}/"
        names = {key.removeprefix(start) for key in self._store.list_keys(start)}
        for name in reversed(in_order(names)):
            self._store.delete(f"{start}{name}")
