"""Tests of the importer of MATLAB's label maps."""

import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import loadmat, savemat

from pipeline.errors import DataError
from pipeline.importers.annotations import matlab
from pipeline.importers.annotations.matlab import read_label_map
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

MAP = np.array([[0, 1, 2], [2, 1, 0]])
PATH = Path("maps/a.mat")
WORDS = ["matlab", "images", "maps", "--classes", "c.txt"]


@pytest.fixture(autouse=True)
def _folders(_in_an_empty_folder: None) -> None:
    PATH.parent.mkdir()


def _save(**variables: Any) -> Path:
    savemat(PATH, variables, do_compression=True)
    return PATH


def _save_hdf5(**variables: np.ndarray) -> Path:
    with h5py.File(PATH, "w", userblock_size=512) as file:
        for name, value in variables.items():
            file[name] = value.T
    return PATH


def test_classes_are_the_values_that_scipy_reads() -> None:
    """Values from 1 as MATLAB has them; 0 is ignored."""
    PATH.parent.rmdir()
    words, masks = write_small("matlab")
    bring_in(words)
    expected = {
        name: (loadmat(f"maps/{name}.mat")["GTcls"][0, 0]["Segmentation"] - 1).astype(np.uint8) for name in masks
    }
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(masks_brought_in()), shares(masks), rtol=0, atol=1e-6)


def test_all_versions_and_places_give_the_same_map() -> None:
    """Version 5, 7.3 (HDF5, where columns are rows), fields of structures and the first entry of a cell."""
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = {"Segmentation": MAP.astype(np.uint16)}, 0
    assert_array_equal(read_label_map(_save(groundTruth=cell, other=1), "groundTruth.Segmentation"), MAP)
    assert_array_equal(read_label_map(_save(m=MAP.astype(float)), ""), MAP)
    assert_array_equal(read_label_map(_save_hdf5(m=MAP.astype(float)), ""), MAP)
    assert_array_equal(read_label_map(_save_hdf5(**{"GTcls/Segmentation": MAP}), "GTcls.Segmentation"), MAP)
    with h5py.File(PATH, "w", userblock_size=512) as file:
        file["#refs#/b/Segmentation"] = MAP.T
        file["truth"] = np.array([[file["#refs#/b"].ref]], h5py.ref_dtype)
    assert_array_equal(read_label_map(PATH, "truth.Segmentation"), MAP)


@pytest.mark.parametrize(
    ("variables", "variable", "says"),
    [
        ({"a": MAP, "b": MAP}, "", r"has 2 variables, it holds a, b; name the label map with --variable"),
        ({"a": MAP}, "c", r"has no variable 'c', it holds a; name"),
        ({"a": {"x": MAP}}, "a.y", r"has no field 'y' but x; correct --variable"),
        ({"a": {"x": MAP}}, "a", "has a structure, expected a label map; name a field: --variable a.x"),
        ({"a": "text"}, "a", "expected a label map of numbers"),
        ({"a": MAP + 0.5}, "a", "has values that are not whole numbers"),
        ({"a": np.full((2, 2), np.nan)}, "a", "has values that are not whole numbers"),
        ({"a": np.zeros((2, 2, 2))}, "a", r"is float64 of \(2, 2, 2\), expected a label map"),
    ],
)
def test_what_is_no_label_map_is_refused(variables: dict[str, Any], variable: str, says: str) -> None:
    """The message names what there is."""
    with pytest.raises(DataError, match=rf"maps/a\.mat: .*{says}"):
        read_label_map(_save(**variables), variable)


def test_links_to_other_files_are_not_followed() -> None:
    """HDF5 may name files of this machine: by a link, or as the place of an array's values."""
    Path("secret").write_bytes(MAP.astype(np.uint8).tobytes())
    with h5py.File(PATH, "w", userblock_size=512) as file:
        file["link"] = h5py.ExternalLink("other.h5", "/x")
        file.create_dataset("raw", (2, 3), np.uint8, external=[("secret", 0, 6)])
        file.create_dataset("huge", (1 << 20, 1 << 20), np.uint8, chunks=(64, 64))
        file["s/map"] = MAP
    with pytest.raises(DataError, match="has a structure, expected a label map; name a field: --variable s.map"):
        read_label_map(PATH, "s")
    with pytest.raises(DataError, match="'link' is a link to another place"):
        read_label_map(PATH, "link")
    with pytest.raises(DataError, match="'raw' is no array in this file"):
        read_label_map(PATH, "raw")
    with pytest.raises(DataError, match="which is too large"):
        read_label_map(PATH, "huge")


def test_damaged_files_and_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may inflate to a thousand times its size."""
    PATH.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read as a .mat file"):
        read_label_map(PATH, "a")
    content = _save(a=MAP).read_bytes()
    PATH.write_bytes(content[:150])
    with pytest.raises(DataError, match="cannot be read as a .mat file"):
        read_label_map(PATH, "a")
    monkeypatch.setattr(matlab, "MAX_BYTES", 1 << 20)
    bomb = zlib.compress(bytes(1 << 22))
    PATH.write_bytes(content[:128] + struct.pack("<II", 15, len(bomb)) + bomb)
    with pytest.raises(DataError, match="inflates to more than 1,048,576 bytes, the limit"):
        read_label_map(PATH, "a")


def test_undeclared_values_and_lonely_files_are_refused() -> None:
    """Nothing is written."""
    Path("c.txt").write_text("ground\nbox\n")
    _save(a=MAP)
    write_png(Path("images/a.png"), np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(DataError, match="^maps/a.mat: has no variable 'b', it holds a; name the label map with"):
        bring_in([*WORDS, "--variable", "b"])
    with pytest.raises(DataError, match="maps/a.mat: value 2 on 2 pixels is not declared"):
        bring_in(WORDS)
    write_png(Path("images/a.png"), np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(DataError, match=r"maps/a.mat: label map is \(2, 3\), image is \(3, 3\)"):
        bring_in(WORDS)
    write_png(Path("images/b.png"), np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(DataError, match=r"1 of 2 images and 1 .mat files have no partner of the same name: b.png"):
        bring_in(WORDS)
    PATH.unlink()
    with pytest.raises(DataError, match="maps: found no .mat file"):
        bring_in(WORDS)
    assert not Path("data").exists()
