"""The text of params.yaml with a plan's values, and whether a person has edited it."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from pipeline.disk.yaml_text import parse_yaml, replace_comments, replace_values
from pipeline.errors import ParamsError
from pipeline.planning.plan import Plan
from pipeline.runtime.stages import PARAMS

MARK = re.compile(r"# MD5 of the lines above: ([0-9a-f]{32})\b[^\n]*\n?\Z")
"""The last line of a params file that `segline plan` may write over, as long as the MD5 is right."""
ADVICE = "; `segline plan` writes over this file only while it is"


def is_edited(text: str) -> bool:
    """Whether a text of params.yaml is another one than `segline plan` wrote, or than the project came with."""
    mark = MARK.search(text)
    return mark is None or mark[1] != _md5_of(text[: mark.start()])


def with_mark(text: str) -> str:
    """The text with the line at its end that says that nobody has edited it."""
    body = MARK.sub("", text)
    return f"{body}# MD5 of the lines above: {_md5_of(body)}{ADVICE}\n"


def with_plan(text: str, values: Mapping[str, Any]) -> str:
    """The text with the named values, which may be tables; everything else, comments too, as it is.

    Raises:
        ParamsError: a value is written in a way that cannot be replaced alone.
    """
    try:
        changed = replace_values(text, values)
        parse_yaml(changed)  # the anchor of an alias may be gone
    except ValueError as err:
        raise ParamsError(f"{PARAMS}: {err}") from err
    return changed


def write_plan(text: str, plan: Plan) -> str:
    """A text of params.yaml with the values of a plan, each with its reason as its comment, marked as not edited.

    Raises:
        ParamsError: a value is written in a way that cannot be replaced alone.
    """
    return with_mark(replace_comments(with_plan(MARK.sub("", text), plan.values), plan.reasons))


def _md5_of(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
