"""A commit in this repository, read without a checkout."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress

from pipeline.disk.files import md5_of_listing
from pipeline.errors import RepositoryError
from pipeline.registry.lineage import CODE, FILES
from pipeline.repository.git import run_git

COMMIT = re.compile(r"[0-9a-f]{40}")
FETCH = "`git fetch --all`, or fetch it from the clone in which the version was registered"
DAMAGED = "the repository may be damaged; `git fsck` says more"


def read_commit_files(commit: str) -> dict[str, bytes] | None:
    """The code and the other files of a lineage in a commit, by path; None if the commit is not here.

    Raises:
        RepositoryError: git is not installed, or the repository is damaged.
    """
    if not COMMIT.fullmatch(commit):
        return None
    paths = sorted({*CODE, *map(str, FILES)})
    try:
        run_git("cat-file", "-e", f"{commit}^{{commit}}", otherwise=FETCH)
    except RepositoryError:
        return None
    listing = run_git("ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths, otherwise=DAMAGED).decode()
    entries = [line.partition("\t") for line in listing.split("\0") if " blob " in line]
    names = [path for _, _, path in entries]
    blobs = _read_blobs([head.split()[2] for head, _, _ in entries])
    return dict(zip(names, blobs, strict=True))


def _read_blobs(ids: list[str]) -> list[bytes]:
    output = run_git("cat-file", "--batch", given="\n".join(ids).encode(), otherwise=DAMAGED)
    blobs, start = [], 0
    for _ in ids:
        end_of_head = output.index(b"\n", start)
        size = int(output[start:end_of_head].split()[2])
        blobs.append(output[end_of_head + 1 : end_of_head + 1 + size])
        start = end_of_head + size + 2
    return blobs


def list_remote_branches(commit: str) -> list[str]:
    """Names of the remote branches that hold a commit, as this clone last fetched them."""
    with suppress(RepositoryError):
        text = run_git("branch", "--remotes", "--contains", commit, "--format=%(refname:short)", otherwise=DAMAGED)
        return text.decode(errors="replace").split()
    return []


def md5_in_commit(files: Mapping[str, bytes], path: str) -> str | None:
    """MD5 of a file or folder of code in a commit, as `md5_of_code` computes it here; None: it is not there."""
    if path in files:
        return md5_of_bytes(files[path])
    below = {name.removeprefix(f"{path}/"): content for name, content in files.items() if name.startswith(f"{path}/")}
    listing = {name: md5_of_bytes(content) for name, content in below.items() if "__pycache__" not in name.split("/")}
    return md5_of_listing(listing) if listing else None


def md5_of_bytes(content: bytes) -> str:
    """MD5 of a file's content."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
