"""A hostile or odd input: how it is made, what it is fed to, and what is expected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Expect = Literal["refused", "accepted", "either"]
Template = Literal["empty", "labelled", "imported", "finished", "gated", "contest"]
Command = tuple[str, ...]
VALIDATE, GATE = ("stage", "validate"), ("stage", "gate")
IMPORT = ("segline", "import", "folder", "photos", "labels", "--classes", "classes.yaml")


@dataclass(frozen=True)
class Place:
    """Where a case is tried.

    Attributes:
        project: the project's folder, in which the commands run.
        outside: a folder beside it, with `secret.txt`, which nothing may read into the project, change or delete.
    """

    project: Path
    outside: Path


Make = Callable[[Place], None]
Check = Callable[[Path], str]
"""Looks at the project after an accepted input; says what is wrong, "" if nothing is."""


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: "family/what it is".
        template: the project that it starts from.
        make: puts the input there.
        commands: `segline ...`, `stage NAME` or `kill SECONDS segline ...`; run one after the other until one fails.
        expect: "refused": exit code 1 to 3 and a message; "accepted": exit code 0; "either" is right.
        says: a regular expression that the message of a refusal holds, such as the name of the input.
        check: of what an accepted input left.
        variables: of the environment, added.
        file_bytes: largest file that the commands may write; None: any.
    """

    name: str
    template: Template
    make: Make
    commands: tuple[Command, ...]
    expect: Expect = "refused"
    says: str = ""
    check: Check = field(default=lambda _: "")
    variables: Mapping[str, str] = field(default_factory=dict)
    file_bytes: int | None = None


def nothing(_: Place) -> None:
    """Makes nothing: the command's words are the input."""
