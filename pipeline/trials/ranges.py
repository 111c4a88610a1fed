"""The ranges of a search: a YAML file that names params of the training, and between which values each is tried.

train.learning_rate: {low: 0.0005, high: 0.01, log: true}
train.batch_size: {low: 4, high: 16, step: 4}
train.network.width: {choices: [16, 32, 48]}
"""

import json
import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from pipeline.disk.files import read_yaml
from pipeline.errors import ParamsError
from pipeline.param_types import Section
from pipeline.text import quoted

SEARCHED = "train."
NOT_SEARCHED = {
    "train.seed": "the best of several seeds is the luckiest one; `segline noise` measures what a seed can change",
    "train.num_networks": "a trial trains one network; more of them take as many times as long",
    "train.num_threads": "it changes the time of a training, not its quality",
}
NUM_DIGITS = 4
"""Significant digits of a number that is tried, so that it reads well in params.yaml."""
SMALL = 1e-9


class Numbers(Section):
    """Numbers from `low` to `high`, both included; `log` tries orders of magnitude evenly, `step` a grid from `low`."""

    low: int | float
    high: int | float
    log: bool = False
    step: Annotated[int | float, Field(gt=0)] | None = None

    @property
    def ends(self) -> list[Any]:
        """The values from which all others are valid too, if params are checked by limits."""
        return [self.low, self.high]

    def __contains__(self, value: Any) -> bool:
        return self.low <= value <= self.high and (self.step is None or _is_whole((value - self.low) / self.step))

    def rounded(self, value: float) -> float:
        """The value with fewer digits, within the range; a whole number or one of a grid stays."""
        if isinstance(value, int) or self.step is not None:
            return value
        return float(min(max(float(f"{value:.{NUM_DIGITS}g}"), self.low), self.high))

    def problems(self) -> Iterator[str]:
        """Why there are no such numbers."""
        if self.low >= self.high:
            yield f"low is {self.low:g}, high {self.high:g}; expected low < high"
        elif self.log and self.low <= 0:
            yield f"low is {self.low:g}; expected a number above 0 with `log: true`"
        elif self.log and self.step is not None:
            yield "has both log and step; remove one"
        elif self.step is not None and not _is_whole((self.high - self.low) / self.step):
            yield f"{self.low:g} to {self.high:g} is no whole number of steps of {self.step:g}; change high"


class Choices(Section):
    """Some values, without an order."""

    choices: Annotated[list[bool | int | float | str | list[Any]], Field(min_length=2, max_length=1000)]

    @property
    def ends(self) -> list[Any]:
        """All of them."""
        return list(self.choices)

    def __contains__(self, value: Any) -> bool:
        return value in self.choices

    def problems(self) -> Iterator[str]:
        """Names a value that is there twice."""
        texts = [json.dumps(value) for value in self.choices]
        if double := next((text for text in texts if texts.count(text) > 1), None):
            yield f"has the choice {double} twice; remove one"


Range = Numbers | Choices


def read_ranges(path: Path, values: Mapping[str, Any]) -> dict[str, Range]:
    """Reads and checks the ranges, by the name of the param.

    Args:
        path: the YAML file.
        values: every value of params.yaml by its name, such as "train.network.width".

    Raises:
        ParamsError: the file is missing or not YAML, names no param of the training, or a range does not fit its param.
    """
    content = read_yaml(path, ParamsError, "write ranges such as `train.learning_rate: {low: 0.0005, high: 0.01}`")
    if not isinstance(content, dict) or not content:
        found = type(content).__name__ if content else "nothing"
        raise ParamsError(f"{path}: found {found}, expected lines such as `train.batch_size: {{choices: [8, 16]}}`")
    for name in content:
        if problem := _refuse(name, values):
            raise ParamsError(f"{path}: {quoted(name)} {problem}")
    return {name: _parse(f"{path}: `{name}`", section, values[name]) for name, section in content.items()}


def _refuse(name: Any, values: Mapping[str, Any]) -> str:
    """Why a param is not searched; "" if it is."""
    if name in NOT_SEARCHED:
        return f"is not searched: {NOT_SEARCHED[name]}"
    if name in values:
        only = "only `train.*` is searched: the trials share their arrays, and val scores what the training made"
        return "" if name.startswith(SEARCHED) else f"is not searched: {only}"
    if below := [known for known in values if known.startswith(f"{name}.")]:
        return f"is a section of params.yaml; name one of its values, such as {below[0]}"
    near = get_close_matches(str(name), values, n=1)
    return (
        f"is not in params.yaml{f', did you mean {near[0]}?' if near else '; expected a name such as train.batch_size'}"
    )


def _parse(where: str, section: Any, value: Any) -> Range:
    """The range of a param that has this value now, which tells whether it takes whole numbers."""
    if not isinstance(section, dict):
        raise ParamsError(f"{where} is {quoted(section)}, expected {{low: ..., high: ...}} or {{choices: [...]}}")
    try:
        found: Range = (Choices if "choices" in section else Numbers).model_validate(section)
    except ValidationError as err:
        raise ParamsError("\n".join(f"{where}: {_explain(error)}" for error in err.errors())) from err
    if isinstance(found, Numbers):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParamsError(f"{where} is {quoted(value)} in params.yaml, not a number; expected {{choices: [...]}}")
        found = _of_type(where, found, type(value))
    for problem in found.problems():
        raise ParamsError(f"{where} {problem}")
    return found


def _of_type(where: str, numbers: Numbers, kind: type[int] | type[float]) -> Numbers:
    """The range as whole numbers, or as others."""
    given = {name: number for name in ("low", "high", "step") if (number := getattr(numbers, name)) is not None}
    if kind is int and (broken := [name for name, number in given.items() if number != int(number)]):
        raise ParamsError(f"{where}: {broken[0]} is {given[broken[0]]:g}; the param takes whole numbers, write one")
    return numbers.model_copy(update={name: kind(number) for name, number in given.items()})


def _is_whole(number: float) -> bool:
    return math.isclose(number, round(number), abs_tol=SMALL)


def _explain(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"][:1])
    if error["type"] == "missing":
        return f"{name} is missing; expected {{low: ..., high: ...}} or {{choices: [...]}}"
    if error["type"] == "extra_forbidden":
        return f"unknown name {quoted(name)}; known are low, high, log, step, or choices alone"
    return f"{name} is {quoted(error['input'])}; {error['msg']}"
