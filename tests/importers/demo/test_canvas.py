"""Tests of drawing an image with its mask."""

import numpy as np
from numpy.testing import assert_array_equal

from pipeline.importers.demo.canvas import SIZE, VOID, Canvas, blend, expose, scaled, slab, soften, wall
from pipeline.importers.demo.random_stream import RandomStream


def _canvas() -> Canvas:
    return Canvas((0.0, 1.5, 0.0), (SIZE[1], SIZE[0]), ((200, 200, 200), 0.5))


def test_what_is_painted_is_labelled() -> None:
    """A wall in front of the camera has one label inside, none outside, and void where the two meet."""
    canvas = _canvas()
    canvas.labels[:] = 0
    canvas.fill(wall(-2.0, 2.0, 3.0, 10.0), (250, 0, 0), 1)
    image, mask = canvas.finish()
    assert image.shape == (*SIZE, 3) and mask.shape == SIZE
    assert set(np.unique(mask)) == {0, 1, VOID}
    assert_array_equal(image[:, :, 0][mask == 0], 0)
    assert len(np.unique(image[:, :, 0][mask == 1])) == 1


def test_the_horizon_is_where_the_ground_ends() -> None:
    """A point far away on the ground is seen at the horizon, one behind the camera far below the picture."""
    canvas = _canvas()
    assert abs(canvas.project((0.0, 0.0, 1e6))[1] - canvas.horizon[1]) < 0.01
    assert canvas.project((0.0, 0.0, -5.0))[1] > 2 * SIZE[0]


def test_shade_darkens_and_does_not_label() -> None:
    """Half of the light is taken from the ground inside the shadow, and no label changes."""
    canvas = _canvas()
    canvas.fill(slab((-90, 90), (0, 150)), (100, 100, 100), 2)
    before = canvas.labels.copy()
    light = canvas.pixels.copy()
    canvas.shade(slab((-3, 3), (4, 9)), 0.5)
    canvas.shade(slab((500, 501), (4, 9)), 0.5)
    assert_array_equal(canvas.labels, before)
    changed = (canvas.pixels != light).any(axis=2)
    assert changed.any() and (canvas.pixels[changed] <= light[changed] // 2 + 1).all()


def test_grain_follows_the_labels() -> None:
    """Only what has an amplitude gets grain."""
    canvas = _canvas()
    canvas.labels[:] = 0
    canvas.labels[:100] = 1
    amplitude = np.zeros(256, np.int16)
    amplitude[1] = 64
    canvas.pixels[:] = 128
    canvas.roughen(RandomStream("grain"), amplitude, amplitude)
    assert canvas.pixels[:100].std() > 20 and (canvas.pixels[100:] == 128).all()


def test_haze_hides_what_is_far() -> None:
    """A colour nears that of the haze with distance."""
    canvas = _canvas()
    assert canvas.hazed((0, 0, 0), 0.0) == (0, 0, 0)
    assert canvas.hazed((0, 0, 0), 100.0) == (100, 100, 100)


def test_a_camera_changes_light_and_sharpness_only() -> None:
    """A flat picture stays flat when softened; gain and contrast of one change nothing."""
    flat = np.full((8, 9, 3), 77, np.uint8)
    assert_array_equal(soften(flat), flat)
    assert_array_equal(expose(flat, (256, 256, 256), 256, np.zeros((8, 9, 3), np.int32)), flat)
    assert scaled((200, 100, 0), 2.0) == (255, 200, 0) and blend((0, 0, 0), (100, 50, 10), 0.5) == (50, 25, 5)
