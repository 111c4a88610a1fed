"""The packages of a version's environment: those of the lock, and those that were installed."""

import re
from collections.abc import Mapping

LOCKED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def parse_lock(text: str) -> dict[str, set[str]]:
    """The versions of each package in a requirements file, by normalized name; markers may give a package several."""
    versions: dict[str, set[str]] = {}
    for line in text.splitlines():
        if match := LOCKED.match(line):
            versions.setdefault(normalize(match[1]), set()).add(match[2])
    return versions


def parse_freeze(text: str) -> dict[str, str]:
    """Version by name of each package in a list as `pip freeze` writes it."""
    return {match[1]: match[2] for line in text.splitlines() if (match := LOCKED.match(line))}


def normalize(name: str) -> str:
    """The one form of a package's name: https://packaging.python.org/specifications/name-normalization."""
    return re.sub(r"[-_.]+", "-", name).lower()


def compare_versions(lock: Mapping[str, set[str]], installed: Mapping[str, str]) -> list[str]:
    """A phrase for each installed package with another version than the lock's; packages that it lacks do not count."""
    return [
        f"{name} {version} was installed, locked is {' or '.join(sorted(lock[normalize(name)]))}"
        for name, version in installed.items()
        if version not in lock.get(normalize(name), {version})
    ]
