"""Time of a prediction with batch normalisations folded into the convolutions, and without, in turn.

SavedModels of the U-Net of params.yaml and of a DeepLabv3+, on images of that file's size. Last line: one JSON object;
`ratio` is that of the U-Net, unfolded to folded, and so are the sizes of `saved_model.pb`.

    python -m tests.benchmarks.folding
"""

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.params import read_params
from tests.networks.small import build, settle

NUM_WARM, NUM_TIMED = 2, 15


def main() -> None:
    """Measures both networks."""
    from tests.benchmarks.network_rows import SHAPES

    params = read_params(Path(__file__).parents[2] / "params.yaml")
    unet = params.train.network.model_dump(exclude={"name"})
    found = {
        name: measure(name, fields, params.preprocess.image_size)
        for name, fields in {"unet": unet, "deeplabv3plus": SHAPES["deeplabv3plus"]}.items()
    }
    for name, row in found.items():
        print(f"{name}: {json.dumps(row)}")
    print(json.dumps({"ratio": found["unet"]["ratio"], "ratio_deeplabv3plus": found["deeplabv3plus"]["ratio"]}))


def measure(name: str, fields: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Milliseconds of one image, medians, and bytes of the graph: unfolded, folded."""
    from pipeline.networks.blocks.layers import fold_norms
    from pipeline.serving.saved_model import ServedNetwork, load_saved_model, write_saved_model

    network = settle(build(name, fields))
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / kind for kind in ("unfolded", "folded")]
        for path, served in zip(paths, (network, fold_norms(network)), strict=True):
            write_saved_model(ServedNetwork(served, size), path)
        num_bytes = [(path / "saved_model.pb").stat().st_size for path in paths]
        models = [load_saved_model(path) for path in paths]
        times: list[list[float]] = [[], []]
        for _ in range(NUM_WARM + NUM_TIMED):
            for serve, own in zip(models, times, strict=True):
                started = time.perf_counter()
                serve(image)
                own.append(time.perf_counter() - started)
    before, after = (statistics.median(own[NUM_WARM:]) for own in times)
    milliseconds = [round(1000 * before, 1), round(1000 * after, 1)]
    return {"ratio": round(before / after, 2), "milliseconds": milliseconds, "graph_bytes": num_bytes}


if __name__ == "__main__":
    main()
