"""The versions that git knows: the files of DVC in every commit, in the index and in stashes."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import RepositoryError
from pipeline.repository.git import run_git

FILES = ("*.dvc", "dvc.lock", "*/dvc.lock")
MISSING = re.compile(rb"^([0-9a-f]{40,64}) missing$", re.MULTILINE)
SETTINGS = {"GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1"}


def read_history(checkout: Path, commits: Sequence[str] = ()) -> bytes:
    """The contents of all of DVC's files that git can still give, one after the other.

    Branches, tags, remote-tracking branches, reflogs (so stashes and commits that were amended), and the index count.

    Args:
        checkout: a folder of a repository.
        commits: more commits by their 40 hex digits; those that are not there are left out.

    Raises:
        RepositoryError: there is no git or no repository, an object is missing, or the history is cut off.
    """
    if _git(checkout, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise RepositoryError(f"{checkout.resolve()}: git's history is cut off here; run `git fetch --unshallow`")
    every = ("--all", "--reflog", "--indexed-objects", "--full-history", "--ignore-missing")
    found = _git(checkout, "rev-list", *every, "--objects", *commits, "--", *FILES)
    lines = [line.partition(b" ") for line in found.splitlines()]
    blobs = sorted({blob for blob, _, name in lines if name.strip(b'"').endswith((b".dvc", b"dvc.lock"))})
    contents = _git(checkout, "cat-file", "--batch", given=b"\n".join(blobs)) if blobs else b""
    if missing := MISSING.search(contents):
        raise RepositoryError(f"{checkout.resolve()}: git lacks object {missing[1].decode()}; run `git fetch`")
    return contents


def read_files(checkout: Path) -> bytes:
    """The contents of DVC's files in a checkout, committed or not, one after the other.

    Raises:
        RepositoryError: git cannot list them.
    """
    options = ("--cached", "--others", "--exclude-standard", "-z")
    listed = _git(checkout, "ls-files", *options, "--", *FILES).split(b"\0")
    paths = {checkout / os.fsdecode(name) for name in listed if name}
    paths |= {*checkout.glob("*.dvc"), checkout / "dvc.lock"}
    return b"\n".join(path.read_bytes() for path in sorted(paths) if path.is_file())


def _git(checkout: Path, *words: str, given: bytes = b"") -> bytes:
    return run_git(*words, folder=checkout, given=given, otherwise="`git fsck` says more", environment=SETTINGS)
