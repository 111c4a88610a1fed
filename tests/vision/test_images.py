"""Tests of the door to OpenCV."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.errors import DataError
from pipeline.vision import images
from pipeline.vision.picture_files import open_picture
from pipeline.vision.resize import resize_image

ORIENTATION = 0x112
TURNED_RIGHT = 6
IDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def _gradient(height: int = 24, width: int = 32) -> np.ndarray:
    row, column = np.mgrid[:height, :width]
    return np.stack((row * 5, column * 5, row + column), axis=2).astype(np.uint8)


@given(mask=IDS)
def test_png_round_trip(mask: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A mask is read as it was written; an image likewise, in the same order of channels."""
    path = tmp_path_factory.mktemp("png") / "a.png"
    images.write_png(path, mask)
    assert_array_equal(images.read_mask(path), mask)
    image = np.stack((mask, mask // 2, mask // 3), axis=2)
    images.write_png(path, image)
    assert_array_equal(images.read_image(path), image)
    assert_array_equal(images.read_stored(path), image)


def test_equal_pixels_give_equal_bytes() -> None:
    """Encoding is a function of the pixels."""
    assert images.encode_png(_gradient()) == images.encode_png(_gradient().copy())
    assert images.encode_jpeg(_gradient(), 95) == images.encode_jpeg(_gradient().copy(), 95)


def test_jpeg_is_near_the_image(tmp_path: Path) -> None:
    """At high quality a smooth image comes back nearly the same."""
    (tmp_path / "a.jpg").write_bytes(images.encode_jpeg(_gradient(), 95))
    assert np.abs(images.read_image(tmp_path / "a.jpg").astype(int) - _gradient()).max() < 12


def test_grey_alpha_and_16_bits_become_rgb(tmp_path: Path) -> None:
    """Grey is repeated, alpha dropped, 16 bits cut to 8; each is (H, W, 3) uint8."""
    grey = _gradient()[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack((_gradient(), grey))).save(tmp_path / "rgba.png")
    Image.fromarray(grey.astype(np.uint16) * 256 + 99).save(tmp_path / "deep.png")
    assert_array_equal(images.read_image(tmp_path / "grey.png"), np.dstack([grey] * 3))
    assert_array_equal(images.read_image(tmp_path / "rgba.png"), _gradient())
    assert_array_equal(images.read_image(tmp_path / "deep.png"), np.dstack([grey] * 3))
    assert images.read_stored(tmp_path / "deep.png").dtype == np.uint16


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_images_are_read_upright(tmp_path: Path, suffix: str) -> None:
    """EXIF's orientation is applied by every way of reading."""
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    Image.fromarray(_gradient()).save(tmp_path / f"a{suffix}", exif=exif)
    assert images.read_image(tmp_path / f"a{suffix}").shape == (32, 24, 3)
    assert images.read_stored(tmp_path / f"a{suffix}").shape == (32, 24, 3)


def test_a_palette_gives_its_indices_upright(tmp_path: Path) -> None:
    """A palette's PNG is a mask of indices, turned like any other picture."""
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 5
    picture, exif = Image.fromarray(indices, "P"), Image.Exif()
    picture.putpalette(list(range(100, 115)))
    exif[ORIENTATION] = TURNED_RIGHT
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "turned.png", exif=exif)
    assert_array_equal(images.read_mask(tmp_path / "plain.png"), indices)
    assert_array_equal(images.read_mask(tmp_path / "turned.png"), np.rot90(indices, -1))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_truncated_picture_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    """Half a picture is no picture, and the message names the file."""
    whole = images.encode_jpeg(_gradient(), 95) if suffix == ".jpg" else images.encode_png(_gradient())
    path = tmp_path / f"a{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    for read in (images.read_image, images.read_stored, images.read_mask):
        with pytest.raises(DataError, match=rf"a{suffix}: cannot be decoded .*; export it again"):
            read(path)


def test_a_truncated_palette_is_refused(tmp_path: Path) -> None:
    """Also where Pillow reads it."""
    noise = np.random.default_rng(0).integers(0, 200, (64, 64), np.uint8)
    picture = Image.fromarray(noise, "P")
    picture.putpalette(list(range(200)) * 3)
    picture.save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-900])
    with pytest.raises(DataError, match=r"a.png: cannot be decoded"):
        images.read_mask(tmp_path / "a.png")


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    """A missing, an empty and a text file each have a message of their own."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    for name, message in (("none", "cannot be read"), ("empty", "is empty"), ("text", "cannot be decoded")):
        with pytest.raises(DataError, match=rf"{name}.png: {message}"):
            images.read_image(tmp_path / f"{name}.png")


def test_masks_of_other_kinds_are_refused(tmp_path: Path) -> None:
    """Three channels and 16 bits do not keep the contract."""
    images.write_png(tmp_path / "rgb.png", _gradient())
    Image.fromarray(_gradient()[:, :, 0].astype(np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match="mask has 3 channels, expected one"):
        images.read_mask(tmp_path / "rgb.png")
    with pytest.raises(DataError, match="mask is uint16, expected uint8"):
        images.read_mask(tmp_path / "deep.png")


def test_a_low_range_is_noticed(tmp_path: Path) -> None:
    """A 12-bit picture stored in 16 bits without scaling would be nearly black."""
    grey = _gradient()[:, :, 0].astype(np.uint16)
    for name, factor in (("low", 10), ("full", 256)):
        Image.fromarray(grey * factor).save(tmp_path / f"{name}.png")
    assert images.has_low_range(open_picture(tmp_path / "low.png"))
    assert not images.has_low_range(open_picture(tmp_path / "full.png"))


def test_pictures_are_listed_and_nothing_else(tmp_path: Path) -> None:
    """Folders below are looked through; hidden files and folders, and other files, are not."""
    names = ("b.PNG", "a/c.jpg", "a/.d.png", ".e/f.png", "notes.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in images.list_images(tmp_path)] == ["a/c.jpg", "b.PNG"]


def test_a_link_to_a_folder_with_the_name_of_a_picture_is_not_passed_over(tmp_path: Path) -> None:
    """It is listed, so that reading refuses it by name; what is in it is not."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a.png").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/x.png").symlink_to("../tree")
    assert images.list_images(tmp_path / "photos") == [tmp_path / "photos/x.png"]
    with pytest.raises(DataError, match="x.png: cannot be read"):
        images.read_image(tmp_path / "photos/x.png")


