"""Parity: whether a SavedModel computes what the trained network computes, compared pixel by pixel.

Both get the same images, the network by way of `pipeline.vision.resize`. Only the rounding of float32 sums may differ,
so the limits are tight. A broken export (channels or sides swapped, another normalisation, other weights, another
resize) is far outside, a sound one is far inside.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from pipeline.errors import ExportError
from pipeline.vision.resize import resize_image

if TYPE_CHECKING:
    from pipeline.serving.saved_model import Serve


@dataclass(frozen=True)
class Parity:
    """How far a SavedModel is from the Keras model.

    Attributes:
        disagreeing_share: share of the pixels with another class id.
        probability_difference: largest difference of a probability.
        golden_images: names of the data set's images that were compared, raw and at their own sizes.
        num_made_images: number of compared images of noise, see `make_images`.
    """

    disagreeing_share: float
    probability_difference: float
    golden_images: tuple[str, ...]
    num_made_images: int


def compare(
    network: keras.Model,
    size: tuple[int, int],
    serve: "Serve",
    names: Collection[str],
    images: Iterable[np.ndarray],
    flip: bool = False,
) -> Parity:
    """Feeds golden and made images to the Keras model and to the SavedModel.

    Args:
        network: from images (N, H, W, 3) in [0, 255] to logits (N, H, W, K).
        size: (height, width) at which it sees an image, pixels.
        names: of the golden images.
        images: the golden images, (H, W, 3) uint8 each.
        flip: whether the SavedModel gives the mean of an image and its mirror image.

    Raises:
        ExportError: a probability of the SavedModel is not finite.
    """
    network.compile(jit_compile=False)  # a graph as the SavedModel is one, and no XLA, which fuses otherwise
    num_pixels = num_disagreeing = 0
    difference = 0.0
    made = list(make_images(size))
    for image in (*images, *made):
        ids, probs = serve(image[None])
        if not np.isfinite(probs).all():
            raise ExportError("the SavedModel gives probabilities that are not finite; look at the training's history")
        own_probs = _keras_probs(network, size, image)
        if flip:
            own_probs = (own_probs + _keras_probs(network, size, image[:, ::-1])[:, ::-1]) / 2
        num_pixels += ids[0].size
        num_disagreeing += int((ids[0] != own_probs.argmax(-1)).sum())
        difference = max(difference, float(np.abs(probs[0] - own_probs).max(initial=0)))
    return Parity(num_disagreeing / num_pixels, difference, tuple(sorted(names)), len(made))


def check(parity: Parity, max_disagreeing_share: float, max_probability_difference: float) -> None:
    """Raises `ExportError` if a difference is above its limit."""
    share, difference = parity.disagreeing_share, parity.probability_difference
    if not (share <= max_disagreeing_share and difference <= max_probability_difference):
        raise ExportError(
            f"the SavedModel disagrees with the Keras model on {share:.3%} of the pixels of "
            f"{len(parity.golden_images)} golden images and {parity.num_made_images} made ones (limit "
            f"{max_disagreeing_share:.3%}), probabilities differ by up to {difference:.2g} (limit "
            f"{max_probability_difference:.2g}); no model was written. Both see the same pixels and hold the same "
            "weights, so this is a defect: report it with work/export/parity.json and `pip freeze`"
        )


def make_images(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Noise (H, W, 3) uint8 larger and smaller than `size`, with odd sides of another ratio.

    A data set whose images all have the working size, or are all square, cannot show whether resizing is right.
    """
    random = np.random.default_rng(0)
    height, width = size
    for sides in ((height * 3 // 2 + 1, width * 2 + 1), (height // 2 + 1, width // 3 + 1)):
        yield random.integers(0, 256, (*sides, 3), np.uint8)


def _keras_probs(network: keras.Model, size: tuple[int, int], image: np.ndarray) -> np.ndarray:
    """(H, W, K) float32 of the Keras model at the image's own size."""
    logits = network.predict_on_batch(resize_image(image, size)[None].astype(np.float32))
    own_size = keras.ops.image.resize(logits, image.shape[:2], interpolation="bilinear")
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.softmax(own_size))[0])
