"""The door to TensorFlow for serving: the network as a SavedModel that takes raw images."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import: otherwise our warnings are lost among its own

import numpy as np
import tensorflow as tf

from pipeline.errors import EvidenceError, ExportError
from pipeline.vision.resize import ONE, ROW_STEPS

Serve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Images (N, H, W, 3) uint8 to ids (N, H, W) uint8 and probs (N, H, W, K) float32."""


class ServedNetwork(tf.Module):  # type: ignore[misc]
    """The way from raw images to class ids as one graph: resizing, network, resizing back, softmax.

    Args:
        network: Keras model on the TensorFlow backend, from images (N, h, w, 3) in [0, 255] to logits (N, h, w, K).
        size: (height, width) at which `network` sees an image, pixels.
        flip: also predict the mirror image, left-right, and give the mean of both probabilities, as Krizhevsky et al.
            (2012) do; takes twice the time.
    """

    def __init__(self, network: Any, size: tuple[int, int], flip: bool = False) -> None:
        super().__init__()
        self.unet, self.size, self.flip = network, size, flip  # the name `unet` is among the SavedModel's bytes

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Images (N, H, W, 3) uint8 to ids (N, H, W) uint8 and probs (N, H, W, K) float32."""
        probs = self._probs(images)
        if self.flip:
            probs = (probs + self._probs(images[:, :, ::-1])[:, :, ::-1]) / 2
        return {"ids": tf.cast(tf.argmax(probs, axis=-1), tf.uint8), "probs": probs}

    def _probs(self, images: tf.Tensor) -> tf.Tensor:
        logits = self.unet(resize_images(images, self.size), training=False)
        own_size = tf.image.resize(logits, tf.shape(images)[1:3], tf.image.ResizeMethod.BILINEAR)
        return tf.nn.softmax(own_size)


def resize_images(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """`pipeline.vision.resize.resize_image` as TensorFlow operations; the pixels are equal.

    Args:
        images: (N, H, W, 3) uint8.
        size: (height, width), pixels.

    Returns:
        (N, *size, 3) float32, whole numbers in [0, 255].
    """
    rows = _weigh(images, size[0], axis=1)
    rows = tf.floor((rows + ONE / ROW_STEPS / 2) / (ONE / ROW_STEPS))  # whole sixteenths
    pixels = _weigh(rows, size[1], axis=2)
    return tf.ensure_shape(tf.floor((pixels + ONE * ROW_STEPS / 2) / (ONE * ROW_STEPS)), (None, *size, 3))


def _weigh(pixels: tf.Tensor, new_length: int, axis: int) -> tf.Tensor:
    """Sum of weight * pixel over the taps of each output pixel, float32; by products alone, so no TF32 or bf16."""
    indices, weights = _find_taps(tf.shape(pixels, tf.int64)[axis], new_length)
    shape = [-1 if own == axis else 1 for own in range(4)]

    def add(tap: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part = tf.cast(tf.gather(pixels, indices[tap], axis=axis), tf.float32)
        return tap + 1, total + tf.reshape(tf.cast(weights[tap], tf.float32), shape) * part

    lengths = tf.unstack(tf.shape(pixels))
    lengths[axis] = tf.constant(new_length)
    start = tf.constant(0), tf.zeros(tf.stack(lengths))
    return tf.while_loop(lambda tap, _: tap < tf.shape(weights)[0], add, start)[1]


def _find_taps(length: tf.Tensor, new_length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """`pipeline.vision.resize.find_taps` for a length that is known when the graph runs."""
    new = tf.constant(new_length, tf.int64)
    place = tf.range(new)

    def grow() -> tuple[tf.Tensor, tf.Tensor]:
        shifted = (2 * place + 1) * length - new
        first = shifted // (2 * new)
        second_weight = (shifted % (2 * new) * ONE + new) // (2 * new)
        return tf.stack([first, first + 1]), tf.stack([ONE - second_weight, second_weight])

    def shrink() -> tuple[tf.Tensor, tf.Tensor]:
        edges = place * length // new + tf.range((length + new - 1) // new + 2)[:, None]
        covered = tf.clip_by_value(edges * new - place * length, 0, length)
        shares = (covered * ONE + length // 2) // length
        return edges[:-1], shares[1:] - shares[:-1]

    indices, weights = tf.cond(new > length, grow, shrink)
    return tf.clip_by_value(indices, 0, length - 1), weights


def write_saved_model(module: ServedNetwork, folder: Path) -> None:
    """Writes a SavedModel whose bytes follow from the weights alone.

    Raises:
        ExportError: the folder cannot be written, often because the disk is full.
    """
    try:
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    except (OSError, tf.errors.OpError) as err:
        raise ExportError(
            f"{folder}: cannot be written ({err}); free some space and run the same command again"
        ) from err
    (folder / "fingerprint.pb").unlink(missing_ok=True)  # holds random numbers; nothing needs it


def load_saved_model(folder: Path) -> Serve:
    """Loads a SavedModel of ours; it needs neither `keras` nor the code that wrote it.

    Raises:
        EvidenceError: the files are damaged, or the model has no signature `serving_default`.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU would round float32 to 10 bits
    try:
        model = tf.saved_model.load(str(folder))
        signature = model.signatures["serving_default"]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as err:
        raise EvidenceError(
            f"{folder}: cannot be loaded as a SavedModel with the signature serving_default ({err}); "
            "export the model again, or fetch it again from the registry"
        ) from err

    def serve(images: np.ndarray, _keep: Any = model) -> tuple[np.ndarray, np.ndarray]:
        out = signature(images=tf.constant(images))
        return out["ids"].numpy(), out["probs"].numpy()

    return serve
