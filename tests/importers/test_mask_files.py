"""Tests of the survey of masks before an import."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.importers.label_map import Kind, Labels, code_of
from pipeline.importers.mask_files import survey_masks
from pipeline.vision.codec import encode_jpeg, write_png

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def _labels(*colours: tuple[int, int, int]) -> Labels:
    classes = ClassList(tuple(f"c{id_}" for id_ in range(len(colours))), colours, 255)
    values = {id_: id_ for id_ in range(len(colours))} | {255: 255}
    return Labels(Path("classes.yaml"), classes, values, {code_of(colour): id_ for id_, colour in enumerate(colours)})


def _write(tmp_path: Path, masks: Sequence[np.ndarray]) -> list[Path]:
    paths = [tmp_path / f"{number:02}.png" for number in range(len(masks))]
    for path, mask in zip(paths, masks, strict=True):
        write_png(path, mask)
    return paths


def _grey(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


@pytest.mark.parametrize(
    ("masks", "colours", "kind"),
    [
        ([_grey(0, 1), _grey(2, 255)], (BLACK, RED, (1, 1, 1)), "index"),
        ([_grey(0, 0), _grey(0, 255)], (RED, (9, 9, 9)), "binary"),
        ([_grey(0, 1), _grey(0, 255)], (RED, (9, 9, 9)), "index"),
        ([_grey(0, 255)], (RED, (9, 9, 9), (8, 8, 8)), "index"),
        ([np.array([[BLACK, RED]], np.uint8), np.dstack([_grey(0, 0)] * 3)], (RED, BLACK), "colour"),
        ([_grey(0, 255)], (BLACK, WHITE), "binary"),
    ],
)
def test_the_kind_is_found(
    tmp_path: Path, masks: list[np.ndarray], colours: tuple[tuple[int, int, int], ...], kind: Kind
) -> None:
    """It is the one that all masks fit."""
    assert survey_masks(_write(tmp_path, masks), _labels(*colours), "auto").kind == kind


def test_a_contradiction_is_not_guessed_away(tmp_path: Path) -> None:
    """White is the first class by colour and the second as binary: the user has to say."""
    paths = _write(tmp_path, [_grey(0, 255)])
    with pytest.raises(
        DataError, match="00.png: its black and white and its colours .* with --kind binary or --kind colour"
    ):
        survey_masks(paths, _labels(WHITE, BLACK), "auto")
    assert survey_masks(paths, _labels(WHITE, BLACK), "colour").kind == "colour"


def test_a_palette_that_agrees_is_an_index_mask(tmp_path: Path) -> None:
    """As in Pascal VOC; one whose colours are in another order is a contradiction."""
    picture = Image.fromarray(_grey(0, 1), "P")
    for name, palette in (("same", (*RED, *WHITE)), ("other", (*WHITE, *RED))):
        picture.putpalette(list(palette))
        picture.save(tmp_path / f"{name}.png")
    assert survey_masks([tmp_path / "same.png"], _labels(RED, WHITE), "auto").kind == "index"
    with pytest.raises(DataError, match="other.png: .* --kind index or --kind colour"):
        survey_masks([tmp_path / "other.png"], _labels(RED, WHITE), "auto")


def test_three_offenders_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    """Each with file, value and pixels; good ones are not."""
    paths = _write(tmp_path, [_grey(0, 7, 7)] * 12 + [_grey(1)])
    with pytest.raises(DataError) as raised:
        survey_masks(paths, _labels(RED, WHITE, BLACK), "index")
    lines = str(raised.value).splitlines()
    assert lines[0].startswith(
        "12 of 13 masks, read as index masks, have other values than the values that classes.yaml"
    )
    assert lines[1] == f"  {paths[0]}: value 7 on 2 pixels is not declared" and len(lines) == 6
    assert lines[4] == "  and 9 more" and lines[5] == (
        "the most frequent values of these masks are 7, 0, and classes.yaml declares 0, 1, 2, 255; "
        "declare the missing values in classes.yaml, or correct the masks"
    )


def test_the_likeliest_kind_is_reported(tmp_path: Path) -> None:
    """One wrong colour among colour masks is a complaint about colours."""
    good, bad = np.array([[BLACK, RED]], np.uint8), np.array([[BLACK, (254, 0, 0)]], np.uint8)
    with pytest.raises(DataError, match=r"1 of 3 masks, read as colour .*\n.*02.png: colour \[254, 0, 0\] on 1 pixel"):
        survey_masks(_write(tmp_path, [good, good, bad]), _labels(BLACK, RED), "auto")


def test_a_mask_that_cannot_be_decoded_is_an_offender(tmp_path: Path) -> None:
    """Whatever the kind."""
    (path,) = _write(tmp_path, [_grey(0, 1)])
    path.write_bytes(path.read_bytes()[:-20])
    for kind in ("auto", "index", "colour"):
        with pytest.raises(DataError, match="00.png: cannot be decoded"):
            survey_masks([path], _labels(BLACK, RED), kind)


def test_jpeg_masks_have_a_hint(tmp_path: Path) -> None:
    """JPEG invents values at the edges of classes."""
    edges = np.kron(np.eye(3), np.ones((5, 5)))[:, :, None].repeat(3, axis=2).astype(np.uint8) * 255
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(edges, 60))
    with pytest.raises(
        DataError, match="(?s)than 0 and 255 .*; JPEG changes values, masks are better exported as PNG"
    ) as raised:
        survey_masks([tmp_path / "a.jpg"], _labels(RED, (9, 9, 9)), "binary")
    assert "a.jpg: value" in str(raised.value) or "a.jpg: is coloured" in str(raised.value)


def test_a_kind_needs_its_declarations(tmp_path: Path) -> None:
    """Binary masks have two classes; colour masks need each class's colour."""
    paths = _write(tmp_path, [_grey(0, 255)])
    with pytest.raises(DataError, match="declares 3 classes; binary masks have two"):
        survey_masks(paths, _labels(RED, WHITE, BLACK), "binary")
    labels = Labels(
        Path("c.txt"), ClassList(("a", "b"), (RED, WHITE), 255), {0: 0, 1: 1}, {}, without_colour=("a", "b")
    )
    with pytest.raises(DataError, match="c.txt: declares no colour of a, b; colour masks need all of them"):
        survey_masks(paths, labels, "colour")


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """A program may ask for one that the command would refuse."""
    with pytest.raises(DataError, match="kind is 'color', expected auto, binary, index, colour"):
        survey_masks(_write(tmp_path, [np.zeros((2, 2), np.uint8)]), _labels(BLACK, RED), "color")  # type: ignore[arg-type]
