"""The door to TensorFlow."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EvidenceError, ExportError
from pipeline.networks.unet import build_unet
from pipeline.serving.saved_model import ServedNetwork, load_saved_model, resize_images, write_saved_model
from pipeline.vision.resize import resize_image

pytestmark = pytest.mark.services

SIDES = st.integers(1, 90)
STRANGER = """
import sys
sys.modules["keras"] = sys.modules["pipeline"] = None
import numpy, tensorflow
model = tensorflow.saved_model.load(sys.argv[1])
images = tensorflow.constant(numpy.load(sys.argv[2]))
numpy.save(sys.argv[3], model.signatures["serving_default"](images=images)["ids"].numpy())
"""


@given(own_size=st.tuples(SIDES, SIDES), seed=st.integers(0, 99), contrast=st.integers(1, 255))
def test_the_graph_resizes_to_the_same_pixels(own_size: tuple[int, int], seed: int, contrast: int) -> None:
    """Training and serving see equal pixels, whatever the size that the images come in."""
    noise = np.random.default_rng(seed).integers(0, 256, (2, *own_size, 3)) // contrast * contrast
    images = noise.astype(np.uint8)
    by_numpy = np.stack([resize_image(image, (16, 24)) for image in images])
    np.testing.assert_array_equal(resize_in_graph(images), by_numpy)


@tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])  # type: ignore[untyped-decorator]
def resize_in_graph(images: tf.Tensor) -> tf.Tensor:
    """One graph for every size, as in a SavedModel."""
    return resize_images(images, (16, 24))


@cache
def build_small() -> keras.Model:
    """A small network with random weights."""
    return build_unet(
        num_classes=3, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(80, 80, 80)
    )


@cache
def serve_small(flip: bool) -> ServedNetwork:
    """The small network, served."""
    return ServedNetwork(build_small(), (16, 24), flip)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of a small network with random weights."""
    folder = tmp_path_factory.mktemp("model") / "model"
    write_saved_model(ServedNetwork(build_small(), (16, 24)), folder)
    return folder


@pytest.mark.parametrize("shape", [(1, 16, 24), (2, 37, 51), (1, 5, 300)])
def test_any_size_goes_in_and_comes_out(model: Path, shape: tuple[int, ...]) -> None:
    """Ids and probabilities come at the images' own size; the ids are the most probable classes."""
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    ids, probs = load_saved_model(model)(images)
    assert ids.shape == shape and ids.dtype == np.uint8 and probs.shape == (*shape, 3) and probs.dtype == np.float32
    np.testing.assert_allclose(probs.sum(-1), 1, atol=1e-5)
    assert (np.take_along_axis(probs, ids[..., None], -1)[..., 0] == probs.max(-1)).all()


@pytest.mark.e2e
def test_a_stranger_gets_the_same_ids(model: Path, tmp_path: Path) -> None:
    """A process without keras and without this package loads the model and gives the same ids."""
    images = np.random.default_rng(1).integers(0, 256, (1, 30, 40, 3), np.uint8)
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, "-c", STRANGER, str(model), str(tmp_path / "images.npy"), str(tmp_path / "ids.npy")]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "ids.npy"), load_saved_model(model)(images)[0])


@given(own_size=st.tuples(SIDES, SIDES), seed=st.integers(0, 99))
@settings(max_examples=10)
def test_a_mirrored_image_has_the_mirrored_prediction(own_size: tuple[int, int], seed: int) -> None:
    """Exactly, as the sum of two does not depend on their order; it is the mean of what each alone would get."""
    image = np.random.default_rng(seed).integers(0, 256, (1, *own_size, 3), np.uint8)
    plain, flips = (serve_small(flip) for flip in (False, True))
    one, other = flips.serve(image), flips.serve(image[:, :, ::-1])
    np.testing.assert_array_equal(one["probs"][:, :, ::-1], other["probs"])
    np.testing.assert_array_equal(one["ids"][:, :, ::-1], other["ids"])
    alone, mirrored = (plain.serve(each)["probs"].numpy() for each in (image, image[:, :, ::-1]))
    np.testing.assert_allclose(one["probs"], (alone + mirrored[:, :, ::-1]) / 2, atol=1e-6)


@pytest.mark.parametrize(("file", "length"), [("saved_model.pb", 0), ("saved_model.pb", 500), ("variables", None)])
def test_a_damaged_model_says_what_to_do(model: Path, tmp_path: Path, file: str, length: int | None) -> None:
    """A cut or incomplete SavedModel is named, without a traceback of TensorFlow's."""
    folder = shutil.copytree(model, tmp_path / "model")
    if length is None:
        shutil.rmtree(folder / file)
    else:
        (folder / file).write_bytes((folder / file).read_bytes()[:length])
    with pytest.raises(EvidenceError, match="(?s)cannot be loaded as a SavedModel .* export the model again"):
        load_saved_model(folder)


def test_a_folder_that_cannot_be_written_is_reported() -> None:
    """What the system refuses is an error of ours; /dev/full stands for any disk without room."""
    with pytest.raises(ExportError, match="(?s)cannot be written .* free some space and run the same command"):
        write_saved_model(ServedNetwork(build_small(), (16, 24)), Path("/dev/full/model"))
