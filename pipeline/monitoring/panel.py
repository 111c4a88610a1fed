"""A panel of val images: image, label, and a column for the prediction after each drawn epoch."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.packed import Packed
from pipeline.vision.drawing import tint, write_line
from pipeline.vision.resize import resize_image, resize_mask

NUM_IMAGES = 4
MAX_PX = 256
"""Longer side of a picture; larger ones are shrunk."""
NUM_NEWEST = 8
"""Columns of predictions besides the first."""
MAX_PANELS = 16
"""Of a training; a longer one is drawn every few epochs."""
HEAD_PX, GAP_PX = 18, 4


class Panel:
    """The pictures of the drawn epochs.

    Attributes:
        places: the images in `val_set` that are shown, spread evenly over its order, which is that of the names: images
            of one group often stand together.
    """

    def __init__(self, val_set: Packed, classes: ClassList, num_epochs: int) -> None:
        self.places = np.unique(np.linspace(0, len(val_set) - 1, NUM_IMAGES).round().astype(int)).tolist()
        self.classes, self.num_epochs = classes, num_epochs
        height, width = val_set.masks.shape[1:]
        share = min(1.0, MAX_PX / max(height, width))
        self.size = max(1, round(height * share)), max(1, round(width * share))
        self.images = [resize_image(np.asarray(val_set.images[place]), self.size) for place in self.places]
        labels = [np.asarray(val_set.masks[place]) for place in self.places]
        self.fixed = [self._column("image", self.images), self._column("label", self._tinted(labels))]
        self.drawn: list[np.ndarray] = []

    def is_due(self, epoch: int) -> bool:
        """True for the first epoch, the last, and every few between them."""
        return epoch in (1, self.num_epochs) or epoch % math.ceil(self.num_epochs / MAX_PANELS) == 0

    def draw(self, epoch: int, preds: Sequence[np.ndarray]) -> np.ndarray:
        """Adds a column; gives the panel, (H, W, 3) uint8 RGB. `preds` are the (H, W) ids of the images at `places`."""
        self.drawn.append(self._column(f"epoch {epoch}", self._tinted(preds)))
        del self.drawn[1:-NUM_NEWEST]
        return np.concatenate([*self.fixed, *self.drawn], axis=1)

    def _tinted(self, masks: Sequence[np.ndarray]) -> list[np.ndarray]:
        small = (resize_mask(mask, self.size) for mask in masks)
        return [tint(image, mask, self.classes.colours) for image, mask in zip(self.images, small, strict=True)]

    def _column(self, title: str, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures below each other on white, under a title."""
        head = np.full((HEAD_PX, self.size[1], 3), 255, np.uint8)
        write_line(head, title)
        rows = [np.pad(picture, ((0, GAP_PX), (0, 0), (0, 0)), constant_values=255) for picture in pictures]
        column = np.concatenate([head, *rows])
        return np.pad(column, ((0, 0), (0, GAP_PX), (0, 0)), constant_values=255)
