"""Files of a user as they may be opened: regular ones, in their place, of a bounded size."""

import os
import stat
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from pipeline.errors import DataError
from pipeline.text import shown

CHUNK_BYTES = 1 << 16
MAX_TEXT_BYTES = 16 << 20
"""A table of some 300,000 samples; its rows take many times as much memory as the file."""
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file; a pipe or a device is never waited for.

    Raises:
        DataError: it is missing, not a regular file, or larger than `max_bytes`.
    """
    try:
        with FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            _refuse_special(path, status.st_mode)
            content = _read_bounded(file, status.st_size, max_bytes)
    except (OSError, ValueError) as err:
        raise DataError(f"{shown(str(path))}: cannot be read ({_reason(err)}); restore the file") from err
    if content is None:
        size = f"{status.st_size / 1e6:,.1f} MB" if status.st_size else "endless"
        raise DataError(f"{shown(str(path))}: is {size}, the limit is {max_bytes / 1e6:,.1f} MB; make it smaller")
    return content


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 of up to 16 MiB; a byte order mark is dropped.

    Raises:
        DataError: it cannot be read as such.
    """
    try:
        return read_regular(path, MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DataError(f"{shown(str(path))}: is not text in UTF-8 ({err}); save it again as such") from err


def check_place(path: Path, folders: Sequence[Path]) -> None:
    """Raises unless the path is a regular file, or a link to one in the folders.

    Raises:
        DataError: names the file, and where a link leads.
    """
    if any(_lies_plainly_in(str(path), str(folder)) for folder in folders):
        return
    try:
        target = path.resolve(strict=True)
        _refuse_special(path, target.stat().st_mode)
    except (OSError, RuntimeError, ValueError) as err:  # RuntimeError: Python before 3.13, links that go in a circle
        what = "is a link that leads nowhere" if path.is_symlink() else f"cannot be read ({_reason(err)})"
        raise DataError(f"{shown(str(path))}: {what}; restore the file") from err
    if not any(target.is_relative_to(folder.resolve()) for folder in folders):
        raise DataError(
            f"{shown(str(path))}: is a link to {shown(str(target))}, outside of {shown(str(folders[0]))}; "
            "put the file itself in its place"
        )


def _lies_plainly_in(path: str, folder: str) -> bool:
    """True for a regular file that is reached from the folder without a link: the common case, in a tenth of the time.

    False if that cannot be told from the names.
    """
    if not path.startswith(f"{folder}/") or ".." in path:
        return False
    ends = [place for place, char in enumerate(path) if char == "/" and place > len(folder)]
    places = [*(path[:end] for end in ends), path]
    try:
        modes = [os.lstat(place).st_mode for place in places]
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(modes[-1]) and all(map(stat.S_ISDIR, modes[:-1]))


def _read_bounded(file: FileIO, size: int, max_bytes: int) -> bytes | None:
    """The content; None if it is larger. Files in /proc have a size of 0."""
    content = bytearray()
    while max(size, len(content)) <= max_bytes:
        chunk = file.read(max(size - len(content), CHUNK_BYTES))
        if not chunk:
            return bytes(content)
        content += chunk
    return None


def _refuse_special(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "not a file")
        raise DataError(f"{shown(str(path))}: is {kind}, expected a regular file; remove it")


def _reason(err: Exception) -> str:
    return err.strerror or str(err) if isinstance(err, OSError) else str(err)
