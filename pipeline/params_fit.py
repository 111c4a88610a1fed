"""Params beside each other and beside the data set: what a stage would refuse later is said at the start."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pipeline.dataset.contract import ClassList
from pipeline.dataset.names import THIRDS
from pipeline.errors import ParamsError
from pipeline.params import PARAMS, Params, read_params
from pipeline.text import quoted

MAX_LISTED = 300  # characters of the known names in a message


def check_fit(params: Params, classes: ClassList | None) -> None:
    """Compares sections with each other and with the data set: what a stage would refuse later is said at the start.

    Args:
        params: checked each by itself already.
        classes: of the data set; None: there is none yet.

    Raises:
        ParamsError: names everything that does not go together, a line each.
    """
    gate, crop, size = params.gate, params.train.augment.crop, params.preprocess.image_size
    problems = []
    if crop[0] > size[0] or crop[1] > size[1]:
        problems.append(
            f"`train.augment.crop` is {list(crop)}, images are packed at {list(size)} (preprocess.image_size); the "
            "crop must fit in"
        )
    for kind in ("mean", "class", "slice"):
        floor, low = f"min_{kind}_iou", f"min_{kind}_iou_low"
        problems += _compare_floors(floor, getattr(gate, floor), getattr(gate, low))
        if kind != "mean":
            names = {floor: getattr(gate, floor) or {}, low: getattr(gate, low) or {}}
            known = classes.names if classes else None
            problems += _check_classes(names, known) if kind == "class" else _check_slices(names)
    if problems:
        raise ParamsError(f"{PARAMS}: " + f"\n{PARAMS}: ".join(problems))


def check_params(classes: ClassList) -> None:
    """Reads `params.yaml` and does the same, so that the first stage refuses what the last would.

    Raises:
        ParamsError: a value is wrong, or values do not go together.
    """
    check_fit(read_params(), classes)


def _compare_floors(name: str, floor: Any, low: Any) -> Iterator[str]:
    """The lower end of an interval is never above the score, so its floor cannot be above the score's."""
    floors, lows = (value if isinstance(value, dict) else {"": value} for value in (floor, low))
    for part in floors.keys() & lows.keys():
        if floors[part] is not None and lows[part] is not None and lows[part] > floors[part]:
            of = f" of {quoted(part)}" if part else ""
            yield (
                f"`gate.{name}_low`{of} is {lows[part]:g}, `gate.{name}` {floors[part]:g}; the lower end of an "
                "interval is below the score, so lower the one or raise the other"
            )


def _check_classes(names: Mapping[str, Collection[str]], known: Sequence[str] | None) -> Iterator[str]:
    for place, given in names.items():
        if known is None:
            return
        for name in sorted(set(given) - set(known)):
            near = get_close_matches(name, known, n=1)
            told = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)[:MAX_LISTED]}"
            yield f"`gate.{place}` names {quoted(name)}, which is no class of the data set; {told}"


def _check_slices(names: Mapping[str, Collection[str]]) -> Iterator[str]:
    for place, given in names.items():
        for key in sorted(given):
            kind, _, name = key.partition("/")
            if not name or (kind != "group" and name not in THIRDS.get(kind, ())):
                thirds = ", ".join(f"{kind}/{third}" for kind, thirds in THIRDS.items() for third in thirds)
                yield f"`gate.{place}` names {quoted(key)}, which is no slice; expected {thirds} or group/NAME"
