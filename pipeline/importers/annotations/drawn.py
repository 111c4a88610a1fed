"""Sources whose masks are drawn from the areas that annotation files list."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import DataError
from pipeline.importers.source import Source, copy_image, write_content, write_mask
from pipeline.text import quoted, shown, some

if TYPE_CHECKING:  # the command's help loads this file and must not wait for OpenCV
    from pipeline.dataset.contract import Sample
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.annotations.rasters import Patch
    from pipeline.importers.label_map import Labels
    from pipeline.importers.pairs import Pair

Draw = Callable[[int, int], "Patch"]
"""Gives the pixels of an area from height and width of its image; may raise DataError."""
Unannotated = Literal["refuse", "background", "skip"]
"""Of images without any area."""
Missing = Literal["refuse", "skip"]
"""Of images that an annotation file names and that are not there."""
NUM_EXAMPLES = 3


@dataclass(frozen=True)
class Area:
    """A labelled area of an image; without a label its pixels are ignored."""

    label: str | None
    draw: Draw


@dataclass(frozen=True)
class Drawing:
    """An image as an annotation file describes it.

    Attributes:
        image: path or URL, as the file gives it; it is looked up among the pictures that are there, never opened.
        areas: in the order of painting; later ones lie on top.
        size: (height, width) that the file claims.
        group: "" if the file names none.
        split: "train", "val", "test", or "".
        file: the image's own annotation file; None if all images have one together.
        embedded: gives the content of the image's file, if the annotation file holds it.
    """

    image: str
    areas: Sequence[Area]
    size: tuple[int, int] | None = None
    group: str = ""
    split: str = ""
    file: Path | None = None
    embedded: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class Choices:
    """Options that the importers of areas share.

    Attributes:
        background: class of the pixels outside of all areas; "": they are ignored.
        order: of an image's areas for painting, by (areas, height, width); None: as given.
    """

    background: str
    unannotated: Unannotated
    missing: Missing
    group: str
    samples: Path | None
    order: Callable[[Sequence[Area], int, int], Sequence[Area]] | None = None


def declare(source: Path, names: Sequence[str], background: str, classes: Path | None = None) -> "Labels":
    """Classes of the labels in an annotation file: those of the class file, else `names` behind the background.

    Raises:
        DataError: a name is impossible or double, or the class file lacks the background.
    """
    from pipeline.importers.class_files import read_class_file, to_labels

    if not classes:
        black = {"name": background, "colour": [0, 0, 0], "ignore": False}
        return to_labels(source, [*([] if background in ("", *names) else [black]), *names])
    labels = read_class_file(classes)
    if background and background not in labels.classes.names:
        raise DataError(
            f"{classes}: declares no class {quoted(background)} for the pixels outside of all areas; name another "
            "class with --background, or '' to ignore these pixels"
        )
    return labels


def from_drawings(
    where: Path,
    drawings: Sequence[Drawing],
    labels: "Labels",
    images: Path,
    choices: Choices,
    notes: Sequence[str] = (),
) -> Source:
    """A source of images in the folder `images` whose masks are drawn; `where` has the annotations.

    Raises:
        DataError: a label is not declared, images are missing, not annotated, or named twice, or none is left.
    """
    from pipeline.importers.annotations.pictures import Pictures
    from pipeline.importers.groups import groups_note

    _refuse_undeclared(where, drawings, labels)
    pictures = Pictures(images)
    found, notes_on_missing = _found(where, drawings, pictures, choices)
    by_name, notes_on_empty = _annotated(where, found, choices)
    samples = _to_samples(by_name, choices)
    write = _writer(by_name, labels, choices)
    num_others = len(pictures) - len(found) if where.is_file() else 0
    others = [f"pictures in {images} that {where.name} does not name were left out: {num_others}"] if num_others else []
    what_is_outside = f"are {choices.background!r}" if choices.background else "are ignored"
    outside = [f"pixels outside of all areas {what_is_outside} (--background)"]
    ignored = [f"label {name!r} is ignored" for name in labels.ignored]
    notes = [*notes, *outside, *ignored, *notes_on_missing, *notes_on_empty, *others, *groups_note(samples)]
    return Source(labels.classes, samples, write, notes)


def examples(names: Sequence[str]) -> str:
    """The first three names and how many more there are."""
    return some([*map(shown, names)], NUM_EXAMPLES)


def labels_of(drawings: Sequence[Drawing]) -> list[str]:
    """The labels of all areas, in order of name."""
    return sorted({str(area.label) for drawing in drawings for area in drawing.areas})


def notes_on(left_out: Mapping[str, int]) -> list[str]:
    """A note for each kind of thing that was left out, by its number."""
    return [f"{what} were left out: {number}" for what, number in sorted(left_out.items()) if number]


def _refuse_undeclared(where: Path, drawings: Sequence[Drawing], labels: "Labels") -> None:
    known = {None, *labels.classes.names, *labels.ignored}
    counts = Counter(area.label for drawing in drawings for area in drawing.areas if area.label not in known)
    if counts:
        most = [f"{quoted(label)} ({count} areas)" for label, count in counts.most_common()]
        raise DataError(
            f"{where}: {len(counts)} labels are not declared in {labels.source}: {examples(most)}; declare all labels "
            "in a class file, with `ignore: true` if their pixels are not to be learned, and name it with --classes"
        )


_Found = list[tuple["Pair", Drawing]]
_ByName = dict[str, tuple["Pair", Drawing]]


def _found(
    where: Path, drawings: Sequence[Drawing], pictures: "Pictures", choices: Choices
) -> tuple[_Found, list[str]]:
    found: _Found = []
    missing = []
    for drawing in drawings:
        pair = pictures.pair(drawing.image, drawing.file or where, is_embedded=drawing.embedded is not None)
        if pair:
            found.append((pair, drawing))
        else:
            missing.append(drawing.image)
    if missing and (choices.missing == "refuse" or not found):
        raise DataError(
            f"{where}: {len(missing)} of {len(drawings)} images are not below {pictures.folder}: {examples(missing)}; "
            f"put them there{', or leave them out with --missing skip' if found else ' or correct the folder'}"
        )
    return found, [f"images that are not there were left out: {len(missing)}"] if missing else []


def _annotated(where: Path, found: _Found, choices: Choices) -> tuple[_ByName, list[str]]:
    by_name: _ByName = {}
    for pair, drawing in found:
        if pair.name in by_name:
            raise DataError(
                f"{where}: describes the image {shown(pair.relative)} twice, as {quoted(by_name[pair.name][1].image)} "
                f"and as {quoted(drawing.image)}; remove one of them"
            )
        by_name[pair.name] = pair, drawing
    empty = [pair.relative for pair, drawing in by_name.values() if not drawing.areas]
    if empty and choices.unannotated == "refuse":
        raise DataError(
            f"{where}: {len(empty)} of {len(found)} images have no area: {examples(empty)}; say what they are: "
            "--unannotated background if they were looked at and hold none, --unannotated skip to leave them out"
        )
    if choices.unannotated == "skip":
        by_name = {name: entry for name, entry in by_name.items() if entry[1].areas}
    if not by_name:
        raise DataError(f"{where}: no image with an area is left; expected at least one")
    what = "left out" if choices.unannotated == "skip" else f"are {choices.background or 'ignored'} all over"
    return by_name, [f"images without any area were {what}: {len(empty)}"] if empty else []


def _to_samples(by_name: _ByName, choices: Choices) -> "list[Sample]":
    """Groups and splits of the table go before those of `--group`, and these before those of the annotation file."""
    from pipeline.importers.groups import to_samples

    samples = []
    for sample in to_samples([pair for pair, _ in by_name.values()], choices.group, choices.samples):
        drawing = by_name[sample.name][1]
        has_none = sample.group == sample.name and not choices.group
        group = drawing.group if has_none and drawing.group else sample.group
        samples.append(replace(sample, group=group, split=sample.split or drawing.split))
    return sorted(samples, key=lambda sample: sample.name)


def _writer(by_name: _ByName, labels: "Labels", choices: Choices) -> "Callable[[Path, Sample], None]":
    import numpy as np

    from pipeline.importers.label_map import IGNORE_ID

    ids = dict.fromkeys((None, *labels.ignored), IGNORE_ID)
    ids |= {name: id_ for id_, name in enumerate(labels.classes.names)}
    outside = ids[choices.background] if choices.background else IGNORE_ID

    def write(folder: Path, sample: "Sample") -> None:
        pair, drawing = by_name[sample.name]
        embedded = drawing.embedded if pair.image == pair.mask else None
        size = write_content(folder, sample, embedded()) if embedded else copy_image(folder, sample)
        try:
            _check_size(drawing.size, size)
            mask = np.full(size, outside, np.uint8)
            for area in choices.order(drawing.areas, *size) if choices.order else drawing.areas:
                part, pixels = area.draw(*size)
                mask[part][pixels] = ids[area.label]
        except DataError as err:
            raise DataError(f"{pair.mask}: {shown(pair.relative)}: {err}") from err
        write_mask(folder, sample, mask)

    return write


def _check_size(claimed: tuple[int, int] | None, size: tuple[int, int]) -> None:
    if claimed in (None, size):
        return
    turned = (
        "; its EXIF tag turns it: remove the tag if the areas were drawn without it" if claimed == size[::-1] else ""
    )
    raise DataError(
        f"the annotations are of an image of {quoted(claimed)} (height, width), the image is {size}{turned}; bring the "
        "image that was annotated"
    )
