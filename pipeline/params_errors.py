"""What is wrong with a value of `params.yaml`, in words that say what to do."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from pipeline.networks.network import Network
from pipeline.networks.table import NETWORKS
from pipeline.param_types import Section
from pipeline.text import quoted, shown

REPLACED = {
    "train.unet": "train.network: {name: unet, num_levels: ..., width: ..., dropout: ...}",
    "train.dice_weight": "train.loss: {cross_entropy: 1 - dice_weight, soft_dice: dice_weight}",
    "gate.min_mean_iou": "gate.floors: {mean_iou: ...}",
    "gate.min_mean_iou_low": "gate.floors_low: {mean_iou: ...}",
    "gate.min_class_iou": "gate.floors: {iou/CLASS: ...}",
    "gate.min_class_iou_low": "gate.floors_low: {iou/CLASS: ...}",
    "gate.min_slice_iou": "gate.floors: {mean_iou/SLICE: ...}",
    "gate.min_slice_iou_low": "gate.floors_low: {mean_iou/SLICE: ...}",
}
"""Names of former versions, and how to write them now."""


def explain(error: Any, whole: type[Section]) -> str:
    """Says of an error of Pydantic what was found, what was expected and what to do.

    Args:
        error: of `ValidationError.errors()`.
        whole: section that was read.
    """
    names, known = _locate(error["loc"], whole)
    name = shown(".".join(names))
    if error["type"] == "extra_forbidden" and name in REPLACED:
        return f"`{name}` is now written `{REPLACED[name]}`"
    if error["type"] == "extra_forbidden":
        guess = _nearest(names[-1], known) or f" (known here: {', '.join(known)})"
        return f"unknown name `{name}`{guess}; remove it or correct its spelling"
    if error["type"] == "missing":
        return f"`{name}` is missing; nothing has a default, so add it"
    if error["type"] == "union_tag_not_found":
        return f"`{name}.name` is missing, expected one of {', '.join(NETWORKS)}"
    if error["type"] == "union_tag_invalid":
        return f"`{name}.name` is {not_one_of(error['ctx']['tag'], NETWORKS)}"
    if error["type"] == "value_error":
        return f"`{name}`: {error['msg'].removeprefix('Value error, ')}"
    if isinstance(error["input"], str) and _is_number(error["input"]):
        return f"`{name}` is the text {quoted(error['input'])}, expected a number; remove the quotes"
    if error["type"] in ("string_type", "invalid_key"):
        return f"`{name}` is {quoted(error['input'])}, expected a text; put it into quotes"
    return f"`{name}` is {quoted(error['input'])}; {error['msg']}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _locate(location: Sequence[Any], whole: type[Section]) -> tuple[list[str], list[str]]:
    """The names from the top to a value, and the known names of its section.

    Pydantic's `location` holds the name of the chosen network after `network`.
    """
    section: Any = whole
    names: list[str] = []
    fields: dict[str, Any] = {}
    for part in location:
        if section is Network:
            section = NETWORKS[part]
            continue
        is_section = isinstance(section, type) and issubclass(section, Section)
        fields = {field.alias or name: field for name, field in section.model_fields.items()} if is_section else {}
        names.append(part if isinstance(part, str) and part.isprintable() else quoted(part))
        section = fields[part].annotation if part in fields else None
    return names, list(fields)


def not_one_of(name: str, known: Collection[str]) -> str:
    """A name that is none of the known ones, with these and the nearest."""
    return f"{quoted(name)}, expected one of {', '.join(known)}{_nearest(name, known)}"


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f", did you mean `{near[0]}`?" if near else ""
