"""Parity passes every sound export and catches every broken one, under each setting of the machine.

A sound pair is a network, an image size and a setting; its SavedModel is written, loaded and judged as `export` does.
A broken one is a network whose served graph has one defect. Last line: one JSON object.

    python -m tests.benchmarks.parity
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.backend.tf import set_up_devices
from pipeline.dataset.packed import read_packed
from pipeline.errors import ExportError
from pipeline.importers.demo.scenes import draw_scene
from pipeline.networks.blocks.layers import PadToMultiple, fold_norms
from pipeline.networks.unet import build_unet
from pipeline.params import read_params
from pipeline.serving.parity import check, compare
from pipeline.serving.saved_model import Serve, ServedNetwork, load_saved_model, resize_images, write_saved_model
from pipeline.steps.export import read_network
from pipeline.steps.preprocess import preprocess
from pipeline.steps.train import train
from pipeline.vision.resize import resize_image
from tests.drawn_data import CLASSES, small_params, write_data

SETTINGS: dict[str, tuple[dict[str, str], int]] = {
    "as it is": ({}, 2),
    "no oneDNN": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, 2),
    "AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, 2),
    "AVX512_CORE": ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, 2),
    "1 thread": ({}, 1),
    "4 threads": ({}, 4),
    "no oneDNN, 1 thread": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, 1),
}
"""Environment and threads of each setting."""
FIRST = next(iter(SETTINGS))
NETWORKS = {  # classes, levels, width, working size; no size is a multiple of 2^levels, so that padding counts
    "two classes": (2, 1, 8, (17, 25)),
    "eleven classes": (11, 3, 16, (45, 61)),
    "six classes, deep": (6, 4, 8, (72, 97)),
    "nineteen classes": (19, 2, 16, (50, 34)),
}
TRAINED = {
    "trained in float32": ("float32", 8),
    "trained in bfloat16": ("mixed_bfloat16", 8),
    "an epoch less": ("float32", 7),
}
"""Precision and number of epochs."""
TRAINED_SIZE = (34, 50)
IMAGE_SIDES = ((1.0, 1.0), (2.0, 2.0), (1.37, 1.61), (0.6, 0.45), (1.1, 4.2), (7.9, 5.3))
"""Sides of an image in those of the working size."""


def main() -> None:
    """Runs each setting in a process of its own and adds up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", nargs=2, metavar=("SETTING", "FOLDER"), help=argparse.SUPPRESS)
    if child := parser.parse_args().child:
        print(json.dumps(run_setting(child[0], Path(child[1]))))
        return
    total: dict[str, Any] = {"sound_passed": 0, "sound": 0, "broken_caught": 0, "broken": 0, "largest_sound": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for setting, (variables, _) in SETTINGS.items():
            command = (sys.executable, "-m", "tests.benchmarks.parity", "--child", setting, folder)
            child = subprocess.run(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(child.stdout.splitlines()[-1])
            print(f"{setting}: {json.dumps(found)}", flush=True)
            largest = max(total["largest_sound"], found.pop("largest_sound"))
            total |= {name: total[name] + number for name, number in found.items()} | {"largest_sound": largest}
    print(json.dumps(total))


def run_setting(setting: str, folder: Path) -> dict[str, Any]:
    """All sound pairs under a setting, and the broken ones under the first."""
    set_up_devices(SETTINGS[setting][1])
    if setting == FIRST:
        train_networks(folder)
    sound, caught = [], []
    for name in (*NETWORKS, *TRAINED):
        network, size = build(name, folder)
        serve = saved(ServedNetwork(fold_norms(network), size))
        for image in draw_images(size):
            passes, difference = judge(network, size, serve, image)
            sound.append((passes, difference))
            if not passes:
                print(f"{setting}: sound {name} at {image.shape[:2]} fails by {difference:.2g}", file=sys.stderr)
        if setting == FIRST and name in (*NETWORKS, next(iter(TRAINED))):
            for defect, module in breakages(network, size, name, folder):
                passes, difference = judge(network, size, graph(module), next(draw_images(size)))
                caught.append(not passes)
                if passes:
                    print(f"{defect} of {name} passes with {difference:.2g}", file=sys.stderr)
    return {
        "sound_passed": sum(passes for passes, _ in sound),
        "sound": len(sound),
        "broken_caught": sum(caught),
        "broken": len(caught),
        "largest_sound": max(difference for _, difference in sound),
    }


def judge(network: keras.Model, size: tuple[int, int], serve: Serve, image: np.ndarray) -> tuple[bool, float]:
    """Whether the check of `export` passes with the limits of params.yaml, and the largest difference."""
    limits = read_params(Path(__file__).parents[2] / "params.yaml").export
    parity = compare(network, size, serve, ["image"], [image])
    try:
        check(parity, limits.max_disagreeing_share, limits.max_probability_difference)
    except ExportError:
        return False, parity.probability_difference
    return True, parity.probability_difference


def draw_images(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Street scenes at several sizes; the first has the working size."""
    for index, (high, wide) in enumerate(IMAGE_SIDES):
        sides = max(8, round(size[0] * high)), max(8, round(size[1] * wide))
        noise = np.random.default_rng(index).integers(-8, 9, (*sides, 3))
        yield (resize_image(draw_scene(0, "oak", index)[0], sides) + noise).clip(0, 255).astype(np.uint8)


def saved(module: ServedNetwork) -> Serve:
    """The module as it comes back from the disk."""
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(module, Path(folder) / "model")
        return load_saved_model(Path(folder) / "model")


def graph(module: ServedNetwork) -> Serve:
    """The module's graph."""

    def serve(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out = module.serve(images)
        return out["ids"].numpy(), out["probs"].numpy()

    return serve


def train_networks(folder: Path) -> None:
    """Trains the small networks for real, as the stages do."""
    before = Path.cwd()
    os.chdir(folder)
    rows = write_data(folder, num_train=32)
    packing = small_params().preprocess.model_copy(update={"image_size": TRAINED_SIZE})
    fingerprint = preprocess(rows, CLASSES, packing, folder / "work/preprocess")
    for name, (precision, num_epochs) in TRAINED.items():
        params = small_params(precision=precision, num_epochs=num_epochs).train
        train(read_packed("train"), read_packed("val"), fingerprint, params, folder / name)
    os.chdir(before)


def build(name: str, folder: Path) -> tuple[keras.Model, tuple[int, int]]:
    """A network in float32, trained or with random but sharp weights and moving moments; its working size."""
    if name in TRAINED:
        return read_network(folder / name / "networks/01", "float32"), TRAINED_SIZE
    num_classes, num_levels, width, size = NETWORKS[name]
    keras.utils.set_random_seed(0)
    mean, std = (99.0, 120.0, 80.0), (50.0, 40.0, 60.0)
    arguments: dict[str, Any] = {"num_classes": num_classes, "num_levels": num_levels, "width": width, "dropout": 0.1}
    network = build_unet(**arguments, channel_mean=mean, channel_std=std)
    random = np.random.default_rng(0)
    for variable in network.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 2, variable.shape))
        elif variable.name in ("beta", "moving_mean"):
            variable.assign(random.uniform(-1, 1, variable.shape))
    kernel = network.get_layer("classify").kernel
    kernel.assign(kernel * 4)
    return network, size


def rebuild(network: keras.Model, **changes: Any) -> keras.Model:
    """The network with the same weights and other settings of its layers."""

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = PadBefore if changes.get("pad") == "before" and layer.name == "pad" else type(layer)
        own = changes.get(layer.name, {})
        return kind.from_config(layer.get_config() | (own if isinstance(own, dict) else {}))

    other = keras.models.clone_model(network, clone_function=clone)
    other.set_weights(network.get_weights())
    return other


class Broken(ServedNetwork):
    """A served network with one defect.

    Args:
        network: the network.
        size: at which it sees an image.
        defect: what is wrong.
    """

    def __init__(self, network: keras.Model, size: tuple[int, int], defect: str = "") -> None:
        super().__init__(network, size)
        self.defect = defect

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])  # type: ignore[untyped-decorator]
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `ServedNetwork.serve`, but for the defect."""
        defect, own_size = self.defect, tf.shape(images)[1:3]
        x = self._resize(images[..., ::-1] if defect == "BGR for RGB" else images)
        if defect == "normalised twice":
            x = self.unet.get_layer("normalise")(x)
        if defect == "scaled to [0, 1]":
            x = x / 255
        logits = self.unet(x, training=defect == "batch statistics")
        if defect == "shifted crop":
            logits = tf.roll(logits, 1, axis=2)
        method = "nearest" if defect == "logits by nearest" else "bilinear"
        logits = tf.image.resize(logits, own_size, method)
        ids = tf.cast(tf.argmax(logits, axis=-1), tf.uint8)
        return {"ids": ids, "probs": logits if defect == "no softmax" else tf.nn.softmax(logits)}

    def _resize(self, images: tf.Tensor) -> tf.Tensor:
        if self.defect == "bilinear without area":
            return tf.round(tf.image.resize(images, self.size))
        if self.defect == "area of TensorFlow":  # one grey level apart here and there
            shrunk = tf.image.resize(images, tf.minimum(tf.constant(self.size), tf.shape(images)[1:3]), "area")
            return tf.round(tf.image.resize(tf.round(shrunk), self.size))
        return resize_images(images, self.size)


DEFECTS = (
    "BGR for RGB",
    "normalised twice",
    "scaled to [0, 1]",
    "batch statistics",
    "shifted crop",
    "logits by nearest",
    "no softmax",
    "bilinear without area",
    "area of TensorFlow",
)


class PadBefore(PadToMultiple):
    """Pads above and to the left."""

    def call(self, x: Any) -> Any:
        """Pads (N, H, W, C)."""
        height, width = tf.unstack(tf.shape(x)[1:3])
        return tf.pad(x, [[0, 0], [-height % self.multiple, 0], [-width % self.multiple, 0], [0, 0]])


def breakages(
    network: keras.Model, size: tuple[int, int], name: str, folder: Path
) -> Iterator[tuple[str, ServedNetwork]]:
    """Each kind of defect by name."""
    for defect in DEFECTS:
        yield defect, Broken(network, size, defect)
    yield "sides swapped", ServedNetwork(network, size[::-1])
    yield "padded before", ServedNetwork(rebuild(network, pad="before"), size)
    yield "not normalised", ServedNetwork(rebuild(network, normalise={"scale": [1.0] * 3, "offset": [0.0] * 3}), size)
    if name in TRAINED:
        yield "another epoch's weights", ServedNetwork(build("an epoch less", folder)[0], size)
    else:
        other = rebuild(network)
        other.set_weights([weight * 1.01 for weight in network.get_weights()])
        yield "other weights", ServedNetwork(other, size)


if __name__ == "__main__":
    main()
