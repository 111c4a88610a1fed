"""What evaluation adds to the model's own inference: time of all that is measured of an image, as a share of it.

The model is the network of params/camvid.yaml with random weights, as a SavedModel. The images are drawn streets at
CamVid's size, enlarged; the masks to be judged are the labels with edges that are off, with confident mistakes and with
many small ones, so that there are boundaries to match and suspects to list.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.confusion import confusion
from pipeline.dataset import ClassList
from pipeline.images import mean_luma, resize_image, resize_mask
from pipeline.manifest import Row
from pipeline.model_card import ModelCard
from pipeline.params import read_params
from pipeline.predictor import Prediction, Predictor
from pipeline.scenes import draw_scene
from pipeline.scoring import Seen
from pipeline.steps.evaluate import Details
from pipeline.tf import ServedUnet, set_up_devices, write_saved_model
from pipeline.unet import build_unet
from tests.tiny_model import NO_POSTPROCESS

PARAMS = Path(__file__).parents[2] / "params/camvid.yaml"
SIZE, NUM_CLASSES, IGNORE_ID = (360, 480), 11, 255
NUM_IMAGES, NUM_WARM_UPS = 24, 4
CLASSES = ClassList(tuple(map(str, range(NUM_CLASSES))), tuple((id_, 0, 0) for id_ in range(NUM_CLASSES)), IGNORE_ID)
ROW = Row("image", Path("image"), Path("mask"), "group", "test", *SIZE, "", "")


def build_predictor(folder: Path) -> Predictor:
    """The network of params/camvid.yaml, exported with the weights that it starts with."""
    import keras

    keras.utils.set_random_seed(0)
    size, unet = read_params(PARAMS).preprocess.size, read_params(PARAMS).train.unet
    network = build_unet(
        num_classes=NUM_CLASSES,
        num_levels=unet.num_levels,
        width=unet.width,
        dropout=unet.dropout,
        channel_mean=(99, 99, 99),
        channel_std=(70, 70, 70),
    )
    write_saved_model(ServedUnet(network, size), folder)
    ModelCard(CLASSES, size, NO_POSTPROCESS).write(folder)
    return Predictor.read(folder)


def draw(index: int) -> tuple[np.ndarray, Seen]:
    """An image with its label and a prediction that is wrong at edges, in a large area and in many small ones."""
    random = np.random.default_rng(index)
    image, mask = (resize(pixels, SIZE) for resize, pixels in zip(RESIZERS, draw_scene(0, "oak", index), strict=True))
    mask = np.where(mask == IGNORE_ID, mask, (mask + 5 * (np.arange(SIZE[1]) > 200).astype(np.uint8))).astype(np.uint8)
    pred = np.roll(np.where(mask == IGNORE_ID, 0, mask), random.integers(-3, 4), axis=1)
    pred[120:180, 100:180] = 3
    pred[random.random(SIZE) < 0.005] = 7
    probs = random.random((*SIZE, NUM_CLASSES), np.float32) * np.float32(0.001)
    np.put_along_axis(probs, pred[..., np.newaxis].astype(np.intp), np.float32(1), axis=2)
    probs /= probs.sum(axis=2, keepdims=True)
    return image, Seen(ROW, mask, Prediction(pred.astype(np.uint8), probs))


RESIZERS = (resize_image, resize_mask)


def measure(image: np.ndarray, seen: Seen, details: Details) -> None:
    """All that evaluation does with an image beside asking the model."""
    mean_luma(image)
    confusion(seen.target, seen.prediction.mask, NUM_CLASSES, IGNORE_ID)
    details.add(seen)


def main() -> None:
    """Times both on each image, in turn; the first few are left out."""
    set_up_devices(num_threads=0)
    details = Details(CLASSES, read_params(PARAMS).evaluate)
    seconds: dict[str, list[float]] = {"inference": [], "metrics": []}
    with tempfile.TemporaryDirectory() as folder:
        predictor = build_predictor(Path(folder) / "model")
        for index in range(NUM_WARM_UPS + NUM_IMAGES):
            image, seen = draw(index)
            started = time.perf_counter()
            predictor.serve(image[np.newaxis])
            served = time.perf_counter()
            measure(image, seen, details)
            seconds["inference"].append(served - started)
            seconds["metrics"].append(time.perf_counter() - served)
    medians = {name: statistics.median(values[NUM_WARM_UPS:]) for name, values in seconds.items()}
    print(f"suspected areas: {len(details.suspects)}, calibration error {details.calibration.calibration().error:.3f}")
    print(json.dumps({**medians, "share": medians["metrics"] / medians["inference"]}))


if __name__ == "__main__":
    main()
