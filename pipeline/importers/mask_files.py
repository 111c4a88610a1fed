"""Sources whose masks are files: a survey of the masks, the kind that all of them fit, their conversion to ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.label_map import KINDS, Kind, Labels, to_ids
from pipeline.importers.source import Source, copy_image, write_mask
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.text import quoted
from pipeline.vision.codec import read_stored

NUM_SHOWN = 10


_Bad = list[tuple[Path, str]]
"""The masks that a kind does not fit, each with the complaint."""


def from_mask_files(
    labels: Labels, samples: Sequence[Sample], kind: Kind | Literal["auto"], notes: Sequence[str] = ()
) -> Source:
    """A source of images that are copied and mask files that are converted to class ids; every mask is read twice.

    Raises:
        DataError: see `survey_masks`.
    """
    read_as = survey_masks([sample.mask for sample in samples if sample.mask], labels, kind)

    def convert(folder: Path, sample: Sample) -> None:
        assert sample.mask
        copy_image(folder, sample)
        write_mask(folder, sample, to_ids(read_stored(sample.mask), sample.mask, read_as, labels))

    decided = [f"masks were read as {read_as} masks"] if kind == "auto" else []
    return Source(labels.classes, samples, convert, [*decided, *notes])


def survey_masks(masks: Sequence[Path], labels: Labels, kind: Kind | Literal["auto"]) -> Kind:
    """Reads every mask, at least one, and gives the kind to read them as, with declared codes only in all of them.

    Raises:
        DataError: the kind is unknown, a mask cannot be decoded or has an undeclared value or colour (each of the first
            ten is named), or the masks fit two kinds that give different classes.
    """
    if kind not in ("auto", *KINDS):
        raise DataError(f"kind is {quoted(kind)}, expected auto, {', '.join(KINDS)}")
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
    bad: dict[Kind, _Bad] = {kind: [] for kind in kinds}
    contradicted: dict[Kind, Path] = {}
    progress = Progress("import, check", len(masks), "masks")
    readings = in_threads(lambda mask: _read(mask, labels, kinds), masks)
    for path, (complaints, contradicting) in zip(masks, readings, strict=True):
        for one, complaint in complaints.items():
            bad[one].append((path, complaint))
        contradicted = dict.fromkeys(contradicting, path) | contradicted
        progress.advance()
    progress.close()
    return _choose(bad, contradicted, labels, len(masks))


def _possible_kinds(labels: Labels) -> list[Kind]:
    """In order of preference: masks of 0 and 255 alone, with two declared classes, are binary."""
    kinds = list(KINDS)
    if len(labels.classes) != 2 or labels.has_own_values:
        kinds.remove("binary")
    if not labels.by_colour:
        kinds.remove("colour")
    return kinds


def _read(path: Path, labels: Labels, kinds: Sequence[Kind]) -> tuple[dict[Kind, str], list[Kind]]:
    """Reads a mask as each kind: the complaints, and the kinds with other classes than its colours have."""
    try:
        stored = read_stored(path)
    except DataError as err:
        return dict.fromkeys(kinds, str(err)), []
    ids: dict[Kind, np.ndarray] = {}
    complaints: dict[Kind, str] = {}
    for kind in kinds:
        try:
            ids[kind] = to_ids(stored, path, kind, labels)
        except DataError as err:
            complaints[kind] = str(err)
    contradicting = [kind for kind in ids if "colour" in ids and not np.array_equal(ids["colour"], ids[kind])]
    return complaints, contradicting


def _choose(bad: dict[Kind, _Bad], contradicted: dict[Kind, Path], labels: Labels, num_masks: int) -> Kind:
    kind = min(bad, key=lambda kind: len(bad[kind]))
    if bad[kind]:
        raise DataError(_report(bad[kind], kind, labels, num_masks))
    if kind in contradicted and not bad["colour"]:
        raise DataError(
            f"{contradicted[kind]}: its grey values and its colours are both declared in {labels.source} but mean "
            f"different classes; say which counts with --kind {kind} or --kind colour"
        )
    return kind


def _report(bad: _Bad, kind: Kind, labels: Labels, num_masks: int) -> str:
    lines = "\n".join(f"  {complaint}" for _, complaint in bad[:NUM_SHOWN])
    more = f"\n  and {len(bad) - NUM_SHOWN} more" if len(bad) > NUM_SHOWN else ""
    has_jpeg = any(path.suffix.lower() in (".jpg", ".jpeg") for path, _ in bad)
    what = "colours" if kind == "colour" else "values"
    declared = "0 and 255" if kind == "binary" else f"the {what} that {labels.source} declares"
    return (
        f"{len(bad)} of {num_masks} masks, read as {kind} masks, have other {what} than {declared} "
        f"or cannot be decoded; nothing was written\n{lines}{more}\n"
        f"{'' if kind == 'binary' else f'declare the missing {what} in {labels.source}, or '}correct the masks"
        f"{'; JPEG changes values, export masks as PNG' if has_jpeg else ''}"
    )
