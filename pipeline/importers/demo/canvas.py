"""An image and its mask, drawn together in perspective: each polygon paints pixels and labels.

Both are drawn at twice their size. If the four labels of a pixel, or those of its neighbours, disagree, the pixel is
void, like the band that annotators leave between two classes. All pixel arithmetic is on whole numbers, so that every
processor gives the same bytes.
"""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.dataset.contract import Colour
from pipeline.importers.demo.random_stream import RandomStream
from pipeline.vision.drawing import draw_polygon

SIZE = (192, 256)
"""(height, width) of the finished image."""
FOCAL_PX = 430.0
NEAR_M = 1.2
VOID = 255
BLOB = [(math.cos(2 * math.pi * step / 11), math.sin(2 * math.pi * step / 11)) for step in range(11)]
"""(x, y) corners of an 11-gon of radius 1."""

Point = tuple[float, float, float]
"""x to the right, y up, z away from the camera, in metres."""


class Canvas:
    """The view of a camera that looks along z.

    Attributes:
        camera: (x, height, z) of the camera in metres.
        horizon: (x, y) at which points infinitely far ahead are seen, in pixels at twice the size.
        haze: colour of the haze, and its share in the colour of a surface 100 m away.
        pixels: (2H, 2W, 3) uint8 RGB.
        labels: (2H, 2W) uint8 class ids, 255 where nothing is labelled.
    """

    def __init__(self, camera: Point, horizon: tuple[float, float], haze: tuple[Colour, float]) -> None:
        self.camera, self.horizon, self.haze = camera, horizon, haze
        self.pixels = np.zeros((2 * SIZE[0], 2 * SIZE[1], 3), np.uint8)
        self.labels = np.full((2 * SIZE[0], 2 * SIZE[1]), VOID, np.uint8)

    def fill(self, corners: Sequence[Point], colour: Colour, label: int) -> None:
        """Paints a polygon in space; corners behind the camera are moved in front of it."""
        depth_m = sum(z for _, _, z in corners) / len(corners) - self.camera[2]
        self.fill_flat([self.project(corner) for corner in corners], self.hazed(colour, depth_m), label)

    def fill_flat(self, corners: Sequence[tuple[float, float]], colour: Colour, label: int) -> None:
        """Paints a polygon on the image; corners are x and y in pixels at twice the size."""
        points = np.array(corners)
        draw_polygon(self.pixels, points, colour)
        draw_polygon(self.labels, points, label)

    def fill_blob(
        self, spot: tuple[float, float], radius: tuple[float, float], colour: Colour, label: int, rng: RandomStream
    ) -> None:
        """Paints a disc with an uneven edge; `spot` and `radius` are (x, y) in pixels at twice the size."""
        uneven = [rng.uniform(0.75, 1.2) for _ in BLOB]
        corners = zip(BLOB, uneven, strict=True)
        self.fill_flat(
            [(spot[0] + x * radius[0] * far, spot[1] + y * radius[1] * far) for (x, y), far in corners], colour, label
        )

    def shade(self, corners: Sequence[Point], share: float) -> None:
        """Takes `share` of the light from a polygon in space, without labelling it."""
        points = np.array([self.project(corner) for corner in corners])
        height, width = self.labels.shape
        left, top = np.clip(points.min(axis=0), 0, (width, height)).astype(int)
        right, bottom = np.clip(points.max(axis=0) + 2, 0, (width, height)).astype(int)
        inside = np.zeros((bottom - top, right - left, 1), np.uint8)
        if inside.size:
            draw_polygon(inside, points - (left, top), round(256 * share))
            part = self.pixels[top:bottom, left:right]
            part -= (part.astype(np.uint16) * inside >> 8).astype(np.uint8)

    def project(self, point: Point) -> tuple[float, float]:
        """The (x, y) at which a point in space is seen, in pixels at twice the size."""
        scale = self.scale_at(point[2])
        return (
            self.horizon[0] + (point[0] - self.camera[0]) * scale,
            self.horizon[1] - (point[1] - self.camera[1]) * scale,
        )

    def scale_at(self, z: float) -> float:
        """Pixels per metre at z."""
        return FOCAL_PX / max(z - self.camera[2], NEAR_M)

    def hazed(self, colour: Colour, depth_m: float) -> Colour:
        """The colour as it is seen at a distance."""
        far, share_at_100_m = self.haze
        return blend(colour, far, min(0.8, max(0.0, share_at_100_m * depth_m / 100)))

    def roughen(self, rng: RandomStream, fine: np.ndarray, coarse: np.ndarray) -> None:
        """Adds grain to each surface.

        Args:
            rng: source of the grain.
            fine: (256) int16 amplitude of the grain by label, in grey values; with `coarse` at most 255.
            coarse: (256) int16 amplitude of the spots, some 8 pixels wide.
        """
        height, width = self.labels.shape
        spots = rng.bytes((height // 4 + 3, width // 4 + 3)).astype(np.int16) - 128
        spots = _grow(_grow(spots))[:height, :width]
        grain = rng.bytes((height, width)).astype(np.int16) - 128
        change = (grain * fine[self.labels] + spots * coarse[self.labels]) >> 7
        self.pixels = np.clip(self.pixels + change[:, :, None], 0, 255).astype(np.uint8)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """The image (H, W, 3) uint8 and the mask (H, W) uint8, with void where classes meet."""
        wide = self.pixels.astype(np.uint16)
        tall = wide[:, ::2] + wide[:, 1::2]
        image = ((tall[::2] + tall[1::2] + 2) >> 2).astype(np.uint8)
        is_border = np.zeros(self.labels.shape, bool)
        is_border[:, :-1] |= self.labels[:, :-1] != self.labels[:, 1:]
        is_border[:-1] |= self.labels[:-1] != self.labels[1:]
        rows = is_border[::2] | is_border[1::2]
        return image, np.where(rows[:, ::2] | rows[:, 1::2], VOID, self.labels[::2, ::2]).astype(np.uint8)


def expose(image: np.ndarray, gain: Colour, contrast: int, noise: np.ndarray) -> np.ndarray:
    """Applies a camera's exposure to an image.

    Args:
        image: (H, W, 3) uint8.
        gain: factors of the channels, in 1/256.
        contrast: around middle grey, in 1/256.
        noise: (H, W, 3) int, added at the end.

    Returns:
        (H, W, 3) uint8.
    """
    lit = image.astype(np.int32) * np.array(gain, np.int32) >> 8
    return np.asarray(np.clip(((lit - 112) * contrast >> 8) + 112 + noise, 0, 255), np.uint8)


def soften(image: np.ndarray) -> np.ndarray:
    """Blurs an image with the kernel (1, 2, 1) / 4 in both directions."""
    wide = np.pad(image.astype(np.uint16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:] + 8) >> 4, np.uint8)


def slab(x: tuple[float, float], z: tuple[float, float], y: float = 0.0) -> list[Point]:
    """A rectangle that lies on the ground, or level above it."""
    return [(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])]


def wall(left: float, right: float, top: float, z: float, bottom: float = 0.0) -> list[Point]:
    """A rectangle that faces the camera."""
    return [(left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)]


def side_wall(x: float, y: tuple[float, float], z: tuple[float, float]) -> list[Point]:
    """A rectangle along the street."""
    return [(x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1]), (x, y[1], z[0])]


def scaled(colour: Colour, factor: float) -> Colour:
    """The colour, lighter or darker."""
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """The colour at `share` of the way from one to the other."""
    red, green, blue = (min(255, max(0, round(a + (b - a) * share))) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _grow(values: np.ndarray) -> np.ndarray:
    """(2H - 2, 2W - 2) from (H, W): twice as fine, linear in between."""
    for _ in (0, 1):
        one, other = values[:-1], values[1:]
        values = np.stack((3 * one + other + 2 >> 2, one + 3 * other + 2 >> 2), axis=1).reshape(-1, values.shape[1]).T
    return values
