"""Tests of the sizes and orientations of images and masks."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.opened import Size
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs
from pipeline.importers.repairs.shapes import MAX_IMAGE_PX, check_shapes, is_alike, turned, with_shape_of
from pipeline.params import read_params
from tests.importers.awkward_files import ORIENTATION, image, save, truth

ROOT = Path(__file__).parents[3]


def _sample(folder: Path, mask: np.ndarray, orientation: int = 1, name: str = "a") -> Sample:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    save(folder / f"{name}.jpg", image(1), exif=exif)
    save(folder / f"{name}.png", mask)
    return Sample(name, folder / f"{name}.jpg", folder / f"{name}.png", name, "")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_its_image(orientation: int) -> None:
    """As Pillow turns a picture with that orientation."""
    picture = Image.fromarray(truth(1))
    picture.getexif()[ORIENTATION] = orientation
    assert_array_equal(turned(truth(1), orientation), np.asarray(ImageOps.exif_transpose(picture)))


@pytest.mark.parametrize(
    ("size", "other", "alike"),
    [
        ((24, 32), (12, 16), True),
        ((375, 500), (751, 1003), True),
        ((24, 26), (24, 32), False),
        ((24, 32), (32, 24), False),
    ],
)
def test_sizes_have_one_aspect_ratio_within_a_pixel(size: Size, other: Size, alike: bool) -> None:
    """Of the smaller one."""
    assert is_alike(size, other) == is_alike(other, size) == alike


def test_turned_images_are_refused_with_what_the_sizes_show(tmp_path: Path) -> None:
    """Sizes may prove that masks were drawn on the stored or on the upright image, or nothing."""
    turned_by_180 = _sample(tmp_path, truth(1), 3)
    stored, upright = _sample(tmp_path, truth(1), 6, "b"), _sample(tmp_path, truth(1).T, 6, "c")
    with pytest.raises(DataError, match="1 image of 1 are turned .*a.jpg; sizes cannot show which"):
        check_shapes([turned_by_180], AS_THEY_ARE, None)
    with pytest.raises(DataError, match="sizes of 1 mask show that they were drawn on the stored image"):
        check_shapes([turned_by_180, stored], AS_THEY_ARE, None)
    with pytest.raises(DataError, match="sizes of 1 mask show that they were drawn on the upright image"):
        check_shapes([turned_by_180, upright], AS_THEY_ARE, None)
    assert check_shapes([upright], AS_THEY_ARE, None) == []
    assert check_shapes([turned_by_180, stored], Repairs(mask_orientation="stored"), None) == []
    ids = with_shape_of(truth(1), stored, (32, 24), Repairs(mask_orientation="stored"))
    assert_array_equal(ids, np.rot90(truth(1), -1))


def test_masks_of_another_size_are_refused_or_fitted(tmp_path: Path) -> None:
    """Fitted by nearest neighbour; those of another shape are refused in any case."""
    small, cut = _sample(tmp_path, truth(1)[::2, ::2]), _sample(tmp_path, truth(1)[:, 6:], name="b")
    with pytest.raises(DataError, match="1 mask of 1 have another size than .*a.png is 12 x 16, the image 24 x 32"):
        check_shapes([small], AS_THEY_ARE, None)
    fit = Repairs(fit_masks=True)
    assert check_shapes([small], fit, None) == ["masks of another size that were resized to their image's: 1"]
    assert with_shape_of(truth(1)[::2, ::2], small, (24, 32), fit).shape == (24, 32)
    with pytest.raises(DataError, match="1 mask of 2 have another shape than .*b.png is 24 x 26, the image 24 x 32"):
        check_shapes([small, cut], fit, None)
    with pytest.raises(DataError, match="b.png: mask is 24 x 26, image is 24 x 32"):
        with_shape_of(truth(1)[:, 6:], cut, (24, 32), fit)


def test_files_of_several_pages_are_counted(tmp_path: Path) -> None:
    """A page that is not in all of them is refused too."""
    save(tmp_path / "a.png", image(1))
    save(tmp_path / "m.tif", truth(1), save_all=True, append_images=[Image.fromarray(truth(1))])
    sample = Sample("a", tmp_path / "a.png", tmp_path / "m.tif", "a", "")
    with pytest.raises(DataError, match="1 file of 2 have several pages or frames, up to 2, .* is not named"):
        check_shapes([sample], AS_THEY_ARE, None)
    with pytest.raises(DataError, match="page 3 is not in all: .*m.tif"):
        check_shapes([sample], Repairs(page=3), None)
    assert check_shapes([sample], Repairs(page=2), None) == []


def test_what_cannot_be_opened_is_left_to_its_decoder(tmp_path: Path) -> None:
    """Which names it."""
    sample = _sample(tmp_path, truth(1))
    (tmp_path / "a.png").write_bytes(b"")
    assert check_shapes([sample], AS_THEY_ARE, None) == []


def test_the_limit_of_pixels_is_that_of_the_params() -> None:
    """Larger images are noted, because `validate` refuses them."""
    assert read_params(ROOT / "params.yaml").validate_.max_image_px == MAX_IMAGE_PX
