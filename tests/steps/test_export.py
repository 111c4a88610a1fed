"""The stage `export`."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.dataset.manifest import ManifestRow
from pipeline.disk.files import md5_of, read_json, write_json
from pipeline.errors import EvidenceError, ExportError
from pipeline.networks.unet import build_unet
from pipeline.serving.model_card import ModelCard
from pipeline.serving.saved_model import load_saved_model
from pipeline.steps.export import export, golden_rows, read_network, read_trained
from pipeline.training.machine import has_bfloat16
from tests.drawn_data import CLASSES, small_params, write_data
from tests.networks.small import SMALL, settle
from tests.networks.small import build as build_network

pytestmark = pytest.mark.services

PARAMS = small_params().export
OUT = Path("export/model")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ManifestRow]:
    """A data set's manifest, in the folder to run in."""
    monkeypatch.chdir(tmp_path)
    return write_data(tmp_path, num_train=1)


def build(precision: str = "float32") -> keras.Model:
    """A network with random but sharp weights."""
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(precision)
    network = build_unet(
        num_classes=3, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(50, 50, 50)
    )
    keras.mixed_precision.set_global_policy("float32")
    return network


def write_description(folder: Path, num_classes: int) -> None:
    """Writes network.json of a network that was trained in bfloat16."""
    shape = {"num_classes": num_classes, "num_levels": 1, "width": 4, "dropout": 0.0}
    statistics = {"channel_mean": [9.0, 9.0, 9.0], "channel_std": [5.0, 5.0, 5.0]}
    description = {"name": "unet", "precision": "mixed_bfloat16", "arguments": shape | statistics}
    write_json(folder / "network.json", description)


@pytest.mark.e2e
@pytest.mark.parametrize(
    "precision",
    [
        "float32",
        pytest.param(
            "mixed_bfloat16",
            marks=pytest.mark.skipif(
                has_bfloat16() and os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2",
                reason="oneDNN fails on a processor with bfloat16 instructions that this setting takes away",
            ),
        ),
    ],
)
def test_saved_model_agrees_with_keras(rows: list[ManifestRow], precision: str) -> None:
    """Within the limits in params.yaml, on raw images of another size than the network's."""
    parity = export(build(precision), CLASSES, (32, 48), list(golden_rows(rows, 2)), PARAMS, OUT)
    assert parity.golden_images == ("s001", "s004") and parity.num_made_images == 2
    assert parity.probability_difference <= 1e-3 and parity.disagreeing_share <= 1e-3
    assert read_json(OUT.parent / "parity.json", "")["disagreeing_share"] == parity.disagreeing_share
    assert ModelCard.read(OUT).classes == CLASSES


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "flip"), [("unet", False), ("unet", True), ("residual_unet", False)])
def test_norms_are_folded_and_the_card_says_flip(rows: list[ManifestRow], name: str, flip: bool) -> None:
    """Parity holds with both; a normalisation that follows no convolution stays. The card has the CRF, if it is on."""
    crf = PARAMS.dense_crf.model_copy(update={"num_iterations": 2 * flip})
    params = PARAMS.model_copy(update={"flip": flip, "dense_crf": crf})
    export(settle(build_network(name, SMALL[name])), CLASSES, (32, 48), list(golden_rows(rows, 2)), params, OUT)
    card = ModelCard.read(OUT)
    assert (card.flip, card.postprocess.dense_crf is not None) == (flip, flip)
    assert (b"FusedBatchNorm" in (OUT / "saved_model.pb").read_bytes()) == (name == "residual_unet")


@pytest.mark.e2e
def test_the_networks_of_folds_are_one_model(rows: list[ManifestRow]) -> None:
    """It agrees with Keras, its probabilities are the mean of theirs, and its card names their weights."""
    for number in (1, 2):
        folder = Path(f"train/networks/{number}")
        write_description(folder, num_classes=3)
        network = build()
        network.get_layer("classify").bias.assign([number, 0, -number])
        network.save_weights(folder / "model.weights.h5")
    ensemble, weights_md5 = read_trained(Path("train"), "float32")
    export(ensemble, CLASSES, (32, 48), list(golden_rows(rows, 2)), PARAMS, OUT, weights_md5)
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), np.uint8)
    probs = [keras.ops.softmax(network(image.astype(np.float32))) for network in ensemble.networks]
    np.testing.assert_allclose(load_saved_model(OUT)(image)[1], np.mean(probs, axis=0), atol=1e-5)
    assert ModelCard.read(OUT).weights_md5 == tuple(weights_md5) and len(set(weights_md5)) == 2


@pytest.mark.e2e
def test_a_model_that_disagrees_is_not_written(rows: list[ManifestRow]) -> None:
    """Over a limit the stage fails; the record stays, the model does not."""
    limits = PARAMS.model_copy(update={"max_probability_difference": -1.0})
    with pytest.raises(
        ExportError, match=r"disagrees with the Keras model on .* of 4 golden images and 2 made ones .* no model"
    ):
        export(build(), CLASSES, (32, 48), list(golden_rows(rows, 8)), limits, OUT)
    assert not OUT.exists() and (OUT.parent / "parity.json").exists()


@pytest.mark.e2e
def test_nan_weights_are_refused(rows: list[ManifestRow]) -> None:
    """Nan compares with nothing, so it must not slip through the limits."""
    network = build()
    network.get_layer("classify").bias.assign(np.full(3, np.nan))
    with pytest.raises(ExportError, match="probabilities that are not finite"):
        export(network, CLASSES, (32, 48), list(golden_rows(rows, 2)), PARAMS, OUT)


@pytest.mark.e2e
def test_twice_gives_the_same_bytes(rows: list[ManifestRow]) -> None:
    """The SavedModel's bytes follow from the weights."""
    for out in ("a/model", "b/model"):
        keras.backend.clear_session()
        export(build(), CLASSES, (32, 48), rows[1:2], PARAMS, Path(out))
    assert md5_of(Path("a/model/variables")) == md5_of(Path("b/model/variables"))


def test_no_golden_image_is_an_error(rows: list[ManifestRow]) -> None:
    """Parity on nothing proves nothing."""
    with pytest.raises(EvidenceError, match="no golden image: the manifest has no sample in val"):
        export(build(), CLASSES, (32, 48), [], PARAMS, OUT)


@pytest.mark.parametrize("change", [{"name": "u-net"}, {"name": []}, {"arguments": {}}, {"arguments": None}])
def test_a_network_that_is_none_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    """A damaged network.json is named, also if its network is unknown."""
    description = {"name": "unet", "precision": "float32", "arguments": {"num_classes": 4}}
    write_json(tmp_path / "network.json", description | change)
    with pytest.raises(EvidenceError, match=r"network.json: describes no network .* run the stage `train` again"):
        read_network(tmp_path, "float32")


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    """Weights that do not fit network.json name their file and the stage that makes them."""
    build().save_weights(tmp_path / "model.weights.h5")
    write_description(tmp_path, num_classes=4)
    with pytest.raises(EvidenceError, match=r"model.weights.h5: cannot be loaded .* run the stage `train` again"):
        read_network(tmp_path, "float32")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_network_computes_as_the_params_say(tmp_path: Path, precision: str) -> None:
    """A network that was trained in bfloat16 is served in float32, unless the params say otherwise."""
    build().save_weights(tmp_path / "model.weights.h5")
    write_description(tmp_path, num_classes=3)
    network = read_network(tmp_path, precision)
    keras.mixed_precision.set_global_policy("float32")
    assert network.get_layer("down0a").dtype_policy.name == precision
