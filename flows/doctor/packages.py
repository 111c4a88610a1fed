"""Compares the installed packages with requirements.lock."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from flows.doctor.finding import Finding
from pipeline.errors import StageError
from pipeline.runtime.stages import RESTORE, ROOT
from pipeline.text import some
from pipeline.training.machine import list_packages

LOCK = ROOT / "requirements.lock"


def look_at_packages() -> Iterator[Finding]:
    """Packages that are missing or have another version than in the lock."""
    locked = read_lock(LOCK)
    if others := list(compare(locked, list_packages())):
        yield Finding("packages", f"not as requirements.lock has them: {some(others)}", "`make install`")
    else:
        yield Finding("packages", f"{len(locked)} as requirements.lock has them")


def read_lock(path: Path) -> dict[NormalizedName, str]:
    """Version by name of each package in a lock that belongs on this machine and this Python.

    Raises:
        StageError: the file is missing or is not a lock.
    """
    if not path.exists():
        raise StageError(f"{path}: not found; {RESTORE}")
    lines = (line.rstrip(" \\") for line in path.read_text(encoding="utf-8").splitlines())
    try:
        wanted = [Requirement(line) for line in lines if line and line[0].isalnum()]
    except InvalidRequirement as err:
        raise StageError(f"{path}: is not a lock ({err}); {RESTORE}") from err
    here = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in here}


def compare(locked: Mapping[NormalizedName, str], installed: Mapping[str, str]) -> Iterator[str]:
    """A phrase for each package of the lock that is missing or has another version."""
    versions = {canonicalize_name(name): version for name, version in installed.items()}
    for name, wanted in locked.items():
        if name not in versions:
            yield f"{name} is missing"
        elif versions[name] != wanted:
            yield f"{name} is {versions[name]}, locked {wanted}"
