"""Publishes the files of a model under a number, whole or not at all, and removes older publications."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pipeline.errors import EvidenceError, StorageError
from pipeline.publishing.place import Place, hash_file, in_order, list_names, number_of
from pipeline.publishing.record import GRAPH, MAX_RECORD_BYTES, RECORD, SIGNATURE, Record
from pipeline.publishing.signature import SecretKey, sign

NUM_ATTEMPTS = 3
"""Another publisher may remove a file while this one writes."""
What = Literal["published", "repaired", "unchanged"]


@dataclass(frozen=True)
class Published:
    """A publication that is whole.

    Attributes:
        address: of its folder.
        version: of the model, as NAME/NUMBER.
        number: of the publication, which is that of the ledger's line.
        what: "repaired": it was there, but incomplete or damaged; "unchanged": it was there as it should be.
        removed: numbers of the older publications that were removed.
    """

    address: str
    version: str
    number: int
    what: What
    removed: tuple[int, ...]


@dataclass(frozen=True)
class Unpublished:
    """A publication that failed after a decision that stands.

    Attributes:
        reason: what was found, what was expected and what to do.
    """

    reason: str


Followed = Published | Unpublished | None
"""The publication after a decision; None: SEGLINE_PUBLISH is not set, or there is no champion."""


@contextmanager
def prepared(model: Path, record: Record, key: SecretKey | None) -> Iterator[Mapping[str, Path]]:
    """The files of a publication by name: a SavedModel's, the record, and its signature if there is a key."""
    with TemporaryDirectory() as temporary:
        files = {name: model / name for name in record.files}
        contents = {RECORD: record.to_bytes()}
        if key:
            comment = f"version {record.version}, ledger line {record.ledger_line}"
            contents[SIGNATURE] = sign(key, contents[RECORD], comment)
        for name, content in contents.items():
            files[name] = Path(temporary) / Path(name).name
            files[name].write_bytes(content)
        yield files


def make_whole(place: Place, record: Record, files: Mapping[str, Path]) -> What:
    """Writes what is missing or different in a publication, and reads it back.

    Args:
        place: of the publications.
        record: of this one.
        files: to publish, by name.

    Returns:
        What had to be done.

    Raises:
        StorageError: files that segline did not publish are in the way, or the place does not keep what is written.
    """
    what: What = "unchanged"
    sha256 = {name: hash_file(path) for name, path in files.items()}
    for attempt in range(NUM_ATTEMPTS):
        present = list_names(place.list_files(), record.ledger_line)
        wrong = _find_wrong(place, record.ledger_line, present, sha256)
        if not wrong:
            return what
        _check_is_ours(place, record, present, present - set(sha256) | present & wrong)
        if attempt == 0:
            what = "repaired" if present else "published"
        _write(place, record.ledger_line, present, wrong, files)
    raise StorageError(
        f"{place.address}/{record.ledger_line}: {', '.join(sorted(wrong))} is not what was written; check the place, "
        "and that nothing else writes to it, and run `segline publish`"
    )


def _find_wrong(place: Place, number: int, present: set[str], sha256: Mapping[str, str]) -> set[str]:
    return {
        name
        for name, expected in sha256.items()
        if name not in present or place.sha256_of(f"{number}/{name}") != expected
    }


def _check_is_ours(place: Place, record: Record, present: set[str], others: set[str]) -> None:
    """Files that are not the model's may lie only beside a record of ours, and must not be another whole model."""
    number = record.ledger_line
    there = read_record(place, number, record.model)
    if there and there.files != record.files and not _find_wrong(place, number, present, there.files):
        raise StorageError(
            f"{place.address}/{number}: is {there} of another ledger, as it was published, expected {record}; publish "
            "to another destination, or move it away"
        )
    if others - {RECORD, SIGNATURE} and not there:
        raise StorageError(
            f"{place.address}/{number}: is not a publication of segline (its {RECORD} is missing or damaged); move it "
            "away and run `segline publish`"
        )


def _write(place: Place, number: int, present: set[str], wrong: set[str], files: Mapping[str, Path]) -> None:
    if not present:
        place.add(number, files)
        return
    if GRAPH in present and wrong - {RECORD, SIGNATURE}:  # nobody is to load it meanwhile
        place.delete(f"{number}/{GRAPH}")
        wrong = wrong | {GRAPH}
    for name in in_order(wrong):
        place.write(f"{number}/{name}", files[name])


def read_record(place: Place, number: int, model: str) -> Record | None:
    """The record of a publication; None: it has none that is its own, so segline did not make it."""
    with suppress(EvidenceError):
        record = Record.parse(place.read(f"{number}/{RECORD}", MAX_RECORD_BYTES))
        if (record.ledger_line, record.model) == (number, model):
            return record
    return None


def find_newest(place: Place) -> int | None:
    """The largest number in a place, whoever made it: TensorFlow Serving serves it; None: there is none."""
    return max((number for path in place.list_files() if (number := number_of(path)) is not None), default=None)


def remove_older(place: Place, record: Record, keep: int) -> tuple[int, ...]:
    """Removes publications of the same model that segline made: incomplete ones, and whole ones beyond the newest.

    Args:
        place: of the publications.
        record: of the newest one, which stays.
        keep: number of the whole ones that stay, the newest included; 1 or more.

    Returns:
        The numbers that were removed.
    """
    paths = place.list_files()
    numbers = {number for path in paths if (number := number_of(path)) is not None and path.startswith(f"{number}/")}
    whole, incomplete = [record.ledger_line], list[int]()
    for number in sorted(numbers, reverse=True):
        if number < record.ledger_line and (other := read_record(place, number, record.model)):
            (whole if set(other.files) <= list_names(paths, number) else incomplete).append(number)
    removed = sorted([*whole[keep:], *incomplete])
    for number in removed:
        place.remove(number)
    return tuple(removed)
