"""A SavedModel of a few bytes with the signature of ours, for tests that need one."""

from pathlib import Path

from pipeline.dataset.contract import ClassList
from pipeline.serving.model_card import ModelCard, Postprocess

NO_POSTPROCESS = Postprocess(open_px=0, close_px=0, min_area_px=0)


def write_tiny_model(
    folder: Path,
    classes: ClassList,
    favourite: int = 0,
    postprocess: Postprocess = NO_POSTPROCESS,
    probability: float = 1.0,
) -> Path:
    """Writes a model that takes each pixel for class `favourite`, with that probability, and its card."""
    import tensorflow as tf

    num_classes = len(classes)
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = tf.zeros_like(images[..., 0]) + tf.constant(favourite, tf.uint8)
        return {"ids": ids, "probs": tf.one_hot(tf.cast(ids, tf.int32), num_classes) * probability}

    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    ModelCard(classes, (32, 32), postprocess).write(folder)
    return folder


def write_graded_model(folder: Path, classes: ClassList) -> Path:
    """Writes a model for which the probability of class 1 is red / 255, and that of class 0 the rest, and its card."""
    import tensorflow as tf

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        red = tf.cast(images[..., 0], tf.float32) / 255
        others = [tf.zeros_like(red)] * (len(classes) - 2)
        return {"ids": tf.cast(red > 0.5, tf.uint8), "probs": tf.stack([1 - red, red, *others], -1)}

    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    ModelCard(classes, (32, 32), NO_POSTPROCESS).write(folder)
    return folder
