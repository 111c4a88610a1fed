"""Tests of pictures' files before they are decoded."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from pipeline.errors import DataError
from pipeline.vision.codec import read_image, read_stored, write_png
from pipeline.vision.picture_files import (
    HIGHEST,
    Limits,
    as_picture,
    check_px,
    list_images,
    open_picture,
    suffix_of,
)
from tests.bombs import write_animation, write_bombs
from tests.layout import ROOT

LIMITS = Limits(max_image_px=1_000_000, max_file_bytes=400_000)
IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from pipeline.errors import DataError
from pipeline.vision.codec import read_image, read_stored
read_image(Path(sys.argv[1])), read_stored(Path(sys.argv[1]))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 600_000_000, -1))
for bomb in map(Path, sys.argv[2:]):
    for read in (read_image, read_stored):
        try:
            print(bomb.name, read(bomb).shape)
        except DataError as err:
            print(bomb.name, "refused")
"""
FORMATS = [("JPEG", "RGB"), ("PNG", "P"), ("PNG", "I;16"), ("BMP", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGB")]


def test_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    """No bomb needs more than 600 MB beyond a plain picture; each is refused or, where it is harmless, read."""
    write_png(tmp_path / "plain.png", np.zeros((4, 4, 3), np.uint8))
    bombs = write_bombs(tmp_path / "bombs")
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, str(tmp_path / "plain.png"), *map(str, bombs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"{bomb.name} refused" for bomb in bombs for _ in range(2))


@pytest.mark.parametrize("name", ["palette.png", "many.tif", "tile.tif", "claims.jpg", "bitmap.bmp", "canvas.webp"])
def test_a_bomb_is_reported_by_its_claim(tmp_path: Path, name: str) -> None:
    """The message has the file, both numbers, the limit's name and what to do."""
    write_bombs(tmp_path)
    with pytest.raises(DataError, match=rf"{name}: claims [\d,]+ pixels in [\d,]+ bytes, the limit is 1,000,000 \(val"):
        open_picture(tmp_path / name, LIMITS)


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
def test_the_limit_is_exact_in_each_format(tmp_path: Path, kind: str, mode: str) -> None:
    """A picture of as many pixels as are allowed is opened, one that has a row more is not."""
    for height in (20, 21):
        Image.new(mode, (30, height)).save(tmp_path / f"{height}", kind)
    limits = Limits(600, 100_000)
    assert open_picture(tmp_path / "20", limits).content == (tmp_path / "20").read_bytes()
    with pytest.raises(DataError, match="claims 630 pixels"):
        open_picture(tmp_path / "21", limits)


def test_lossless_webp_has_the_same_limit(tmp_path: Path) -> None:
    """Its header is another one."""
    Image.new("RGB", (30, 20)).save(tmp_path / "a", "WEBP", lossless=True)
    assert open_picture(tmp_path / "a", Limits(600, 100_000))
    with pytest.raises(DataError, match="claims 600 pixels"):
        open_picture(tmp_path / "a", Limits(599, 100_000))


def test_decoding_holds_the_limit_too(tmp_path: Path) -> None:
    """If no header has the size, the decoded picture has."""
    write_png(tmp_path / "a.png", np.zeros((4, 5), np.uint8))
    picture = open_picture(tmp_path / "a.png")
    check_px(picture, HIGHEST.max_image_px)
    with pytest.raises(DataError, match="a.png: claims 268,435,457 pixels in .* cut it into tiles, or remove it"):
        check_px(picture, HIGHEST.max_image_px + 1)


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    """Its size is known before; the message says both."""
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"a.png: is 1,099,511.6 MB, the limit is 0.4 MB; make it smaller"):
        open_picture(tmp_path / "a.png", LIMITS)


def test_of_an_animation_one_frame_is_read(tmp_path: Path) -> None:
    """Thousands of frames take no more than the first."""
    write_animation(tmp_path / "a.webp", 2000)
    assert read_image(tmp_path / "a.webp").shape == (32, 32, 3) == read_stored(tmp_path / "a.webp").shape


@pytest.mark.parametrize("content", [b"hello", b"RIFF\0\0\0\0WEBPVP8X", b"%!PS-Adobe", b"GIF89a", b"P6 2 2 255 "])
def test_other_formats_are_no_pictures(tmp_path: Path, content: bytes) -> None:
    """Formats beyond those of the contract are not given to any decoder."""
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a.png: cannot be decoded \(\d+ bytes: truncated, or not a picture\)"):
        open_picture(tmp_path / "a.png")


@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "WEBP"]))
def test_damaged_files_give_a_picture_or_a_message(
    data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes are changed or cut off, nothing but a DataError comes out."""
    out = io.BytesIO()
    Image.new("P", (9, 7)).convert("P" if kind in ("PNG", "TIFF") else "RGB").save(out, kind)
    content = bytearray(out.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.png"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    for read in (read_image, read_stored):
        try:
            assert read(path).shape[0] >= 1
        except DataError as err:
            assert "a.png: " in str(err)


def test_pictures_are_listed_and_nothing_else(tmp_path: Path) -> None:
    """Folders below are looked through; hidden files and folders, and other files, are not."""
    names = ("b.PNG", "a/c.jpg", "a/.d.png", ".e/f.png", "notes.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == ["a/c.jpg", "b.PNG"]


def test_a_link_to_a_folder_with_the_name_of_a_picture_is_not_passed_over(tmp_path: Path) -> None:
    """It is listed, so that reading refuses it by name; what is in it is not."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a.png").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/x.png").symlink_to("../tree")
    assert list_images(tmp_path / "photos") == [tmp_path / "photos/x.png"]
    with pytest.raises(DataError, match="x.png: cannot be read"):
        read_image(tmp_path / "photos/x.png")


def _pages(path: Path, *values: int, **more: Any) -> None:
    pages = [Image.fromarray(np.full((4 + value, 6), value, np.uint8)) for value in values]
    pages[0].save(path, save_all=True, append_images=pages[1:], **more)


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    """The first page would stand for all."""
    path = tmp_path / "stack.tif"
    _pages(path, 1, 2, 3)
    with pytest.raises(DataError, match=r"stack.tif: is a TIFF of several pages, .* `segline import folder --page N`"):
        read_image(path)
    assert open_picture(path, HIGHEST._replace(has_pages=True)).path == path


def test_overviews_and_tags_of_geo_tiffs_are_no_pages(tmp_path: Path) -> None:
    """A smaller copy and a mask have a subfile type that says so; coordinates are not read."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[33550], info[33922] = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 400000.0, 5000000.0, 0.0)
    _pages(tmp_path / "a.tif", 3, tiffinfo=info)
    assert read_stored(tmp_path / "a.tif").shape == (7, 6)
    large, small = (Image.fromarray(np.full((size, size), 1, np.uint8)) for size in (8, 4))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    large.save(tmp_path / "b.tif", save_all=True, append_images=[small])
    assert read_stored(tmp_path / "b.tif").shape == (8, 8)


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("BMP", ".bmp"), ("TIFF", ".tif")])
def test_the_suffix_is_that_of_the_content(kind: str, suffix: str) -> None:
    """Of a picture without a name; WebP has none here."""
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, kind)
    assert suffix_of(as_picture(Path("a"), out.getvalue())) == suffix
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "WEBP")
    with pytest.raises(DataError, match="a: cannot be decoded"):
        suffix_of(as_picture(Path("a"), out.getvalue()))
