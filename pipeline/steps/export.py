"""Export: the trained network as a SavedModel that takes raw images, shown to agree with the Keras model."""

import os
import warnings

os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the weights, a SavedModel is written by TensorFlow

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.dataset import ClassList
from pipeline.errors import EvidenceError, ExportError
from pipeline.files import read_json, write_json, written_whole
from pipeline.fingerprint import Fingerprint
from pipeline.images import read_image, resize_image
from pipeline.manifest import Row, read_manifest
from pipeline.model_card import MODEL, ModelCard, Postprocess
from pipeline.params import ExportParams, read_params
from pipeline.program import run_stage
from pipeline.tf import ServedUnet, load_saved_model, write_saved_model
from pipeline.unet import build_unet

TRAIN = Path("work/train")
PARITY = "parity.json"


@dataclass(frozen=True)
class Parity:
    """How far the SavedModel is from the Keras model on the golden images.

    Attributes:
        disagreeing_share: share of the pixels with another class id.
        probability_difference: largest difference of a probability.
        golden_images: names of the images, raw and at their own sizes.
    """

    disagreeing_share: float
    probability_difference: float
    golden_images: tuple[str, ...]


def export(
    unet: keras.Model, classes: ClassList, size: tuple[int, int], golden: Sequence[Row], params: ExportParams, out: Path
) -> Parity:
    """Writes the SavedModel and its card to `out`, and compares it with the network that it was made from.

    Args:
        unet: the trained network.
        classes: what its channels mean.
        size: (height, width) at which it sees an image.
        golden: samples to compare on.
        params: the limits.
        out: folder of the SavedModel; parity.json is written beside it.

    Raises:
        ExportError: they disagree by more than the limits, or give what is not finite; `out` is not written.
    """
    with written_whole(out) as beside:
        write_saved_model(ServedUnet(unet, size), beside)
        ModelCard(classes, size, Postprocess(**params.postprocess.model_dump())).write(beside)
        parity = compare(unet, size, beside, golden)
        write_json(out.with_name(PARITY), asdict(parity))
        _check(parity, params)
    return parity


def compare(unet: keras.Model, size: tuple[int, int], model: Path, golden: Sequence[Row]) -> Parity:
    """Feeds the golden images to the Keras model, by way of OpenCV as in training, and to the SavedModel."""
    if not golden:
        raise EvidenceError("no golden image: the manifest has no sample in val; run the stage `validate` again")
    serve = load_saved_model(model)
    num_pixels = num_disagreeing = 0
    difference = 0.0
    for image in (read_image(row.image) for row in golden):
        ids, probs = serve(image[None])
        if not np.isfinite(probs).all():
            raise ExportError("the SavedModel gives probabilities that are not finite; look at the training's history")
        own_probs = _keras_probs(unet, size, image)
        num_pixels += ids[0].size
        num_disagreeing += int((ids[0] != own_probs.argmax(-1)).sum())
        difference = max(difference, float(np.abs(probs[0] - own_probs).max(initial=0)))
    return Parity(num_disagreeing / num_pixels, difference, tuple(row.name for row in golden))


def _keras_probs(unet: keras.Model, size: tuple[int, int], image: np.ndarray) -> np.ndarray:
    """(H, W, K) float32 of the Keras model at the image's own size."""
    logits = unet(resize_image(image, size)[None].astype(np.float32), training=False)
    own_size = keras.ops.image.resize(logits, image.shape[:2], interpolation="bilinear")
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.softmax(own_size)))[0]


def _check(parity: Parity, params: ExportParams) -> None:
    found = (parity.disagreeing_share, parity.probability_difference)
    limits = (params.max_disagreeing_share, params.max_probability_difference)
    if not all(value <= limit for value, limit in zip(found, limits, strict=True)):
        raise ExportError(
            f"the SavedModel disagrees with the Keras model on {found[0]:.3%} of the pixels of "
            f"{len(parity.golden_images)} golden images (limit {limits[0]:.3%}), probabilities differ by up to "
            f"{found[1]:.4f} (limit {limits[1]:.4f}); no model was written. "
            f"{PARITY} names the images; raise the limits in params.yaml, export, if you can accept the difference"
        )


def golden_rows(rows: Sequence[Row], num_images: int) -> Iterator[Row]:
    """Up to `num_images` samples of val, evenly spread over their names."""
    val = [row for row in rows if row.split == "val"]
    places = np.linspace(0, len(val) - 1, min(num_images, len(val))).round().astype(int)
    return (val[place] for place in places)


def read_unet(folder: Path) -> keras.Model:
    """The network that the stage `train` wrote to `folder`.

    Raises:
        EvidenceError: a file is missing or the weights are not those of this network.
    """
    saved: dict[str, Any] = read_json(folder / "unet.json", "the stage `train`")
    try:
        keras.mixed_precision.set_global_policy(saved["precision"])
        unet = build_unet(**saved["arguments"])
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise EvidenceError(
            f"{folder / 'unet.json'}: describes no network ({type(err).__name__}: {err}); run the stage `train` again"
        ) from err
    weights = folder / "model.weights.h5"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers for which the file has no weights
            unet.load_weights(weights)
    except (OSError, ValueError, UserWarning) as err:
        raise EvidenceError(f"{weights}: cannot be loaded ({err}); run the stage `train` again") from err
    return unet


def main() -> None:
    """Exports what `train` wrote."""
    params, fingerprint = read_params().export, Fingerprint.read()
    golden = list(golden_rows(read_manifest(), params.num_golden_images))
    parity = export(read_unet(TRAIN), fingerprint.classes, fingerprint.size, golden, params, MODEL)
    print(
        f"SavedModel in {MODEL}: other class than the Keras model on {parity.disagreeing_share:.4%} of the pixels, "
        f"probabilities differ by up to {parity.probability_difference:.2g}"
    )


if __name__ == "__main__":
    run_stage("export", main)
