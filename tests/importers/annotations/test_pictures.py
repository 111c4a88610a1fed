"""Tests of looking pictures up by the paths of others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DataError
from pipeline.importers.annotations.pictures import Pictures, parts_of
from pipeline.vision.codec import write_png

WHERE = Path("a.json")


@pytest.fixture
def pictures(_in_an_empty_folder: None) -> Pictures:
    """Two of one name in two folders, and one more."""
    for name in ("north/1.png", "south/1.png", "south/2.jpg"):
        write_png(Path("images", name), np.zeros((2, 3, 3), np.uint8))
    return Pictures(Path("images"))


@pytest.mark.parametrize(
    ("name", "relative"),
    [
        ("2.jpg", "south/2.jpg"),
        ("/home/me/data/north/1.png", "north/1.png"),
        ("C:\\data\\south\\1.png", "south/1.png"),
        ("https://host/south/../south/1.png", "south/1.png"),
        ("../../../../north/1.png", "north/1.png"),
    ],
)
def test_the_longest_common_end_is_taken(pictures: Pictures, name: str, relative: str) -> None:
    """Whatever comes before is of another machine."""
    pair = pictures.pair(name, WHERE)
    assert pair and pair.relative == relative and pair.mask == WHERE and len(pictures) == 3
    assert pair.name == relative.rpartition(".")[0].replace("/", "__")


@pytest.mark.parametrize("name", ["", "/", "..", "3.png", "/etc/passwd", "north"])
def test_what_is_not_there_is_not_opened(pictures: Pictures, name: str) -> None:
    """Unless the annotations hold the image."""
    assert pictures.pair(name, WHERE) is None
    embedded = pictures.pair("x/3.png", WHERE, is_embedded=True)
    assert embedded and (embedded.name, embedded.image) == ("x__3", WHERE)


def test_two_that_fit_as_well_are_refused(pictures: Pictures) -> None:
    """Both are named."""
    with pytest.raises(DataError, match="the annotated image '1.png' may be north/1.png and south/1.png below images"):
        pictures.pair("1.png", WHERE)


def test_links_out_of_the_folder_and_odd_names_are_refused(tmp_path: Path, _in_an_empty_folder: None) -> None:
    """They would bring in a file of this machine."""
    Path("images").mkdir()
    Path("secret.png").touch()
    Path("images/a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="is a link to .*secret.png, outside of images"):
        Pictures(Path("images")).pair("a.png", WHERE)
    with pytest.raises(DataError, match="has control characters"):
        Pictures(Path("images")).pair("b\n.png", WHERE, is_embedded=True)
    with pytest.raises(DataError, match="nothing: is not a folder"):
        Pictures(Path("nothing"))


def test_stems_are_told_apart(pictures: Pictures) -> None:
    """Two suffixes of one name are refused."""
    assert pictures.by_stem() == {"north/1": "north/1.png", "south/1": "south/1.png", "south/2": "south/2.jpg"}
    Path("images/south/2.png").touch()
    with pytest.raises(DataError, match="images: south/2.png and south/2.jpg have one name"):
        Pictures(Path("images")).by_stem()


@given(st.text())
def test_parts_never_lead_upwards(name: str) -> None:
    """Whatever the text is."""
    assert not {"", ".", ".."} & {*parts_of(name)} and not any("/" in part for part in parts_of(name))
