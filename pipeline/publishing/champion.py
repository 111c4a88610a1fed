"""Publishes the champion of the registry, under the number of the ledger's line by which it is champion.

TensorFlow Serving serves the largest number, so a rollback gets a larger one. SEGLINE_PUBLISH names the destination,
SEGLINE_PUBLISH_KEEP the number of publications to keep.
"""

import os
from pathlib import Path

from pipeline.errors import RegistryError, SeglineError, StorageError
from pipeline.ledger.aliases import check_agreement, find_number, read_standing
from pipeline.object_store.store import is_url
from pipeline.publishing.bucket import Bucket
from pipeline.publishing.folder import Folder
from pipeline.publishing.place import Place, hash_file
from pipeline.publishing.publication import (
    Followed,
    Published,
    Unpublished,
    find_newest,
    make_whole,
    prepared,
    remove_older,
)
from pipeline.publishing.record import RECORD, SIGNATURE, Record
from pipeline.publishing.signature import SecretKey, read_signing_key
from pipeline.registry.client import Version, model_name
from pipeline.registry.evidence import download_verified
from pipeline.text import quoted

DESTINATION, KEEP = "SEGLINE_PUBLISH", "SEGLINE_PUBLISH_KEEP"
NUM_KEPT = 5


def publish_champion(destination: str | None = None, keep: int | None = None) -> Published:
    """Publishes the champion; see `segline.publish`. Ends with the one that is champion at the end."""
    place, keep, key = open_place(destination), _read_keep(keep), read_signing_key()
    while True:
        champion, line = _find_champion()
        with place.alone():
            is_newest = (find_newest(place) or 0) <= line
            if is_newest:
                published = _publish(place, champion, line, keep, key)
        if _find_champion() == (champion, line):
            break
    if not is_newest:
        raise StorageError(
            f"{place.address}/{find_newest(place)}: TensorFlow Serving serves it, for its number is larger than that "
            f"of the champion, {line}, the ledger's line; move it away, or publish to another destination"
        )
    return published


def follow_champion() -> Followed:
    """Publishes the champion after a decision, if SEGLINE_PUBLISH is set; a failure takes nothing back."""
    if not os.environ.get(DESTINATION):
        return None
    try:
        return publish_champion() if read_standing().state.champion else None
    except SeglineError as err:
        return Unpublished(str(err))


def show_followed(followed: Followed) -> None:
    """Prints the publication, if there is one.

    Raises:
        StorageError: it failed.
    """
    if isinstance(followed, Unpublished):
        raise StorageError(
            f"this decision stands and is recorded, but the champion was not published: {followed.reason}. "
            "`segline publish` publishes it"
        )
    if followed:
        removed = f"; removed {', '.join(map(str, followed.removed))}" if followed.removed else ""
        what = "was published already" if followed.what == "unchanged" else followed.what
        print(f"{followed.version} {what}: {followed.address}{removed}")


def open_place(destination: str | None = None, model: str | None = None) -> Place:
    """The place of a model's publications below a destination.

    Args:
        destination: folder or s3://bucket/prefix; SEGLINE_PUBLISH if none is given.
        model: name of the registered model; ours if none is given.

    Raises:
        StorageError: no destination is named, or it is neither a folder nor in an object store that can be reached.
    """
    destination = destination or os.environ.get(DESTINATION)
    if not destination:
        raise StorageError(f"no destination is named; name a folder or s3://bucket/prefix, or set {DESTINATION} to it")
    if is_url(destination):
        return Bucket(destination, model or model_name())
    if "://" in destination:
        raise StorageError(f"{destination}: is no place to publish to; expected a folder or s3://bucket/prefix")
    return Folder(Path(destination), model or model_name())


def _read_keep(keep: int | None) -> int:
    text = str(keep) if keep is not None else os.environ.get(KEEP) or str(NUM_KEPT)
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        source = KEEP if keep is None else "the number of publications to keep"
        raise StorageError(f"{source} is {quoted(text)}; expected a whole number from 1")
    return int(text)


def _find_champion() -> tuple[Version, int]:
    """The champion, and the number of the ledger's line by which it is champion."""
    standing = read_standing(completes=True)
    check_agreement(standing)
    champion = find_number(standing.state.champion)
    if champion is None:
        raise RegistryError("there is no champion to publish; `segline promote` makes one")
    return champion, standing.state.last_move


def _publish(place: Place, champion: Version, line: int, keep: int, key: SecretKey | None) -> Published:
    model = download_verified(champion)
    names = (path.relative_to(model).as_posix() for path in sorted(model.rglob("*")) if path.is_file())
    sha256 = {name: hash_file(model / name) for name in names if name not in (RECORD, SIGNATURE)}
    record = Record.of(champion, line, sha256)
    with prepared(model, record, key) as files:
        what = make_whole(place, record, files)
    removed = remove_older(place, record, keep)
    return Published(f"{place.address}/{line}", str(champion), line, what, removed)
