"""Tests of opening a user's files."""

import os
import socket
from pathlib import Path

import pytest

from pipeline.disk.regular_files import check_place, read_regular, read_text
from pipeline.errors import DataError

SECRET = "no picture of ours"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a file, next to a secret."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_text("a")
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path / "photos"


def test_regular_files_are_read(photos: Path) -> None:
    """Also by way of a link within the folder, and of a second name."""
    (photos / "link.png").symlink_to("a.png")
    (photos / "hard.png").hardlink_to(photos / "a.png")
    for name in ("a", "link", "hard"):
        check_place(photos / f"{name}.png", (photos,))
        assert read_regular(photos / f"{name}.png", 1) == b"a"


@pytest.mark.parametrize("target", ["../secret", "/proc/self/environ", "/etc/passwd"])
def test_a_link_out_of_the_folder_is_refused(photos: Path, target: str) -> None:
    """The message names the link and where it leads."""
    (photos / "x.png").symlink_to(target)
    with pytest.raises(DataError, match=r"x.png: is a link to /.*, outside of .*photos; put the file itself in its"):
        check_place(photos / "x.png", (photos,))
    check_place(photos / "a.png", (photos / "none", photos))


def test_a_folder_that_is_a_link_out_is_refused(photos: Path) -> None:
    """A file by way of it is not in the folder, nor is one by way of the folder above."""
    (photos / "album").symlink_to("..")
    for way in ("album/secret", "../secret", "none/../../secret"):
        with pytest.raises(DataError, match="secret: is a link to /.*, outside of|cannot be read"):
            check_place(photos / way, (photos,))
    (photos / "inner").mkdir()
    (photos / "a.png").rename(photos / "inner/a.png")
    check_place(photos / "inner/a.png", (photos,))


@pytest.mark.parametrize("target", ["x.png", "nowhere", "y.png"])
def test_a_link_that_leads_nowhere_is_refused(photos: Path, target: str) -> None:
    """In a circle, or to what is gone."""
    (photos / "x.png").symlink_to(target)
    (photos / "y.png").symlink_to("x.png")
    with pytest.raises(DataError, match="x.png: is a link that leads nowhere; restore the file"):
        check_place(photos / "x.png", (photos,))
    with pytest.raises(DataError, match="x.png: cannot be read"):
        read_regular(photos / "x.png", 1)


def test_special_files_are_refused_and_not_waited_for(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a socket, a device and a folder: by their kind, also behind a link."""
    os.mkfifo(photos / "pipe.png")
    (photos / "folder.png").mkdir()
    (photos / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(photos)  # the name of a socket is short
        server.bind("socket.png")
    for name, kind in (("pipe", r"a named pipe \(FIFO\)"), ("zero", "a device")):
        for refuse in (lambda path: check_place(path, (photos, Path("/dev"))), lambda path: read_regular(path, 1)):
            with pytest.raises(DataError, match=rf"{name}.png: is {kind}, expected a regular file; remove it"):
                refuse(photos / f"{name}.png")
    for name, kind in (("socket", "a socket"), ("folder", "a folder")):
        with pytest.raises(DataError, match=f"{name}.png: is {kind}"):
            check_place(photos / f"{name}.png", (photos,))
        with pytest.raises(DataError, match=f"{name}.png: cannot be read"):
            read_regular(photos / f"{name}.png", 1)


def test_a_size_is_bounded_whatever_the_system_says(photos: Path) -> None:
    """A file of /proc says that it has no bytes and gives more."""
    assert read_regular(Path("/proc/self/stat"), 10_000)
    with pytest.raises(DataError, match="stat: is endless, the limit is 0.0 MB"):
        read_regular(Path("/proc/self/stat"), 10)


def test_text_is_utf_8(photos: Path) -> None:
    """A byte order mark is dropped; other encodings are refused."""
    (photos / "a.csv").write_bytes(b"\xef\xbb\xbfname")
    assert read_text(photos / "a.csv") == "name"
    (photos / "a.csv").write_bytes(b"\xff")
    with pytest.raises(DataError, match="a.csv: is not text in UTF-8 .*; save it again as such"):
        read_text(photos / "a.csv")


def test_a_large_table_is_refused_by_its_size(photos: Path) -> None:
    """Its rows would take many times as much memory; it is not read."""
    (photos / "a.csv").write_bytes(b"x,y\n" * 10_000_000)
    with pytest.raises(DataError, match="a.csv: is 40.0 MB, the limit is 16.8 MB; make it smaller"):
        read_text(photos / "a.csv")


def test_names_are_shown_printable(photos: Path) -> None:
    """A message carries no control character of a name; a name that no system knows is a message too."""
    for name in ("a\x1b[31m\n.png", "a\0.png"):
        with pytest.raises(DataError) as caught:
            read_regular(photos / name, 1)
        assert str(caught.value).isprintable()
