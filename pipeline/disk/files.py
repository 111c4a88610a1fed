"""Files that appear whole or not at all, and the MD5 names that DVC gives them."""

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import EvidenceError, SeglineError, StageError

MAX_JSON_CHARS = 1 << 26
MAX_SHOWN = 60  # characters of a value in a message
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL = "no space left on the disk, or the file is larger than this system allows"


def is_full(err: BaseException) -> bool:
    """True if an error is a lack of space, by its number or by the system's words in a library's message."""
    if isinstance(err, OSError) and err.errno:
        return err.errno in NO_SPACE
    return any(os.strerror(number) in str(err) for number in NO_SPACE)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a path in the same folder to write a file or a folder to; renames it to `path` at the end of the block.

    A block that raises leaves `path` as it was.

    Raises:
        StageError: the disk is full.
    """
    with part_of(path) as part:
        yield part
        if path.is_dir():
            old = path.with_name(f".{path.name}.old")
            remove(old)
            path.replace(old)
            part.replace(path)
            remove(old)
        else:
            part.replace(path)


@contextmanager
def part_of(path: Path) -> Iterator[Path]:
    """Gives a path in the same folder to write to; at the end of the block it is removed.

    Raises:
        StageError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    remove(part)
    try:
        yield part
    except OSError as err:
        if is_full(err):
            raise StageError(
                f"{path}: {FULL}; {path.name} was not written and nothing else was touched. Free some space and run "
                "the same command again"
            ) from err
        raise
    finally:
        remove(part)


def flush(*paths: Path) -> None:
    """Waits until the content of files, and the names in folders, would survive a loss of power."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as err:
            if err.errno != errno.EINVAL:  # a network's file system that flushes files only
                raise
        finally:
            os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Makes a folder if it is missing.

    Raises:
        StageError: nothing can be written to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as err:
        raise StageError(
            f"{folder}: cannot be written to ({err.strerror}); make it a folder with write permission, on a disk with "
            "free space, and run the same command again"
        ) from err


def check_room(folder: Path, num_bytes: int) -> None:
    """Checks the free space on the disk of a folder.

    Raises:
        StageError: there are fewer than `num_bytes`; gives both numbers.
    """
    needed_mb, free_mb = num_bytes / 1e6, shutil.disk_usage(folder).free / 1e6
    if free_mb < needed_mb:
        raise StageError(
            f"{folder}: no space left on the disk: {needed_mb:,.1f} MB are needed, {free_mb:,.1f} MB are free; free "
            "some space and run the same command again"
        )


def write_json(path: Path, content: Any) -> None:
    """Writes `content` with sorted keys, so that equal content gives equal bytes; nan is refused."""
    with written_whole(path) as part:
        part.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, made_by: str) -> Any:
    """Reads a JSON file that the step `made_by` writes.

    Raises:
        EvidenceError: the file is missing, cannot be read or is not JSON; see `parse_json`.
    """
    try:
        return parse_json(path.read_bytes().decode())
    except FileNotFoundError as err:
        raise EvidenceError(f"{path}: not found; {made_by} writes it, run that first") from err
    except OSError as err:
        raise EvidenceError(f"{path}: cannot be read ({err.strerror}); delete it and run {made_by} again") from err
    except ValueError as err:
        raise EvidenceError(f"{path}: is not JSON ({err}); delete it and run {made_by} again") from err


def parse_json(text: str, max_chars: int = MAX_JSON_CHARS) -> Any:
    """The value of a JSON text. What `write_json` never writes is refused: nan, infinity and a name twice in an object.

    Raises:
        ValueError: the text is not such JSON, is nested too deep or too long, or has half a character (a surrogate).
    """
    if len(text) > max_chars:
        raise ValueError(f"it has {len(text)} characters, expected at most {max_chars}")
    try:
        content = json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_without_doubles)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()
        return content
    except RecursionError as err:
        raise ValueError("it is nested too deep") from err


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(f"{number[:MAX_SHOWN]} is not a finite number")
    return float(number)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{ascii(double)[:MAX_SHOWN]} is in one object twice")
    return content


def read_yaml(path: Path, error: type[SeglineError], otherwise: str) -> Any:
    """Reads a YAML file as `parse_yaml` does; `otherwise` is the advice if it is missing or cannot be read.

    Raises:
        SeglineError: `error`; the file is missing, cannot be read, is not in UTF-8, or `parse_yaml` refuses it.
    """
    try:
        return parse_yaml(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as err:
        raise error(f"{path}: not found; {otherwise}") from err
    except OSError as err:
        raise error(f"{path}: cannot be read ({err.strerror}); {otherwise}") from err
    except UnicodeDecodeError as err:
        raise error(f"{path}: is not YAML (no UTF-8, {err.reason} at byte {err.start}); correct or restore it") from err
    except ValueError as err:
        raise error(f"{path}: {err}; correct or restore it") from err


def md5_of(path: Path, without: str = "") -> str:
    """MD5 of a file, or of a folder as DVC names one: of the sorted list of its files' names and MD5s.

    Folders in it with the name `without` are left out, as `.dvcignore` does.
    """
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file() and without not in file.parts)
        return md5_of_listing({file.relative_to(path).as_posix(): md5_of(file) for file in files})
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def md5_of_code(path: Path) -> str:
    """MD5 of a file or folder of code, without `__pycache__`."""
    return md5_of(path, without="__pycache__")


def md5_of_listing(files: Mapping[str, str]) -> str:
    """MD5 of a folder whose files' MD5s are known, by their paths below it."""
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    text = json.dumps(listing, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there; of a link, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
