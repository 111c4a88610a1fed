"""The command that goes on: what the user gave, with the option that repairs the files."""

import inspect
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.errors import DataError
from pipeline.text import show_names

NEXT = "run: "
"""Begins the last lines of a refusal; the rest of the line can be pasted into a shell."""
NUM_NAMED = 3


@dataclass(frozen=True)
class Command:
    """A command `segline import NAME`: the importer's function and its arguments by name."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]

    def but(self, **changes: Any) -> str:
        """The whole line for a shell, with changed arguments; defaults are left out."""
        given = {**self.arguments, **changes}
        words = ["segline", "import", self.function.__name__]
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind is not parameter.KEYWORD_ONLY:
                words.append(_as_path(str(given[name])))
            elif given[name] != parameter.default:
                words += _option(name, given[name])
        return shlex.join(words)


def refusal(problem: str, *commands: str) -> DataError:
    """The error for files that cannot be used as they are; each command is one way on, the last is the likeliest."""
    return DataError("\n".join([problem, *(f"{NEXT}{command}" for command in commands)]))


@contextmanager
def ending_with(command: Command) -> Iterator[None]:
    """Adds the command to errors of the block that do not end with one: it goes on once their advice is followed."""
    try:
        yield
    except DataError as err:
        if f"\n{NEXT}" in str(err):
            raise
        raise refusal(str(err), command.but()) from err


def next_step(command: Command | None, **changes: Any) -> list[str]:
    """The command with changes, for `refusal`; nothing if the importer has no such options."""
    return [command.but(**changes)] if command else []


def name_some(names: Iterable[str]) -> str:
    """The first three names and how many more there are."""
    return show_names(names, NUM_NAMED)


def counted(number: int, noun: str) -> str:
    """A number and a noun, which gets an s unless the number is 1."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _option(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        return [option]
    if isinstance(value, tuple):
        return [option, *value]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def _as_path(word: str) -> str:
    """A path that begins with a dash would be taken for an option."""
    return f"./{word}" if word.startswith("-") else word
