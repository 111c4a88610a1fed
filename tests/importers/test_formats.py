"""Tests of the table of importers, with one more importer."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.errors import DataError
from pipeline.importers.formats import IMPORTERS
from pipeline.steps.import_ import Imported, import_data
from pipeline.vision.codec import read_mask, write_png
from tests.extensions.importer import polygons

ROAD = {"road": [[[2, 1], [5, 1], [5, 3], [2, 3]]]}
HEAVY = ("boto3", "cv2", "numpy", "PIL", "pydantic", "scipy")


@pytest.fixture(autouse=True)
def _with_polygons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(IMPORTERS, "polygons", polygons)


def _import(**images: dict[str, Any]) -> Imported:
    for name in images:
        if not Path("photos", f"{name}.png").exists():
            write_png(Path("photos", f"{name}.png"), np.full((6, 8, 3), 90, np.uint8))
    colours = {"sky": [0, 0, 255], "road": [90, 90, 90]}
    Path("shapes.json").write_text(json.dumps({"classes": colours, "images": images}))
    return import_data("polygons", Path("photos"), Path("shapes.json"))


def test_an_importer_of_polygons_is_one_function_in_the_table() -> None:
    """Its masks are drawn, its images copied; contract and notes are those of any import."""
    imported = _import(a=ROAD, b={"sky": [[[0, 0], [7, 0], [7, 0], [0, 0]]]} | ROAD)
    expected = np.full((6, 8), 255, np.uint8)
    expected[1:4, 2:6] = 1
    assert_array_equal(read_mask(Path("data/masks/a.png")), expected)
    expected[0] = 0
    assert_array_equal(read_mask(Path("data/masks/b.png")), expected)
    assert Path("data/images/a.png").read_bytes() == Path("photos/a.png").read_bytes()
    assert read_class_list().names == ("sky", "road") and [sample.name for sample in list_samples()] == ["a", "b"]
    assert imported.num_samples == 2 and imported.notes[0] == "pixels outside of all polygons are ignored"


def test_samples_that_cannot_be_used_are_all_named() -> None:
    """DataError of one sample does not hide the next; nothing is written."""
    Path("photos").mkdir()
    for name in "ac":
        Path("photos", f"{name}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 3 images cannot be used; nothing was written\n.*a.png: .*\n.*c.png: "):
        _import(a=ROAD, b=ROAD, c=ROAD)
    assert not Path("data").exists()


@pytest.mark.parametrize("name", ["../photos/a", "sub/a", "..", ".a", ""])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """Names may come from a file that somebody else wrote; none of them leaves data/ or hides in it."""
    with pytest.raises(DataError, match=rf"sample '{re.escape(name)}': is not a file name; expected no folders"):
        _import(**{name: ROAD})
    assert not Path("data").exists()


def test_names_that_are_one_on_other_machines_are_refused() -> None:
    """A file system that ignores case would hold one of the two; control characters break tables."""
    with pytest.raises(DataError, match="two samples have the name 'a', upper and lower case alike; rename one"):
        _import(A=ROAD, a=ROAD)
    with pytest.raises(DataError, match="has control characters"):
        _import(**{"a\n": ROAD})


def test_an_unknown_importer_is_refused() -> None:
    """The message lists the known ones."""
    with pytest.raises(DataError, match="no importer is called 'box'; expected one of demo, .*matlab, polygons"):
        import_data("box")


@pytest.mark.parametrize("name", [*IMPORTERS, "polygons"])
def test_words_and_options_have_types_and_help(name: str) -> None:
    """The command is generated from signature and docstring: each parameter has a type and a line in `Args:`."""
    importer = IMPORTERS[name]
    names = inspect.signature(importer).parameters
    text = inspect.getdoc(importer) or ""
    assert names.keys() <= get_type_hints(importer).keys()
    assert re.findall(r"^    (\w+): \S", text.partition("Args:\n")[2].partition("Raises:")[0], re.M) == list(names)


def test_the_table_is_light() -> None:
    """The command's help loads it without OpenCV, numpy and the like."""
    code = f"import pipeline.importers.formats, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
