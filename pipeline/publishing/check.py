"""Compares what is published with its record, and the record with its signature. Needs no registry."""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.errors import EvidenceError, StorageError
from pipeline.publishing.champion import open_place
from pipeline.publishing.place import Place, list_names
from pipeline.publishing.publication import find_newest
from pipeline.publishing.record import MAX_RECORD_BYTES, RECORD, SIGNATURE, Record
from pipeline.publishing.signature import VALID, examine, read_public_key
from pipeline.text import shown

MISSING = "missing"


class Row(NamedTuple):
    """A comparison.

    Attributes:
        what: a file of the publication, or the part of it that is compared.
        expected: by the record, or by the key.
        found: in the publication.
    """

    what: str
    expected: str
    found: str

    @property
    def is_right(self) -> bool:
        """True if the expected was found."""
        return self.expected == self.found


def check_publication(destination: str | None = None, model: str | None = None, number: int | None = None) -> list[Row]:
    """Compares the files of a publication with its record, and the record with its signature.

    The signature is compared if SEGLINE_PUBLIC_KEY_FILE names the public key.

    Args:
        destination: folder or s3://bucket/prefix; SEGLINE_PUBLISH if none is given.
        model: name of the registered model; ours if none is given.
        number: of the publication; the largest, which TensorFlow Serving serves, if none is given.

    Returns:
        A row for each file of the publication or its record, for the record itself and for the signature.

    Raises:
        StorageError: the place cannot be read, or holds no publication.
        EvidenceError: the public key cannot be used.
    """
    place = open_place(destination, model)
    number = find_newest(place) if number is None else number
    names = list_names(place.list_files(), number) if number is not None else set()
    if number is None or not names:
        which = "publication" if number is None else f"publication {number}"
        raise StorageError(f"{place.address}: holds no {which}; `segline publish` makes one of the champion")
    return list(_compare(place, number, names))


def _compare(place: Place, number: int, names: set[str]) -> Iterator[Row]:
    content = place.read(f"{number}/{RECORD}", MAX_RECORD_BYTES)
    try:
        record = Record.parse(content)
    except EvidenceError as err:
        yield Row(f"{number}/{RECORD}", "a record of `segline publish`", shown(str(err)) if content else MISSING)
        return
    yield Row("number of the ledger's line", str(number), str(record.ledger_line))
    if key := read_public_key():
        signature = place.read(f"{number}/{SIGNATURE}", MAX_RECORD_BYTES)
        yield Row(f"{number}/{SIGNATURE}", VALID, examine(key, content, signature))
    for name in sorted({*names, *record.files} - {RECORD, SIGNATURE}):
        found = place.sha256_of(f"{number}/{name}") if name in names else MISSING
        yield Row(f"{number}/{name}", record.files.get(name, MISSING), found)
