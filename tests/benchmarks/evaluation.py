"""What evaluation adds to inference from files: time of the whole of `evaluate` beyond it, as a share of it.

The model is the network of params/camvid.yaml with random weights, as a SavedModel. The images are drawn streets at
CamVid's size, enlarged, as many as its test split has (101): a smaller split pays more for the pictures, which are a
fixed number. The model is really asked, and its answer is then replaced by the label with edges that are
off, with some thirty confident mistakes and with many small ones, so that there are boundaries to match and suspects
to list. The answer is copied just before, as a model has just written its own; beside inference likewise.

Both are timed in turn on the same images. Told are the medians over the runs, in seconds an image, and the median, the
least and the largest share of a run.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.backend.tf import set_up_devices
from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow, write_manifest
from pipeline.disk.files import md5_of
from pipeline.importers.demo.scenes import draw_scene
from pipeline.params import read_params
from pipeline.runtime.parallel import NUM_READERS, in_threads
from pipeline.serving.model_card import ModelCard
from pipeline.serving.predictor import Predictor
from pipeline.serving.saved_model import ServedNetwork, write_saved_model
from pipeline.steps.evaluate import evaluate
from pipeline.vision.codec import read_image, write_png
from pipeline.vision.resize import resize_image, resize_mask
from tests.tiny_model import NO_POSTPROCESS

PARAMS = Path(__file__).parents[2] / "params/camvid.yaml"
SIZE, NUM_CLASSES, IGNORE_ID = (360, 480), 11, 255
NUM_IMAGES, NUM_RUNS = 101, 9
CLASSES = ClassList(tuple(map(str, range(NUM_CLASSES))), tuple((id_, 0, 0) for id_ in range(NUM_CLASSES)), IGNORE_ID)
PIXELS = dict.fromkeys(CLASSES.names, 1)
Answer = tuple[np.ndarray, np.ndarray]
FINGERPRINT = Fingerprint(CLASSES, SIZE, {}, (0, 0, 0), (1, 1, 1), PIXELS, {})


def build_predictor(folder: Path) -> Predictor:
    """The network of params/camvid.yaml, exported with the weights that it starts with."""
    import keras

    keras.utils.set_random_seed(0)
    params = read_params(PARAMS)
    keras.mixed_precision.set_global_policy(params.export.precision)
    size, network = params.preprocess.image_size, params.train.network
    statistics = {"channel_mean": (99, 99, 99), "channel_std": (70, 70, 70)}
    model = network.build(**network.model_dump(exclude={"name"}), num_classes=NUM_CLASSES, **statistics)
    write_saved_model(ServedNetwork(model, size), folder)
    ModelCard(CLASSES, size, NO_POSTPROCESS).write(folder)
    return Predictor.read(folder)


def draw(folder: Path, index: int) -> tuple[ManifestRow, Answer]:
    """An image with its label, and an answer that is wrong at edges, in thirty areas and in many single pixels."""
    random = np.random.default_rng(index)
    image, mask = (resize(pixels, SIZE) for resize, pixels in zip(RESIZERS, draw_scene(0, "oak", index), strict=True))
    mask = np.where(mask == IGNORE_ID, mask, (mask + 5 * (np.arange(SIZE[1]) > 200).astype(np.uint8))).astype(np.uint8)
    pred = np.roll(np.where(mask == IGNORE_ID, 0, mask), random.integers(-3, 4), axis=1)
    for top, left in np.ndindex(5, 6):
        pred[70 * top + 20 : 70 * top + 36, 80 * left + 20 : 80 * left + 44] = (top + left) % NUM_CLASSES
    pred[random.random(SIZE) < 0.005] = 7
    probs = random.random((*SIZE, NUM_CLASSES), np.float32) * np.float32(0.001)
    np.put_along_axis(probs, pred[..., np.newaxis].astype(np.intp), np.float32(1), axis=2)
    probs /= probs.sum(axis=2, keepdims=True)
    paths = folder / f"image{index}.png", folder / f"mask{index}.png"
    for path, pixels in zip(paths, (image, mask), strict=True):
        write_png(path, pixels)
    row = ManifestRow(f"{index:03}", *paths, f"g{index % 8}", "test", *SIZE, *map(md5_of, paths))
    return row, (pred[np.newaxis].astype(np.uint8), probs[np.newaxis])


RESIZERS = (resize_image, resize_mask)


def pose(predictor: Predictor, answers: Sequence[Answer]) -> Predictor:
    """The same model, which is asked and then gives the answers in turn."""
    left = iter(answers)

    def serve(images: np.ndarray) -> Answer:
        predictor.serve(images)
        ids, probs = (part.copy() for part in next(left))
        return ids, probs

    return replace(predictor, serve=serve)


def infer(predictor: Predictor, rows: Sequence[ManifestRow]) -> float:
    """Seconds that reading the images and asking the model take, as in `segline predict`; reading is done beside."""
    started = time.perf_counter()
    for image in in_threads(read_image, [row.image for row in rows], NUM_READERS):
        predictor.predict(image)
    return time.perf_counter() - started


def score(predictor: Predictor, rows: Sequence[ManifestRow], folder: Path) -> float:
    """Seconds that the whole of `evaluate` takes, the model among it."""
    params, manifest = read_params(PARAMS).evaluate, folder / "manifest.csv"
    started = time.perf_counter()
    evaluate(predictor, rows, CLASSES, FINGERPRINT, params, folder / "out", manifest)
    return time.perf_counter() - started


def main() -> None:
    """Times both in turn; the first of each warms up and is left out."""
    set_up_devices(num_threads=0)
    seconds: dict[str, list[float]] = {"inference": [], "whole": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        predictor = build_predictor(folder / "model")
        rows, answers = map(list, zip(*(draw(folder, index) for index in range(NUM_IMAGES)), strict=True))
        write_manifest(folder / "manifest.csv", rows)
        for _ in range(1 + NUM_RUNS):
            seconds["inference"].append(infer(pose(predictor, answers), rows) / NUM_IMAGES)
            seconds["whole"].append(score(pose(predictor, answers), rows, folder) / NUM_IMAGES)
    timed = {name: values[1:] for name, values in seconds.items()}
    medians = {name: statistics.median(values) for name, values in timed.items()}
    shares = [whole / alone - 1 for alone, whole in zip(timed["inference"], timed["whole"], strict=True)]
    print(json.dumps({**medians, "share": statistics.median(shares), "least": min(shares), "largest": max(shares)}))


if __name__ == "__main__":
    main()
