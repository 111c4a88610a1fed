"""Export: the trained network as a SavedModel that takes raw images, shown to agree with the Keras model."""

import os
import warnings

os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the weights, a SavedModel is written by TensorFlow

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.backend.tf import use_cpu_only
from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow, read_manifest
from pipeline.disk.files import md5_of, read_json, written_whole
from pipeline.disk.records import write_record
from pipeline.errors import EvidenceError
from pipeline.networks.blocks.layers import fold_norms
from pipeline.networks.table import NETWORKS
from pipeline.params import ExportParams, read_params
from pipeline.runtime.program import run_stage
from pipeline.serving.ensemble import Ensemble
from pipeline.serving.model_card import MODEL, DenseCrf, ModelCard, Postprocess
from pipeline.serving.parity import Parity, check, compare
from pipeline.serving.saved_model import ServedNetwork, load_saved_model, write_saved_model
from pipeline.vision.codec import read_image

TRAIN = Path("work/train")
PARITY = "parity.json"


def export(
    network: keras.Model,
    classes: ClassList,
    size: tuple[int, int],
    golden: Sequence[ManifestRow],
    params: ExportParams,
    out: Path,
    weights_md5: Sequence[str] = (),
) -> Parity:
    """Writes the SavedModel and its card to `out`, and compares it with the network that it was made from.

    The network sees an image at `size`, (height, width) in pixels; parity.json is written next to `out`. The
    card of an ensemble gets the MD5 of each network's weights.

    Raises:
        ExportError: they disagree by more than the limits, or a probability is not finite; `out` is not written.
        EvidenceError: there is no golden image.
    """
    if not golden:
        raise EvidenceError("no golden image: the manifest has no sample in val; run the stage `validate` again")
    with written_whole(out) as beside:
        write_saved_model(ServedNetwork(folded(network), size, params.flip), beside)
        crf = DenseCrf(**params.dense_crf.model_dump()) if params.dense_crf.num_iterations else None
        postprocess = Postprocess(**params.postprocess.model_dump(), dense_crf=crf)
        ModelCard(classes, size, postprocess, params.flip, tuple(weights_md5)).write(beside)
        images = (read_image(row.image) for row in golden)
        serve, names = load_saved_model(beside), {row.name for row in golden}
        parity = compare(network, size, serve, names, images, params.flip)
        write_record(out.with_name(PARITY), parity)
        check(parity, params.max_disagreeing_share, params.max_probability_difference)
    return parity


def folded(network: keras.Model) -> keras.Model:
    """The network, or all of an ensemble, with folded normalisations."""
    return Ensemble([folded(one) for one in network.networks]) if isinstance(network, Ensemble) else fold_norms(network)


def golden_rows(rows: Sequence[ManifestRow], num_images: int) -> Iterator[ManifestRow]:
    """Up to `num_images` samples of val, evenly spread over their names."""
    val = [row for row in rows if row.split == "val"]
    places = np.linspace(0, len(val) - 1, min(num_images, len(val))).round().astype(int)
    return (val[place] for place in places)


def read_trained(folder: Path, precision: str) -> tuple[keras.Model, list[str]]:
    """The network of a training, or the ensemble of its networks with the MD5s of their weights.

    Raises:
        EvidenceError: see `read_network`.
    """
    places = sorted((folder / "networks").glob("*")) or [folder / "networks/01"]
    networks = [read_network(place, precision) for place in places]
    if len(networks) == 1:
        return networks[0], []
    return Ensemble(networks), [md5_of(place / "model.weights.h5") for place in places]


def read_network(folder: Path, precision: str) -> keras.Model:
    """One network that the stage `train` wrote; `precision` is its dtype policy, its weights are float32.

    Raises:
        EvidenceError: a file is missing or the weights are not those of this network.
    """
    description: dict[str, Any] = read_json(folder / "network.json", "the stage `train`")
    try:
        keras.mixed_precision.set_global_policy(precision)
        network = NETWORKS[description["name"]].build(**description["arguments"])
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        problem = f"describes no network ({type(err).__name__}: {err})"
        raise EvidenceError(f"{folder / 'network.json'}: {problem}; run the stage `train` again") from err
    weights = folder / "model.weights.h5"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers for which the file has no weights
            network.load_weights(weights)
    except (OSError, ValueError, UserWarning) as err:
        raise EvidenceError(f"{weights}: cannot be loaded ({err}); run the stage `train` again") from err
    return network


def main() -> Mapping[str, Any]:
    """Exports what `train` wrote, on the CPU: its float32 has the same precision everywhere; returns the summary."""
    use_cpu_only()
    params, fingerprint = read_params().export, Fingerprint.read()
    fingerprint.check_size(read_params().preprocess.image_size)
    golden = list(golden_rows(read_manifest(), params.num_golden_images))
    network, weights_md5 = read_trained(TRAIN, params.precision)
    parity = export(network, fingerprint.classes, fingerprint.size, golden, params, MODEL, weights_md5)
    print(
        f"SavedModel in {MODEL}, {params.precision}: other class than the Keras model on "
        f"{parity.disagreeing_share:.4%} of the pixels, probabilities differ by up to "
        f"{parity.probability_difference:.2g}"
    )
    return {
        "precision": params.precision,
        "model_md5": md5_of(MODEL),
        "disagreeing_share": parity.disagreeing_share,
        "probability_difference": parity.probability_difference,
    }


if __name__ == "__main__":
    run_stage("export", main)
