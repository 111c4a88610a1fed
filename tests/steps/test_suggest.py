"""Tests of `segline suggest`: what it writes comes back through the importers with the predicted pixels."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList, Sample, list_samples, read_class_list, write_contract
from pipeline.dataset.splits import split_of
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, ParamsError, RegistryError
from pipeline.steps.suggest import COPIES, DOUBLE, LIKE, TEST, Suggestions, show, suggest
from pipeline.vision.codec import read_mask, write_png
from tests.finished_project import ROOT, use_registry
from tests.formats.small import bring_in, masks_brought_in
from tests.tiny_model import write_graded_model

CLASSES = ClassList(("sky", 'a "road" & <more>'), ((0, 0, 255), (90, 90, 90)), 255)
GROUP, OUT = r"([^_/]+)_[^/]*$", Path("out")
TRAIN = [f"g{number}" for number in range(60) if split_of(f"g{number}", 0.15, 0.2) == "train"]
(HELD_OUT, *_) = (f"g{number}" for number in range(60) if split_of(f"g{number}", 0.15, 0.2) == "test")
ODD = f"day 2/{TRAIN[2]}_<&'\"> 50%25 ä.png"


def _picture(seed: int, low: int = 0, high: int = 255) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (12, 17, 3), np.uint8)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project with a labelled image and the folder `photos` of four without a label; the folder of a model."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    write_png(Path("data/images/known.png"), _picture(100))
    write_png(Path("data/masks/known.png"), np.zeros((12, 17), np.uint8))
    write_contract(Path("data"), CLASSES, [Sample("known", None, None, "known", "")])
    write_png(Path(f"photos/{TRAIN[0]}_sure.png"), _picture(0, 0, 20))
    write_png(Path(f"photos/{TRAIN[0]}_unsure.png"), _picture(1, 100, 150))
    write_png(Path(f"photos/{TRAIN[1]}_rather.png"), _picture(2, 70, 180))
    write_png(Path("photos", ODD), _picture(3))
    return str(write_graded_model(tmp_path / "model", CLASSES))


def _suggest(model: str, num: int = 10, images: str = "photos", out: Path = OUT) -> Suggestions:
    return suggest(num, Path(images), out, model, GROUP)


def _names(result: Suggestions) -> list[str]:
    return [one.candidate.relative for one in result.suggestions]


def _expected() -> dict[str, np.ndarray]:
    masks = sorted((OUT / "masks").rglob("*.png"))
    return {str(path.relative_to(OUT / "masks"))[:-4].replace("/", "__"): read_mask(path) for path in masks}


def _check_brought_in() -> None:
    masks = masks_brought_in()
    assert masks.keys() == (expected := _expected()).keys() and len(masks) == 4
    for name, mask in masks.items():
        assert_array_equal(mask, expected[name])
    assert read_class_list() == CLASSES
    assert {sample.group for sample in list_samples()} == {*TRAIN[:3]}


@pytest.mark.services
def test_cvat_brings_the_predicted_pixels_back(model: str) -> None:
    """Exactly, with classes, colours and groups, and names that have blanks, quotes, markup and percent signs."""
    assert {*_names(_suggest(model))} == {str(path.relative_to("photos")) for path in Path("photos").rglob("*.png")}
    words = ["out/cvat.xml", "out/images", "--classes", "out/classes.yaml", "--background", ""]
    shutil.rmtree("data")
    bring_in(["cvat", *words, "--group", GROUP])
    _check_brought_in()


@pytest.mark.services
def test_label_studio_brings_the_predicted_pixels_back(model: str) -> None:
    """Accepted as they are: Label Studio writes the result of a prediction as that of an annotation."""
    suggestions = _suggest(model).suggestions
    tasks = json.loads(Path("out/label_studio.json").read_text())
    assert [task["predictions"][0]["score"] for task in tasks] == [one.candidate.uncertainty for one in suggestions]
    assert {task["predictions"][0]["model_version"] for task in tasks} == {md5_of(Path(model))}
    exported = [{"data": task["data"], "annotations": task["predictions"]} for task in tasks]
    Path("export.json").write_text(json.dumps(exported))
    words = ["export.json", "out/images", "--classes", "out/classes.yaml", "--background", ""]
    shutil.rmtree("data")
    bring_in(["label-studio", *words, "--group", GROUP])
    _check_brought_in()


@pytest.mark.services
def test_copies_near_copies_and_test_groups_are_left_out(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And counted; a file that cannot be read, or whose name is that of another, is named at the end."""
    data = Path("data/images/known.png")
    shutil.copy(data, f"photos/{TRAIN[3]}_copy.png")
    write_png(Path(f"photos/{TRAIN[3]}_like.png"), _picture(100) // 2 + 100)
    shutil.copy(Path("photos", ODD), f"photos/{TRAIN[3]}_twice.png")
    write_png(Path(f"photos/{HELD_OUT}_a.png"), _picture(9))
    Path(f"photos/{TRAIN[0]}_bad.png").write_bytes(b"no picture")
    write_png(Path(f"photos/{TRAIN[0]}_sure.bmp.png"), _picture(10))
    write_png(Path(f"photos/{TRAIN[0]}_SURE.png"), _picture(11))
    Path(f"photos/{TRAIN[0]}_pipe.png").symlink_to(Path("params.yaml").resolve())
    Path("photos/notes.txt").touch()
    result = _suggest(model)
    assert result.left_out == {COPIES: 1, LIKE: 1, DOUBLE: 1, TEST: 1}
    assert len(result.suggestions) == 5 and result.num_images == 12 and len(result.failed) == 3
    with pytest.raises(DataError, match="3 of the pictures could not be read and were not judged") as caught:
        show(result)
    assert "_bad.png: cannot" in str(caught.value) and "_sure.png: has the same name" in str(caught.value)
    printed = capsys.readouterr().out
    assert "left out 1 of 12 images of groups of the test split" in printed and "photos/notes.txt" in printed


@pytest.mark.services
def test_groups_are_spread_and_the_table_says_why(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The most uncertain image is first, no group gives two of three, and the table has a row for each."""
    result = _suggest(model, num=3)
    assert _names(result)[0] == f"{TRAIN[0]}_unsure.png"
    assert {one.candidate.group for one in result.suggestions} == {*TRAIN[:3]}
    rows = (OUT / "suggestions.csv").read_text().splitlines()
    assert rows[0] == "name,group,uncertainty,rank,image,why" and len(rows) == 4
    assert rows[1].endswith(f",1,images/{TRAIN[0]}_unsure.png,most uncertain of all")
    show(result)
    assert "3 images with pre-labels in out" in capsys.readouterr().out and not result.notes


@pytest.mark.services
def test_what_is_lacking_is_noted(model: str) -> None:
    """Fewer images than were asked for, and classes of data/ that the model does not know."""
    names = (*CLASSES.names, "new")
    write_contract(Path("data"), ClassList(names, (*CLASSES.colours, (1, 2, 3)), 255), list_samples())
    result = _suggest(model, num=5)
    assert result.notes[0].startswith("only 4 of the 5 images that were asked for are left")
    assert result.notes[1].startswith("the model does not know 1 classes of data/, the first is 'new'")


@pytest.mark.services
def test_a_tiff_is_copied_as_png(model: str) -> None:
    """Browsers show no TIFF; the pixels stay."""
    from PIL import Image

    shutil.rmtree("photos")
    Path("photos").mkdir()
    Image.fromarray(_picture(5)).save(f"photos/{TRAIN[0]}_a.tif")
    _suggest(model)
    with Image.open(OUT / f"images/{TRAIN[0]}_a.png") as copy:
        assert_array_equal(np.array(copy), _picture(5))


@pytest.mark.services
def test_nothing_left_is_an_error_that_says_why(model: str) -> None:
    """Nothing is written then."""
    write_png(Path(f"others/{HELD_OUT}_a.png"), _picture(9))
    with pytest.raises(DataError, match="others: nothing is left to suggest: 1 images of groups of the test split"):
        _suggest(model, images="others")
    assert not OUT.exists()


@pytest.mark.services
@pytest.mark.parametrize(
    ("out", "fault"),
    [
        ("photos/out", "lies in photos"),
        ("data/out", "lies in data"),
        ("params.yaml", "exists"),
        ("model", "not an emp"),
    ],
)
def test_nothing_is_written_over(model: str, out: str, fault: str) -> None:
    """Nor where images are searched; an empty folder will do."""
    with pytest.raises(DataError, match=fault):
        _suggest(model, out=Path(out))
    OUT.mkdir()
    assert _suggest(model, num=1).out == OUT and (OUT / "cvat.xml").exists()


def test_a_folder_of_images_and_a_number_are_needed(tmp_path: Path) -> None:
    """A file and 0 are refused before anything is read."""
    (tmp_path / "a.png").touch()
    with pytest.raises(DataError, match="a.png: is not a folder"):
        suggest(1, tmp_path / "a.png", tmp_path / "out", "champion", "")
    with pytest.raises(ParamsError, match="0 images to suggest, expected 1 or more"):
        suggest(0, tmp_path, tmp_path / "out", "champion", "")


def test_a_name_that_xml_cannot_hold_is_refused(tmp_path: Path) -> None:
    """It is one of the files that cannot be used."""
    from pipeline.steps.suggest import name_images

    paths = [tmp_path / name for name in ("a\ufffe.png", "b\n.png", "c.png")]
    pairs, failed = name_images(paths, tmp_path)
    assert [pair.name for pair in pairs] == ["c"]
    assert "characters that XML cannot hold; rename" in failed[0] and "control characters" in failed[1]


@pytest.mark.services
def test_without_a_champion_the_command_is_named(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty registry has none."""
    use_registry(Path.cwd(), monkeypatch)
    with pytest.raises(RegistryError, match="has no champion; make one with `segline promote`, or name another"):
        suggest(1, Path("photos"), OUT, "champion", "")
    assert not OUT.exists() and not os.path.lexists(".out.part")
