"""Files that appear whole or not at all, and the MD5 names that DVC gives them."""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import EvidenceError, SeglineError, StageError

CHUNK_BYTES = 1 << 20


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to; renames it to `path` when the block ends well.

    A block that raises leaves `path` as it was. Works for a file and for a folder, whichever the block made.

    Raises:
        StageError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    _remove(beside)
    try:
        yield beside
        _replace(beside, path)
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"{path}: no space left on the disk; {path.name} was not written and nothing else was "
                f"touched. Free some space and run the same command again"
            ) from err
        raise
    finally:
        _remove(beside)


def write_json(path: Path, content: Any) -> None:
    """Writes `content` with sorted keys, so that equal content gives equal bytes; nan is refused."""
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path, made_by: str) -> Any:
    """Reads a JSON file that the step `made_by` writes.

    Raises:
        EvidenceError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as err:
        raise EvidenceError(f"{path}: not found; {made_by} writes it, run that first") from err
    except ValueError as err:
        raise EvidenceError(f"{path}: is not JSON ({err}); delete it and run {made_by} again") from err


def read_yaml(path: Path, error: type[SeglineError], otherwise: str) -> Any:
    """Reads a YAML file.

    Args:
        path: of the file.
        error: to raise.
        otherwise: what to do where the file is missing.

    Raises:
        SeglineError: `error`; the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError as err:
        raise error(f"{path}: not found; {otherwise}") from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise error(f"{path}: is not YAML ({err}); correct or restore it") from err


def md5_of(path: Path) -> str:
    """MD5 of a file, or of a folder as DVC names one: the sorted list of its files' names and MD5s."""
    if path.is_dir():
        return _md5_of_folder(path)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _md5_of_folder(path: Path) -> str:
    files = ((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    return md5_of_listing({name: md5_of(file) for name, file in files})


def md5_of_listing(files: Mapping[str, str]) -> str:
    """MD5 of a folder whose files' MD5s are known, by their paths below it."""
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    text = json.dumps(listing, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _replace(new: Path, path: Path) -> None:
    if path.is_dir():
        old = path.with_name(f".{path.name}.old")
        _remove(old)
        path.replace(old)
        new.replace(path)
        _remove(old)
    else:
        new.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
