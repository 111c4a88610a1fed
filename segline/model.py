"""A model as a function from images to masks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.serving.predictor import Prediction, Predictor
from pipeline.vision.codec import read_image

Image = np.ndarray | str | Path
"""(H, W, 3) uint8 RGB, or the path of an image file."""


@dataclass(frozen=True)
class Model:
    """A loaded model; see `segline.load`."""

    predictor: Predictor

    @property
    def classes(self) -> ClassList:
        """Names and colours of the ids in a mask, by id."""
        return self.predictor.card.classes

    @overload
    def __call__(self, images: Image) -> Prediction: ...  # type: ignore[overload-overlap]  # a path is iterable text

    @overload
    def __call__(self, images: Iterable[Image]) -> list[Prediction]: ...

    def __call__(self, images: Image | Iterable[Image]) -> Prediction | list[Prediction]:
        """Predicts the mask of an image, or of each of several images.

        The masks are those of `segline predict`. The probabilities of all images are held in memory: 4 x K bytes a
        pixel, for K classes. For more images than fit call the model in a loop, or use `segline.predict`.

        Args:
            images: (H, W, 3) uint8 RGB, or the path of an image file (JPEG, PNG, TIFF, BMP or WebP, turned upright by
                its EXIF), or an iterable of them; the sizes may differ.

        Returns:
            A prediction, or a list of them if `images` is an iterable. Each has `mask`, (H, W) uint8 class ids;
            `probs`, (H, W, K) float32 in [0, 1], before the mask was cleaned; and `confidence()`, (H, W) float32, the
            probability of the mask's class.

        Raises:
            DataError: an array of another shape or dtype, or a file that cannot be read as an image.
            EvidenceError: the model gives another number of classes than its card.
        """
        if isinstance(images, np.ndarray | str | Path):
            return self.predictor.predict(_read(images))
        return [self.predictor.predict(_read(image)) for image in images]


def _read(image: Image) -> np.ndarray:
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if not isinstance(image, np.ndarray):
        raise DataError(f"image is a {type(image).__name__}, expected an array (H, W, 3) uint8 RGB or a path")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
        raise DataError(
            f"image is {image.shape} {image.dtype}, expected (H, W, 3) uint8 RGB; convert it, or pass a list of images"
        )
    return image