@given(mask=IDS, height=st.integers(1, 40), width=st.integers(1, 40))
def test_resizing_a_mask_makes_no_new_id(mask: np.ndarray, height: int, width: int) -> None:
    """Nearest neighbour only; the size asked for is reached."""
    resized = images.resize_mask(mask, (height, width))
    assert resized.shape == (height, width) and set(np.unique(resized)) <= set(np.unique(mask))


def test_a_polygon_is_filled_in_place() -> None:
    """Inside is painted, outside is not, and what lies far off the picture is cut."""
    pixels = np.zeros((20, 20), np.uint8)
    images.draw_polygon(pixels, np.array([(5, 5), (14, 5), (14, 14), (5, 14)]), 9)
    assert (pixels[6:14, 6:14] == 9).all() and pixels[:4].max() == pixels[:, 16:].max() == 0
    images.draw_polygon(pixels, np.array([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]), 3)
    assert (pixels == 3).all()


def test_the_hash_is_near_for_near_pictures() -> None:
    """Noise and a resize change few bits, another picture many."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (9, 12, 3), np.uint8)
    image = resize_image(coarse, (90, 120))
    noisy = np.clip(image + random.integers(-3, 4, image.shape), 0, 255).astype(np.uint8)
    other = resize_image(np.ascontiguousarray(coarse[::-1, ::-1]), (90, 120))
    near = images.difference_hash(image) ^ images.difference_hash(resize_image(noisy, (60, 70)))
    assert near.bit_count() <= 4 < 16 < (images.difference_hash(image) ^ images.difference_hash(other)).bit_count()


def test_opening_closing_and_small_areas() -> None:
    """Opening removes a thin line, closing fills a gap, and small regions go."""
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    line, gap, dot = mask.copy(), mask.copy(), mask.copy()
    line[35], gap[20], dot[2:4, 2:4] = True, False, True
    assert not images.open_mask(line, 5)[35].any() and images.open_mask(line, 5)[15:25, 15:25].all()
    assert images.close_mask(gap, 5)[20, 15:25].all()
    assert_array_equal(images.drop_small_areas(dot, 5), mask)


@given(ids=IDS, holes=st.randoms(use_true_random=False))
def test_holes_get_an_id_that_is_there(ids: np.ndarray, holes: object) -> None:
    """What is no hole stays; a hole gets the id of a pixel that is none."""
    where = np.array([[holes.random() < 0.5 for _ in row] for row in ids])  # type: ignore[attr-defined]
    filled = images.fill_from_nearest(ids, where)
    assert_array_equal(filled[~where], ids[~where])
    if not where.all():
        assert set(np.unique(filled)) <= set(np.unique(ids[~where]))


def test_areas_are_listed_with_their_boxes() -> None:
    """Each region that is large enough comes once, cut out of the mask; diagonal neighbours belong together."""
    mask = np.zeros((20, 30), bool)
    mask[2:4, 5:9], mask[4, 9], mask[10, 10] = True, True, True
    (area,) = images.list_areas(mask, 2)
    assert area.box == (slice(2, 5), slice(5, 10))
    assert_array_equal(area.inside, mask[area.box])
    assert len(images.list_areas(mask, 1)) == 2
    assert images.list_areas(np.zeros((4, 4), bool), 1) == []
    assert area.inside.base is None, "the whole picture would stay in memory"


def test_the_border_is_another_id_where_asked_for() -> None:
    """In a flat mask nothing is near another id but the border; 255 does not see it."""
    flat = np.full((6, 9), 3, np.uint8)
    assert not images.near_other_ids(flat, 2, border=False).any()
    near = images.near_other_ids(flat, 2, border=True)
    assert not near[2:-2, 2:-2].any() and near.sum() == flat.size - 2 * 5
    assert not images.near_other_ids(np.full((6, 9), 255, np.uint8), 2, border=True).any()


def test_mean_luma_weighs_the_colours() -> None:
    """White is 255, and green is brighter than blue."""
    lumas = [
        images.mean_luma(np.full((4, 4, 3), colour, np.uint8)) for colour in ((255,) * 3, (0, 255, 0), (0, 0, 255))
    ]
    assert lumas == [255, 150, 29]


@given(st.integers(1, 99), st.integers(1, 99), st.integers(0, 255))
def test_flat_pictures_of_any_size_are_equally_bright(height: int, width: int, grey: int) -> None:
    """To the last bit, or equal values would be parted into slices."""
    assert images.mean_luma(np.full((height, width, 3), grey, np.uint8)) == grey


@given(IDS, st.integers(0, 255))
def test_ids_and_pairs_are_counted(ids: np.ndarray, shift: int) -> None:
    """As NumPy counts them, whatever the shape and the memory's order."""
    others = ids.T.copy().reshape(ids.shape) + np.uint8(shift)
    assert_array_equal(images.count_ids(ids.T), np.bincount(ids.ravel(), minlength=256))
    pairs = ids.astype(int) * 256 + others
    counts = images.count_ids(ids, others)
    assert counts.dtype == np.int64
    assert_array_equal(counts.ravel(), np.bincount(pairs.ravel(), minlength=256**2))


