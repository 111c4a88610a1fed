"""Tests of leaks.py: a search that finds nothing proves nothing unless it finds what is there."""

import base64
import gzip
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.repository.git import run_git
from tests.leaks import find_leaks, read_files

SECRET = "a/secret+of@ours"


def _in_zip(text: str) -> None:
    with zipfile.ZipFile("found", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.gz", gzip.compress(text.encode()))


def _in_database(text: str) -> None:
    with closing(sqlite3.connect("found")) as base, base:
        base.execute("CREATE TABLE a (b)")
        base.execute("INSERT INTO a VALUES (?)", ("x" * 5000 + text,))


def _in_git(text: str) -> None:
    run_git("init", "--quiet", "--bare", "found")
    run_git("hash-object", "-w", "--stdin", folder=Path("found"), given=text.encode())


WAYS: dict[str, Callable[[str], None]] = {
    "file": lambda text: print(Path("found").write_text(text)),
    "name": lambda text: Path(f"found {quote(text, safe='')}").touch(),
    "gzip": lambda text: print(Path("found").write_bytes(gzip.compress(text.encode()))),
    "zip": _in_zip,
    "database": _in_database,
    "git": _in_git,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """In a file or its name, an archive in an archive, a database's page and an object of git."""
    monkeypatch.chdir(tmp_path)
    WAYS[way](f"before {SECRET} after")
    found = find_leaks({"ours": SECRET, "other": "another secret"}, read_files(tmp_path))
    assert found and all(name == "ours" and place.startswith("found") for name, place in found)


@pytest.mark.parametrize("before", ["", "u:", "us:", "use:"])
def test_encoded_forms_are_found(before: str) -> None:
    """Percent-encoded, and in base64 at each offset, as in a header of HTTP."""
    encoded = base64.b64encode(f"{before}{SECRET}".encode())
    for content in (encoded, b"https://u:a%2Fsecret%2Bof%40ours@host"):
        assert find_leaks({"ours": SECRET}, iter([("here", content)])) == {("ours", "here")}
