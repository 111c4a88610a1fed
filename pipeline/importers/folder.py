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
    group: str = "",
    samples: Path | None = None,
) -> Iterator[Source]:
    """Bring in a folder of images and one of masks.

    Example of the command: segline import folder photos labels --classes classes.yaml --group '(.*)_[0-9]+'

    Args:
        images: folder of images, or s3://bucket/prefix.
        masks: folder of masks named as the images, or s3://bucket/prefix.
        classes: .yaml or .json: a list `classes` of rows with name and, optional, id, value, colour, ignore; .csv: name
            and, optional, id, value, r, g, b, ignore; .txt: a name in each line.
        kind: of the masks.
        mask_suffix: end of a mask's name beyond the image's, such as _mask.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: files are not pictures or not in pairs, or masks have undeclared values.
        StorageError: the object store cannot be read.
        StageError: the disk is full.
    """
    from pipeline.importers.class_files import read_class_file
    from pipeline.importers.groups import to_samples
    from pipeline.importers.mask_files import from_mask_files
    from pipeline.importers.pairs import pair_files

    labels = read_class_file(classes)
    with _local(images) as image_folder, _local(masks) as mask_folder:
        rows = to_samples(pair_files(image_folder, mask_folder, mask_suffix), group, samples)
        yield from_mask_files(labels, rows, kind, [*labels.notes, *_notes_on(rows, image_folder)])


@contextmanager
def _local(place: str) -> Iterator[Path]:
    """The folder itself, or a mirror of what is in an object store; errors name the URL, not the mirror."""
    from pipeline.object_store.download import mirror
    from pipeline.object_store.store import is_url
    from pipeline.vision.picture_files import HIGHEST, SUFFIXES

    url = str(place)
    if not is_url(url):
        yield Path(place)
        return
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    folder, _ = mirror(url, DOWNLOADS / digest, SUFFIXES, HIGHEST.max_file_bytes)
    try:
        yield folder
    except DataError as err:
        raise DataError(str(err).replace(str(folder), url.rstrip("/"))) from err


def _notes_on(samples: "Sequence[Sample]", images: Path) -> list[str]:
    from pipeline.importers.groups import groups_note
    from pipeline.importers.pairs import count_hidden_pictures, count_other_files

    notes = groups_note(samples)
    if num_other_files := count_other_files(images):
        notes.append(f"files next to the images that are not pictures were left out: {num_other_files}")
    if num_hidden := count_hidden_pictures(images):
        notes.append(f"hidden pictures, whose names begin with a dot, were left out: {num_hidden}")
    return notes
