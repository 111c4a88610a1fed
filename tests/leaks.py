"""Searches for secrets in whatever programs left: files, archives, databases, git objects, objects in S3."""

import base64
import gzip
import io
import sqlite3
import subprocess
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

GZIP, ZIP, SQLITE = b"\x1f\x8b", b"PK\x03\x04", b"SQLite format 3\0"


def forms_of(secret: str) -> set[bytes]:
    """The secret in plain form, percent-encoded, and in base64 wherever it begins in a longer text."""
    forms = {secret, quote(secret), quote(secret, safe="")}
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + secret.encode()).decode()
        inner = text[4 if offset else 0 : -4]  # the rest depends on what is before and after
        forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return {form.encode() for form in forms}


def find_leaks(secrets: Mapping[str, str], texts: Iterator[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """Name of each secret that was found, with the place."""
    forms = {name: forms_of(secret) for name, secret in secrets.items()}
    return {
        (name, place)
        for place, content in texts
        for name, some in forms.items()
        if any(form in content for form in some)
    }


def read_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Place and content of each file, archives and databases also unpacked, and of each object of git."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a server has removed it meanwhile
            if path.is_file() and not path.is_symlink():
                place, content = str(path.relative_to(folder)), path.read_bytes()
                yield from _unpack(place, content)
                if content.startswith(SQLITE):
                    yield place, _dump(path)
        if path.name == "HEAD" and (path.parent / "objects").is_dir():
            command = ("git", "cat-file", "--batch-all-objects", "--batch")
            yield (
                f"{path.parent.relative_to(folder)}/objects",
                subprocess.run(command, cwd=path.parent, capture_output=True, check=True).stdout,
            )


def read_objects(s3: Any) -> Iterator[tuple[str, bytes]]:
    """Place and content of each object in each bucket."""
    for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
        for key in (item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])):
            yield from _unpack(f"s3://{bucket}/{key}", s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _unpack(place: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield place, place.encode() + b"\n" + content
    if content.startswith(GZIP):
        with suppress(OSError, EOFError, zlib.error):
            yield from _unpack(f"{place}!", gzip.decompress(content))
    if content.startswith(ZIP):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _unpack(f"{place}!{name}", archive.read(name))


def _dump(path: Path) -> bytes:
    """The rows of a database, which in its file may be split over pages."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        base.text_factory = bytes
        names = [name.decode() for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        cells = []
        for name in names:
            with suppress(sqlite3.Error):  # a table of a module that this Python has not
                cells += [cell for row in base.execute(f'SELECT * FROM "{name}"') for cell in row]
    return b"\n".join(cell for cell in cells if isinstance(cell, bytes))
