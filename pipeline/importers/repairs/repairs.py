"""The repairs of pictures and masks that a user asks for; without them a file is right as it is or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.importers.label_map import IGNORE_ID, Kind, Labels
from pipeline.importers.repairs.command import Command, next_step, refusal

MaskOrientation = Literal["refuse", "upright", "stored"]
Alpha = Literal["refuse", "label", "drop"]
MAX_DISTANCE = 442.0
"""Euclidean distance of black and white, rounded up."""


@dataclass(frozen=True)
class Repairs:
    """Repairs of the files of a data set; the defaults repair nothing.

    Attributes:
        threshold: grey values from this on are the second class, the others the first.
        nearest_colour: largest Euclidean distance in RGB between a pixel's colour and the declared one that it gets.
        invert: the two classes change places.
        alpha: the alpha channel of the masks is the "label", or is dropped; "refuse": a mask that differs in alpha
            alone is refused.
        page: of files with several pages or frames, from 1.
        mask_orientation: masks fit the image as viewers show it, "upright", or as it is "stored" without its EXIF
            orientation; "refuse": images that are turned are refused.
        fit_masks: masks of the image's shape and another size are resized.
    """

    threshold: float | None = None
    nearest_colour: float | None = None
    invert: bool = False
    alpha: Alpha = "refuse"
    page: int | None = None
    mask_orientation: MaskOrientation = "refuse"
    fit_masks: bool = False


AS_THEY_ARE = Repairs()


def check_repairs(
    repairs: Repairs, labels: Labels, kind: Kind | Literal["auto"], command: Command | None = None
) -> None:
    """Checks that repairs fit each other and the classes.

    Raises:
        DataError: they contradict each other, or need two classes or colours that the class file lacks.
    """
    if repairs.page is not None and repairs.page < 1:
        raise refusal(f"page is {repairs.page}, expected 1 or more", *next_step(command, page=1))
    if repairs.threshold is not None:
        _check_two_classes("threshold", labels, command)
        if repairs.nearest_colour is not None or kind not in ("auto", "binary"):
            raise refusal(
                "--threshold makes binary masks of grey ones; leave --nearest-colour and --kind out",
                *next_step(command, nearest_colour=None, kind="auto"),
            )
        if ignored := [value for value, id_ in labels.by_value.items() if id_ == IGNORE_ID != value]:
            raise refusal(
                f"{labels.source}: value {ignored[0]} is ignored, which --threshold makes a class; remove it there",
                *next_step(command),
            )
    if repairs.nearest_colour is not None:
        if not 0 < repairs.nearest_colour <= MAX_DISTANCE:
            raise refusal(
                f"nearest_colour is {repairs.nearest_colour:g}, expected a distance above 0, at most {MAX_DISTANCE:g}",
                *next_step(command, nearest_colour=None),
            )
        if kind not in ("auto", "colour"):
            raise refusal(
                f"--nearest-colour reads masks as colours, not as --kind {kind}; leave one of them out",
                *next_step(command, kind="auto"),
            )
    if repairs.invert:
        _check_two_classes("invert", labels, command)


def wanted_kinds(repairs: Repairs, possible: Sequence[Kind]) -> Sequence[Kind]:
    """The kinds that masks can be read as, of the possible ones."""
    if repairs.threshold is not None:
        return ["binary"]
    return ["colour"] if repairs.nearest_colour is not None else possible


def _check_two_classes(option: str, labels: Labels, command: Command | None) -> None:
    if len(labels.classes) != 2:
        raise refusal(
            f"{labels.source}: declares {len(labels.classes)} classes; --{option} needs two",
            *next_step(command, **{option: getattr(AS_THEY_ARE, option)}),
        )
