"""Tests of the command that a refusal names."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.folder import folder
from pipeline.importers.repairs.command import Command, counted, ending_with, name_some, next_step, refusal

GIVEN = {
    "images": "my photos",
    "masks": "-m",
    "classes": Path("it's.csv"),
    "kind": "auto",
    "pair": None,
    "group": "-(.)",
}


def _command(**more: object) -> Command:
    refusing = ("unlabelled", "unpaired_masks", "unused_classes", "damaged")
    names = ("mask_suffix", "samples", *refusing, "copies", "threshold")
    rest = dict.fromkeys(("nearest_colour", "page")) | {
        "invert": False,
        "alpha": "refuse",
        "mask_orientation": "refuse",
    }
    defaults = dict(zip(names, ("", None, *["refuse"] * 4, "keep", None), strict=True))
    return Command(folder, {**defaults, **rest, "fit_masks": False, **GIVEN, **more})


def test_a_command_is_what_was_given_and_the_change() -> None:
    """Words are quoted for the shell, defaults left out, and what begins with a dash is no option."""
    line = _command().but(fit_masks=True, pair=("{stem} a", "{stem}"), threshold=119.0)
    assert line == (
        "segline import folder 'my photos' ./-m --classes 'it'\"'\"'s.csv' --pair '{stem} a' '{stem}' '--group=-(.)' "
        "--threshold 119 --fit-masks"
    )
    assert next_step(None, fit_masks=True) == []
    assert next_step(_command(group=""), page=2)[0].endswith("--page 2")


def test_a_refusal_ends_with_its_commands() -> None:
    """Each in a line of its own."""
    assert str(refusal("no", "one", "two")) == "no\nrun: one\nrun: two"


def test_errors_of_a_block_end_with_the_command() -> None:
    """Once: an error that names a better one keeps it."""
    with pytest.raises(DataError, match=r"^no\nrun: segline import folder [^\n]+$"), ending_with(_command()):
        raise DataError("no")
    with pytest.raises(DataError, match=r"^no\nrun: better$"), ending_with(_command()):
        raise refusal("no", "better")


def test_three_names_are_shown() -> None:
    """In order, and the number of the others."""
    assert name_some("dcba") == "a, b, c and 1 more" and name_some("a") == "a"
    assert counted(1, "mask") == "1 mask" and counted(2, "mask") == "2 masks"
