"""Nothing that segline loads is a pickle, which may run any program: Python itself says so of a whole process."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.layout import ROOT

pytestmark = pytest.mark.e2e
FOUND = "unpickled:"
PROGRAM = f"""
import json, sys
from pathlib import Path
found = set()
def watch(event, arguments):
    if event == "pickle.find_class":
        frame = sys._getframe(1)
        while frame and Path(frame.f_code.co_filename).stem in ("pickle", "_compat_pickle"):
            frame = frame.f_back
        place = Path(frame.f_code.co_filename) if frame else Path("?")
        found.add(("/".join(place.parts[-2:]), ".".join(map(str, arguments))))
sys.addaudithook(watch)
try:
    exec(sys.argv[1])
finally:
    print("{FOUND}", json.dumps(sorted(found)))
"""
TRAINING = """
import os
import pytest
from pathlib import Path
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.serving.model_card import MODEL
from pipeline.serving.predictor import Predictor
from pipeline.training.checkpoints import Checkpoint
from pipeline.steps import evaluate, export, preprocess, train
from tests.drawn_data import CLASSES, small_params, write_data
from tests.steps.test_train import PACKED, write_params
preprocess.preprocess(write_data(Path()), CLASSES, small_params().preprocess, PACKED)
write_params()
write = Checkpoint.write
def write_one(checkpoint, path):
    write(checkpoint, path)
    raise KeyboardInterrupt
with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(Checkpoint, "write", write_one)
    train.main()
train.main()
export.main()
rows, params = read_manifest(), small_params().evaluate
evaluate.evaluate(Predictor.read(MODEL), rows, CLASSES, Fingerprint.read(), params, Path("e"))
"""
REGISTRY = """
import mlflow
import numpy as np
import os
import pytest
import segline
from pathlib import Path
from pipeline.vision.codec import write_png
from tests.provenance_project import write_registered
with pytest.MonkeyPatch.context() as patch:
    write_registered(Path(), patch)
    assert segline.verify("champion").agrees
    write_png(Path("photos/a.png"), np.zeros((6, 9, 3), np.uint8))
    segline.predict("champion", "photos", "out")
    published = segline.publish("served")
    segline.load(published.address)
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.pyfunc.load_model("models:/segline@champion").predict(np.zeros((1, 8, 8, 3), np.uint8))
"""


def unpickled_in(program: str, folder: Path) -> tuple[str, set[tuple[str, str]]]:
    """Runs a program in a folder; gives its output, and each class that was unpickled with the file that asked."""
    command = [sys.executable, "-c", PROGRAM, program]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    output, _, found = done.stdout.rpartition(FOUND)
    return output, {(place, name) for place, name in json.loads(found)}


@pytest.mark.parametrize("program", [TRAINING, REGISTRY], ids=["training", "registry"])
def test_no_pickle_is_loaded(tmp_path: Path, program: str) -> None:
    """Packed arrays, a checkpoint to resume from, weights, a SavedModel; a version to verify, predict and publish."""
    output, found = unpickled_in(program, tmp_path)
    if program is TRAINING:
        assert "epoch 2/3" in output and "goes on after epoch 1" in output, output
    assert found == set()


def test_a_pickle_would_be_seen(tmp_path: Path) -> None:
    """An array of objects is a pickle for NumPy; the file that loaded it is named."""
    np.save(tmp_path / "a.npy", np.array([Path("x")], dtype=object), allow_pickle=True)
    (tmp_path / "b").write_bytes(pickle.dumps(Path("x")))
    program = "import numpy as np, pickle\nnp.load('a.npy', allow_pickle=True)"
    assert {place for place, _ in unpickled_in(program, tmp_path)[1]} == {"lib/_format_impl.py"}
    assert unpickled_in("import pickle\npickle.load(open('b', 'rb'))", tmp_path)[1]
