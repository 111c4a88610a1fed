"""The survey of masks before an import: of which kind they are, and which of them do not keep to the class file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.errors import DataError
from pipeline.importers.label_map import KINDS, Kind, Labels, to_ids
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.vision.codec import read_stored

NUM_SHOWN = 10


@dataclass
class _Tally:
    """What was seen of masks read as one kind: how many do not keep to the class file, and the first of them."""

    num_bad: int = 0
    has_jpeg: bool = False
    complaints: list[str] = field(default_factory=list)

    def add(self, path: Path, complaint: str) -> None:
        if complaint:
            self.num_bad += 1
            self.has_jpeg |= path.suffix.lower() in (".jpg", ".jpeg")
            if len(self.complaints) < NUM_SHOWN:
                self.complaints.append(complaint)


@dataclass(frozen=True)
class _Reading:
    """One mask read as each kind: what is wrong with it, and whether its colours contradict its grey values."""

    complaints: dict[Kind, str]
    contradicts: dict[Kind, bool]


def survey_masks(masks: Sequence[Path], labels: Labels, kind: Kind | Literal["auto"]) -> Kind:
    """Reads every mask and says of which kind they are.

    Args:
        masks: at least one file.
        labels: what is declared.
        kind: "auto" takes the kind that all masks fit.

    Returns:
        The kind that the masks are to be read as; every mask has declared codes only.

    Raises:
        DataError: a mask cannot be decoded or has an undeclared value or colour (each of the first ten is named), or
            the masks fit two kinds that give different classes.
    """
    kinds = _possible_kinds(labels) if kind == "auto" else [kind]
    if kind == "binary" and len(labels.classes) != 2:
        raise DataError(
            f"{labels.source}: declares {len(labels.classes)} classes; binary masks have two, "
            "the first is black (0) and the second white (255)"
        )
    if kind == "colour" and labels.without_colour:
        raise DataError(
            f"{labels.source}: declares no colour of {', '.join(labels.without_colour)}; colour masks need all of them"
        )
    tallies: dict[Kind, _Tally] = {kind: _Tally() for kind in kinds}
    contradicted: dict[Kind, Path] = {}
    progress = Progress("import, check", len(masks), "masks")
    for path, reading in zip(masks, in_threads(lambda mask: _read(mask, labels, kinds), masks), strict=True):
        for one, tally in tallies.items():
            tally.add(path, reading.complaints[one])
            if reading.contradicts[one]:
                contradicted.setdefault(one, path)
        progress.advance()
    progress.close()
    return _choose(tallies, contradicted, labels, len(masks))


def _possible_kinds(labels: Labels) -> list[Kind]:
    """In the order of preference: two classes in masks of 0 and 255 alone are not class 0 and much to be ignored."""
    kinds = list(KINDS)
    if len(labels.classes) != 2 or labels.has_own_values:
        kinds.remove("binary")
    if not labels.by_colour:
        kinds.remove("colour")
    return kinds


def _read(path: Path, labels: Labels, kinds: Sequence[Kind]) -> _Reading:
    complaints: dict[Kind, str] = dict.fromkeys(kinds, "")
    readings: dict[Kind, np.ndarray] = {}
    try:
        stored = read_stored(path)
    except DataError as err:
        return _Reading(dict.fromkeys(kinds, str(err)), dict.fromkeys(kinds, False))
    for kind in kinds:
        try:
            readings[kind] = to_ids(stored, path, kind, labels)
        except DataError as err:
            complaints[kind] = str(err)
    by_colour = readings.get("colour")
    contradicts = {
        kind: by_colour is not None and kind in readings and not np.array_equal(by_colour, readings[kind])
        for kind in kinds
    }
    return _Reading(complaints, contradicts)


def _choose(tallies: dict[Kind, _Tally], contradicted: dict[Kind, Path], labels: Labels, num_masks: int) -> Kind:
    kind = min(tallies, key=lambda kind: tallies[kind].num_bad)
    if tally := tallies[kind].num_bad and tallies[kind]:
        raise DataError(_report(tally, kind, labels, num_masks))
    if "colour" in tallies and not tallies["colour"].num_bad and kind in contradicted:
        raise DataError(
            f"{contradicted[kind]}: its grey values and its colours are both declared in {labels.source} but mean "
            f"different classes; say which counts with --kind {kind} or --kind colour"
        )
    return kind


def _report(tally: _Tally, kind: Kind, labels: Labels, num_masks: int) -> str:
    lines = "\n".join(f"  {complaint}" for complaint in tally.complaints)
    more = f"\n  and {tally.num_bad - NUM_SHOWN} more" if tally.num_bad > NUM_SHOWN else ""
    what = "colours" if kind == "colour" else "values"
    declared = "0 and 255" if kind == "binary" else f"the {what} that {labels.source} declares"
    return (
        f"{tally.num_bad} of {num_masks} masks, read as {kind} masks, have other {what} than {declared} "
        f"or cannot be decoded; nothing was written\n{lines}{more}\n"
        f"{'' if kind == 'binary' else f'declare the missing {what} in {labels.source}, or '}correct the masks"
        f"{'; JPEG changes values, export masks as PNG' if tally.has_jpeg else ''}"
    )