def test_more_pixels_are_counted_than_float32_can_tell_apart() -> None:
    """OpenCV counts in float32, where 2 ** 24 + 1 is 2 ** 24."""
    ids = np.ones((1, 2**24 + 1), np.uint8)
    assert images.count_ids(ids)[1] == ids.size
    assert images.count_ids(ids, ids)[1, 1] == ids.size


@given(IDS, st.sampled_from([np.uint8, np.uint16, np.uint32]))
def test_looking_up_is_indexing(ids: np.ndarray, dtype: type[np.unsignedinteger]) -> None:
    """The same entries, of the table's type."""
    table = np.arange(256)[::-1].astype(dtype) << dtype(8 * dtype().itemsize - 8)
    found = images.look_up(ids, table)
    assert found.dtype == dtype
    assert_array_equal(found, table[ids])


@given(IDS, st.floats(0, 1))
def test_blending_and_pasting(ids: np.ndarray, opacity: float) -> None:
    """Colours lie over the image by their opacity, in full where they are pasted."""
    image = np.stack((ids, ids // 2, 255 - ids), axis=2)
    colours = np.full_like(image, (200, 100, 50))
    blended = images.blend(image, colours, opacity)
    assert np.abs(blended - (image + (colours.astype(float) - image) * opacity)).max() <= 0.51
    images.paste(colours, ids > 9, blended)
    assert (blended[ids > 9] == colours[0, 0]).all()
    assert_array_equal(blended[ids <= 9], images.blend(image, colours, opacity)[ids <= 9])


@given(arrays(bool, (9, 12)), st.integers(0, 6))
def test_areas_are_those_of_a_flood(mask: np.ndarray, min_area_px: int) -> None:
    """Each pixel of the mask is in the area that a flood from it reaches, where that is large enough."""
    found = [
        {(row + area.box[0].start, column + area.box[1].start) for row, column in np.argwhere(area.inside).tolist()}
        for area in images.list_areas(mask, min_area_px)
    ]
    left, expected = {(y, x) for y, x in np.argwhere(mask).tolist()}, []
    while left:
        flood, rim = set(), {left.pop()}
        while rim:
            flood |= rim
            left -= rim
            rim = {(y + dy, x + dx) for y, x in rim for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
        expected.append(flood)
    assert sorted(map(sorted, found)) == sorted(sorted(flood) for flood in expected if len(flood) >= min_area_px)
