"""Sources whose masks are files: a survey of the masks, the kind that all of them fit, their conversion to ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.label_map import KINDS, Kind, Labels
from pipeline.importers.repairs.command import Command, next_step, refusal
from pipeline.importers.repairs.decoding import to_class_ids
from pipeline.importers.repairs.evidence import Evidence, advise, look_at
from pipeline.importers.repairs.images import bring_image
from pipeline.importers.repairs.mask_picture import read_mask_picture
from pipeline.importers.repairs.opened import ChoiceError
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs, check_repairs, wanted_kinds
from pipeline.importers.repairs.shapes import check_shapes, with_shape_of
from pipeline.importers.repairs.tally import Tally, drop_unused, note_like_binary, skip_unlabelled
from pipeline.importers.source import Source, write_mask
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.text import quoted

NUM_SHOWN = 3


@dataclass(frozen=True)
class Survey:
    """The kind that all masks fit, and counts of what they hold when they are read as that kind."""

    kind: Kind
    tally: Tally


@dataclass(frozen=True)
class _Reading:
    """A mask read as each kind.

    Attributes:
        pixels: of each kind that it fits, (256,) pixels by class id and the number of pixels with a moved colour.
        complaints: of each kind that it does not fit.
        contradicting: kinds that give other classes than its colours or its palette.
        choice: options that make it readable; None if it is.
    """

    pixels: dict[Kind, tuple[np.ndarray, int]]
    complaints: dict[Kind, str]
    contradicting: tuple[Kind, ...] = ()
    evidence: Evidence | None = None
    choice: dict[str, object] | None = None


@dataclass
class _Refused:
    """The masks that a kind does not fit: how many, the first complaints, and what all of them show."""

    number: int = 0
    num_coloured: int = 0
    has_jpeg: bool = False
    complaints: list[str] = field(default_factory=list)
    evidence: Evidence | None = None
    choice: dict[str, object] | None = None

    def add(self, path: Path, complaint: str, reading: _Reading) -> None:
        """Adds a mask."""
        self.number += 1
        self.has_jpeg |= path.suffix.lower() in (".jpg", ".jpeg")
        self.complaints += [complaint] if self.number <= NUM_SHOWN else []
        self.choice = self.choice or reading.choice
        if reading.evidence:
            self.num_coloured += not reading.evidence.is_grey
            self.evidence = self.evidence + reading.evidence if self.evidence else reading.evidence

    @property
    def is_coloured(self) -> bool:
        """Most of the masks are coloured."""
        return 2 * self.num_coloured > self.number


def from_mask_files(
    labels: Labels,
    samples: Sequence[Sample],
    kind: Kind | Literal["auto"],
    notes: Sequence[str] = (),
    repairs: Repairs = AS_THEY_ARE,
    command: Command | None = None,
    *,
    unlabelled: str = "",
    unused_classes: str = "",
) -> Source:
    """A source of images that are copied and mask files that are converted to class ids; every mask is read twice.

    Args:
        repairs: of the files.
        command: goes on from a refusal; None: the importer has none of the options, and masks without labels and
            classes without pixels are no error.
        unlabelled: "skip" leaves out images whose masks are ignored nearly everywhere.
        unused_classes: "drop" leaves out classes that no mask holds.

    Raises:
        DataError: see `check_shapes` and `survey_masks`, or a mask or class holds nothing and is not to be left out.
    """
    check_repairs(repairs, labels, kind, command)
    repaired = check_shapes(samples, repairs, command)
    survey = survey_masks([sample.mask for sample in samples if sample.mask], labels, kind, repairs, command)
    decided = [f"masks were read as {survey.kind} masks"] if kind == "auto" else []
    if survey.tally.num_moved:
        share = survey.tally.num_moved / survey.tally.pixels.sum()
        decided.append(f"pixels that got the nearest declared colour: {share:.2%}")
    if command:
        left, skipped = skip_unlabelled(samples, survey.tally, unlabelled, command)
        repaired += skipped + note_like_binary(survey.tally, labels, command)
        samples, (labels, dropped) = left, drop_unused(labels, survey.tally, unused_classes, command)
        repaired += dropped

    def convert(folder: Path, sample: Sample) -> None:
        assert sample.mask
        size = bring_image(folder, sample, repairs.page)
        ids, _ = to_class_ids(read_mask_picture(sample.mask, repairs), survey.kind, labels, repairs)
        write_mask(folder, sample, with_shape_of(ids, sample, size, repairs))

    source = Source(labels.classes, samples, convert, [*decided, *repaired, *notes])
    return replace(source, advice=str(refusal(source.advice, *next_step(command, damaged="skip"))))


def survey_masks(
    masks: Sequence[Path],
    labels: Labels,
    kind: Kind | Literal["auto"],
    repairs: Repairs = AS_THEY_ARE,
    command: Command | None = None,
) -> Survey:
    """Reads every mask, at least one, and gives the kind to read them as, with declared codes only in all of them.

    Raises:
        DataError: the kind is unknown, a mask cannot be decoded or has an undeclared value or colour (the first three
            are named), or the masks fit two kinds that give different classes.
    """
    if kind not in ("auto", *KINDS):
        raise DataError(f"kind is {quoted(kind)}, expected auto, {', '.join(KINDS)}")
    kinds = wanted_kinds(repairs, _possible_kinds(labels) if kind == "auto" else [kind])
    _check_declarations(kinds, kind, labels, command)
    tallies: dict[Kind, Tally] = {kind: Tally() for kind in kinds}
    bad: dict[Kind, _Refused] = {kind: _Refused() for kind in kinds}
    contradicted: dict[Kind, Path] = {}
    progress = Progress("import, check", len(masks), "masks")
    readings = in_threads(lambda mask: _read(mask, labels, kinds, repairs), masks)
    for path, reading in zip(masks, readings, strict=True):
        for one, complaint in reading.complaints.items():
            bad[one].add(path, complaint, reading)
        for one, (pixels, num_moved) in reading.pixels.items():
            tallies[one].add(path, pixels, num_moved)
        contradicted = dict.fromkeys(reading.contradicting, path) | contradicted
        progress.advance()
    progress.close()
    best = min(bad, key=lambda kind: (bad[kind].number, kind != "colour" and bad[kind].is_coloured))
    if bad[best].number:
        raise _refuse(best, bad[best], labels, len(masks), repairs, command)
    if best in contradicted and (others := [one for one in kinds if one != best and not bad[one].number]):
        raise refusal(
            f"{contradicted[best]}: its {_what(best)} and its {_what(others[-1])} are both declared in {labels.source} "
            f"but mean different classes; say which counts with --kind {best} or --kind {others[-1]}",
            *next_step(command, kind=others[-1]),
            *next_step(command, kind=best),
        )
    return Survey(best, tallies[best])


def _what(kind: Kind) -> str:
    return {"index": "grey values", "binary": "black and white", "colour": "colours"}[kind]


def _possible_kinds(labels: Labels) -> list[Kind]:
    """In order of preference: masks of 0 and 255 alone, with two declared classes, are binary."""
    kinds = list(KINDS)
    if len(labels.classes) != 2 or labels.has_own_values:
        kinds.remove("binary")
    if not labels.by_colour:
        kinds.remove("colour")
    return kinds


def _check_declarations(kinds: Sequence[Kind], kind: str, labels: Labels, command: Command | None) -> None:
    if kind == "binary" and len(labels.classes) != 2:
        raise refusal(
            f"{labels.source}: declares {len(labels.classes)} classes; binary masks have two, "
            "the first is black (0) and the second white (255)",
            *next_step(command, kind="auto"),
        )
    if "colour" in kinds and not labels.by_colour:
        raise refusal(
            f"{labels.source}: declares no colour of {', '.join(labels.without_colour)}; colour masks need all of them",
            *next_step(command),
        )


def _read(path: Path, labels: Labels, kinds: Sequence[Kind], repairs: Repairs) -> _Reading:
    """Reads a mask as each kind."""
    try:
        mask = read_mask_picture(path, repairs)
    except ChoiceError as err:
        return _Reading({}, dict.fromkeys(kinds, str(err)), choice=err.options)
    except DataError as err:
        return _Reading({}, dict.fromkeys(kinds, str(err)))
    ids: dict[Kind, np.ndarray] = {}
    pixels: dict[Kind, tuple[np.ndarray, int]] = {}
    complaints: dict[Kind, str] = {}
    for kind in kinds:
        try:
            ids[kind], num_moved = to_class_ids(mask, kind, labels, repairs)
            pixels[kind] = np.bincount(ids[kind].ravel(), minlength=256), num_moved
        except DataError as err:
            complaints[kind] = str(err)
    references = [kind for kind in ids if kind == "colour" or mask.has_palette]
    contradicting = tuple(kind for kind in ids if any(not np.array_equal(ids[one], ids[kind]) for one in references))
    return _Reading(pixels, complaints, contradicting, look_at(mask, labels) if complaints else None)


def _refuse(
    kind: Kind, bad: _Refused, labels: Labels, num_masks: int, repairs: Repairs, command: Command | None
) -> DataError:
    lines = "\n".join(f"  {complaint}" for complaint in bad.complaints)
    more = f"\n  and {bad.number - NUM_SHOWN} more" if bad.number > NUM_SHOWN else ""
    what = "colours" if kind == "colour" else "values"
    declared = "0 and 255" if kind == "binary" else f"the {what} that {labels.source} declares"
    if bad.choice:
        advice, commands = _advise_choice(bad.choice, command)
    elif bad.evidence:
        advice, commands = advise(kind, bad.evidence, labels, repairs, command)
    else:
        advice = "export these masks again, move them away with their images, or leave them out"
        commands = [*next_step(command), *next_step(command, damaged="skip")]
    return refusal(
        f"{bad.number} of {num_masks} masks, read as {kind} masks, have other {what} than {declared} "
        f"or cannot be decoded; nothing was written\n{lines}{more}\n"
        f"{advice}{'; JPEG changes values, masks are better exported as PNG' if bad.has_jpeg else ''}",
        *commands,
    )


def _advise_choice(choice: dict[str, object], command: Command | None) -> tuple[str, list[str]]:
    if "alpha" in choice:
        return (
            "drop the alpha channel, or take it for the label",
            [*next_step(command, alpha="drop"), *next_step(command, **choice)],
        )
    return "give the number of the page that holds the mask, or split the files", next_step(command, **choice)
