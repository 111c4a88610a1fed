"""Compares the files of a data set with the version that `data.dvc` names, byte for byte."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import DATA
from pipeline.dataset.versions import Version, list_versioned
from pipeline.disk.files import md5_of, md5_of_listing

AS_VERSIONED, CHANGED, MISSING, NEW = "as versioned", "changed", "missing", "new"
KEEP = "if this is meant, keep it with `dvc add {data}`"


def version_rows(version: Version, known_md5: Mapping[str, str], data: Path = DATA) -> list[dict[str, Any]]:
    """The state of each file of the version, and of each other file in the folder.

    DVC itself compares only size and time with its notes, so it misses a copy that was damaged in its cache. Files
    whose MD5 is not among `known_md5`, by their paths below the folder, are read.

    Returns:
        Rows with `path`, `state`, `advice`; one for the whole folder if DVC's cache has no list of the version's files.
    """
    md5s = {name: known_md5.get(name) or _read_md5(data / name) for name in list_versioned(data)}
    if version.files is None:
        state = AS_VERSIONED if md5_of_listing(md5s) == version.md5 else CHANGED
        states = {"": (state, f"{KEEP}; if not, get the version back with `dvc pull`, or import the data again")}
    else:
        names = sorted(version.files.keys() | md5s.keys())
        states = {name: _compare(md5s.get(name), version.files.get(name), version) for name in names}
    return [
        {
            "path": f"{data.as_posix()}/{name}".rstrip("/"),
            "state": state,
            "advice": advice.replace("{data}", str(data)),
            "version": version.md5,
        }
        for name, (state, advice) in states.items()
    ]


def _read_md5(path: Path) -> str:
    return md5_of(path) if path.is_file() else ""


def _compare(md5: str | None, expected: str | None, version: Version) -> tuple[str, str]:
    """State of a file, and advice."""
    if md5 is None:
        return MISSING, f"{KEEP}; if not, get it back with `dvc checkout {{data}}`"
    if expected is None:
        return NEW, f"{KEEP}; if not, remove it"
    if md5 == expected:
        return AS_VERSIONED, ""
    return CHANGED, f"{KEEP}; if not, {_undo(version, expected)}"


def _undo(version: Version, md5: str) -> str:
    """Advice to get a file back; DVC checks out a damaged copy without an error."""
    copy = version.path_in_cache(md5)
    if copy and copy.is_file() and md5_of(copy) != md5:
        return f"it was damaged in DVC's cache: delete it and {copy}, then `dvc pull`, or import the data again"
    return "delete it and get it back with `dvc checkout {data}` or `dvc pull`"
