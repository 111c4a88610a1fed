"""Values of params.yaml by name, and a change of some of them as a text to review."""

from collections.abc import Mapping
from copy import deepcopy
from difflib import unified_diff
from typing import Any

from pipeline.disk.yaml_text import parse_yaml, replace_values
from pipeline.errors import ParamsError
from pipeline.runtime.stages import PARAMS


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value by its name, such as "train.network.width"; a list is a value."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def with_values(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested params in which the named values, which exist, are others."""
    changed = deepcopy(dict(content))
    for name, value in values.items():
        *sections, last = name.split(".")
        place: Any = changed
        for section in sections:
            place = place[section]
        place[last] = value
    return changed


def propose(text: str, values: Mapping[str, Any]) -> str:
    """The text of params.yaml with the named values and everything else, comments too, as it is.

    Raises:
        ParamsError: a value is written in a way that cannot be replaced alone.
    """
    changes = {name: value for name, value in values.items() if flatten(parse_yaml(text))[name] != value}
    try:
        changed = replace_values(text, changes)
        is_right = flatten(parse_yaml(changed)) == flatten(parse_yaml(text)) | changes
    except ValueError as err:
        raise ParamsError(f"{PARAMS}: {err}") from err
    if not is_right:
        raise ParamsError(f"{PARAMS}: a value is an alias (`*name`) that stands at several places; write it out")
    return changed


def difference(old: str, new: str, name: str) -> str:
    """Unified diff from params.yaml to a file `name`."""
    return "".join(unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), str(PARAMS), name))
