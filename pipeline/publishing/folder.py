"""Publications in a folder. All that is written first lies in its hidden folder `.segline`."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.disk.files import FULL, is_full, remove
from pipeline.errors import StageError, StorageError
from pipeline.publishing.place import check_model_name, hash_file, in_order
from pipeline.runtime.locks import waited

OWN = ".segline"


class Folder:
    """The folder `DESTINATION/MODEL` as a `Place`. The destination may be a link; nothing below it may."""

    def __init__(self, destination: Path, model: str) -> None:
        with _explained(destination):
            self._root = destination.resolve() / check_model_name(model)
        self.address = str(destination / model)
        self._own = self._root / OWN

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits for other publishers, and removes what a killed one has left in the hidden folder."""
        with _explained(self._own):
            _check_is_no_link(self._root)
            self._make_folder(self._own)
            with waited(self._own / "lock"):
                for left in self._own.iterdir():
                    if left.name != "lock":
                        remove(left)
                yield

    def list_files(self) -> list[str]:
        """The path of each file; of a link, its own path."""
        with _explained(self._root):
            _check_is_no_link(self._root)
            return sorted(self._walk())

    def _walk(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self._root):
            if Path(folder) == self._root and OWN in folders:
                folders.remove(OWN)
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            yield from ((Path(folder) / name).relative_to(self._root).as_posix() for name in (*files, *links))

    def read(self, path: str, max_bytes: int) -> bytes:
        """The first `max_bytes` of a regular file; none if there is none."""
        with _explained(self._root / path):
            if not self._is_regular(path):
                return b""
            with (self._root / path).open("rb") as file:
                return file.read(max_bytes)

    def sha256_of(self, path: str) -> str:
        """SHA-256 of a regular file; other words if it is none."""
        with _explained(self._root / path):
            if not self._is_regular(path):
                return "not a regular file"
            return hash_file(self._root / path)

    def _is_regular(self, path: str) -> bool:
        return os.path.lexists(self._root / path) and stat.S_ISREG((self._root / path).lstat().st_mode)

    def add(self, number: int, files: Mapping[str, Path]) -> None:
        """Writes the files beside the publications and renames their folder."""
        with _explained(self._root / str(number)):
            staged = self._own / str(number)
            for name in in_order(files):
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(files[name], staged / name)
            staged.rename(self._root / str(number))

    def write(self, path: str, source: Path) -> None:
        """Writes a file beside the publications and renames it."""
        with _explained(self._root / path):
            self._make_folder((self._root / path).parent)
            shutil.copyfile(source, self._own / "part")
            (self._own / "part").replace(self._root / path)

    def delete(self, path: str) -> None:
        """Deletes a file."""
        with _explained(self._root / path):
            (self._root / path).unlink(missing_ok=True)

    def remove(self, number: int) -> None:
        """Moves a publication away, then removes it."""
        with _explained(self._root / str(number)):
            (self._root / str(number)).rename(self._own / "removed")
            remove(self._own / "removed")

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() != folder:
            raise StorageError(f"{folder}: leads over a link, expected a folder of its own; remove the link")


def _check_is_no_link(path: Path) -> None:
    if path.is_symlink():
        raise StorageError(f"{path}: is a link, expected a folder of its own; remove the link")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as err:  # RuntimeError: Python before 3.13, links that go in a circle
        if is_full(err):
            raise StageError(f"{path}: {FULL}; free some space and run `segline publish`") from err
        reason = getattr(err, "strerror", err)
        raise StorageError(
            f"{path}: cannot be used ({reason}); make it a folder with write permission and run `segline publish`"
        ) from err
