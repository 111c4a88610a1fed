"""The importer of a folder of images and one of masks, on this machine or in an object store."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import DataError
from pipeline.importers.source import Source

if TYPE_CHECKING:
    from pipeline.dataset.contract import Sample

DOWNLOADS = Path(".segline/downloads")
"""A mirror of each prefix of an object store from which was imported, named by a hash of its URL."""


@contextmanager
def folder(
    images: str,
    masks: str,
    *,
    classes: Path,
    kind: Literal["auto", "index", "binary", "colour"] = "auto",
    mask_suffix: str = "",
    pair: tuple[str, str] | None = None,
    group: str = "",
    samples: Path | None = None,
    unlabelled: Literal["refuse", "skip"] = "refuse",
    unpaired_masks: Literal["refuse", "skip"] = "refuse",
    unused_classes: Literal["refuse", "drop"] = "refuse",
    damaged: Literal["refuse", "skip"] = "refuse",
    copies: Literal["keep", "skip"] = "keep",
    threshold: float | None = None,
    nearest_colour: float | None = None,
    invert: bool = False,
    alpha: Literal["refuse", "label", "drop"] = "refuse",
    page: int | None = None,
    mask_orientation: Literal["refuse", "upright", "stored"] = "refuse",
    fit_masks: bool = False,
) -> Iterator[Source]:
    """Bring in a folder of images and one of masks.

    Files that are not right as they are are refused, with the option that repairs them.

    Example of the command: segline import folder photos labels --classes classes.yaml --group '(.*)_[0-9]+'

    Args:
        images: folder of images, or s3://bucket/prefix.
        masks: folder of masks named as the images, or s3://bucket/prefix; it may be the folder of the images.
        classes: .yaml or .json: a list `classes` of rows with name and, optional, id, value, colour, ignore; .csv: name
            and, optional, id, value, r, g, b, ignore; .txt: a name in each line.
        kind: of the masks.
        mask_suffix: end of a mask's name beyond the image's, such as _mask.
        pair: two patterns, of the names of images and of masks, such as '{stem}_image' '{stem}_mask',
            '{stem}.jpg' '{stem}.png' or '{folder}/images/{stem}' '{folder}/masks/{stem}'.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.
        unlabelled: skip leaves out images without a mask, or with a mask that is ignored nearly everywhere.
        unpaired_masks: skip leaves out masks without an image.
        unused_classes: drop leaves out classes that no mask holds.
        damaged: skip leaves out images and masks that cannot be decoded, with their partners, and names them.
        copies: skip leaves out images that are copies of images of other groups, byte for byte.
        threshold: of two classes, grey values from this on are the one with the higher value.
        nearest_colour: pixels get the nearest declared colour that is at most so far away (Euclidean distance in RGB).
        invert: two classes change places, as for masks with a black foreground.
        alpha: label takes the masks' alpha channel for the grey value, drop leaves it out.
        page: number of the page or frame to read, from 1, of files with several.
        mask_orientation: of images with an EXIF orientation: upright if masks fit the image as viewers show it, stored
            if they fit it without its orientation and are to be turned.
        fit_masks: masks of another size and the same aspect ratio are resized by nearest neighbour.

    Raises:
        DataError: files are not pictures or not in pairs, or masks have undeclared values.
        StorageError: the object store cannot be read.
        StageError: the disk is full.
    """
    arguments = dict(locals())
    from pipeline.importers.class_files import read_class_file
    from pipeline.importers.groups import to_samples
    from pipeline.importers.mask_files import from_mask_files
    from pipeline.importers.pairs import PairRule, find_pairs
    from pipeline.importers.repairs.command import Command, ending_with
    from pipeline.importers.repairs.left_out import skip_copies, skip_damaged
    from pipeline.importers.repairs.repairs import Repairs

    command = Command(folder, arguments)
    with ending_with(command):
        labels = read_class_file(classes)
    repairs = Repairs(threshold, nearest_colour, invert, alpha, page, mask_orientation, fit_masks)
    rule = PairRule(mask_suffix, pair and (pair[0], pair[1]), unlabelled, unpaired_masks)
    with _local(images) as image_folder, _local(masks) as mask_folder:
        with ending_with(command):
            pairs, left_out = find_pairs(image_folder, mask_folder, rule, command)
            rows = to_samples(pairs, group, samples, command)
            rows, broken = skip_damaged(rows, repairs, command) if damaged == "skip" else (rows, [])
            rows, copied = skip_copies(rows, copies, command)
            notes = [*labels.notes, *left_out, *broken, *_notes_on(rows, image_folder), *copied]
            source = from_mask_files(
                labels, rows, kind, notes, repairs, command, unlabelled=unlabelled, unused_classes=unused_classes
            )
        yield source


@contextmanager
def _local(place: str) -> Iterator[Path]:
    """The folder itself, or a mirror of what is in an object store; errors name the URL, not the mirror."""
    from pipeline.importers.repairs.opened import IMPORTED_SUFFIXES
    from pipeline.object_store.download import mirror
    from pipeline.object_store.store import is_url
    from pipeline.vision.picture_files import HIGHEST

    url = str(place)
    if not is_url(url):
        yield Path(place)
        return
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    folder, _ = mirror(url, DOWNLOADS / digest, IMPORTED_SUFFIXES, HIGHEST.max_file_bytes)
    try:
        yield folder
    except DataError as err:
        raise DataError(str(err).replace(str(folder), url.rstrip("/"))) from err


def _notes_on(samples: "Sequence[Sample]", images: Path) -> list[str]:
    from pipeline.importers.groups import groups_note
    from pipeline.importers.pairs import count_hidden_pictures, count_other_files
    from pipeline.importers.repairs.command import name_some

    notes = groups_note(samples)
    splits: dict[str, set[str]] = {}
    for sample in samples:
        splits.setdefault(sample.group, set()).update({sample.split} - {""})
    if torn := [group for group, places in splits.items() if len(places) > 1]:
        notes.append(
            f"groups that --samples puts into several splits, which `validate` refuses: {len(torn)} "
            f"({name_some(torn)}); give each one split, or list them in validate.groups_in_several_splits"
        )
    if num_other_files := count_other_files(images):
        notes.append(f"files next to the images that are not pictures were left out: {num_other_files}")
    if num_hidden := count_hidden_pictures(images):
        notes.append(f"hidden pictures, whose names begin with a dot, were left out: {num_hidden}")
    return notes
