"""Tests of the code that is stored with each version and serves it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.registry.connection import opened
from pipeline.registry.runs import SERVING_CODE, create_run, create_version
from tests.finished_project import tiny_model, use_registry
from tests.layout import imports

pytestmark = pytest.mark.services


def test_it_runs_where_segline_is_not() -> None:
    """The file imports nothing of ours, because it is loaded where our code is gone or has moved on."""
    assert {name.partition(".")[0] for name in imports(SERVING_CODE)} == {"mlflow", "numpy", "tensorflow", "typing"}


def test_stored_model_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow loads a version and gives class ids for images of any size; floats are refused."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    create_version(create_run(), tiny_model(1), "", {})
    with opened() as (mlflow, _):
        model = mlflow.pyfunc.load_model("models:/segline/1")
        ids = model.predict(np.zeros((2, 5, 7, 3), np.uint8))
        with pytest.raises(mlflow.exceptions.MlflowException, match="float64 does not match expected dtype uint8"):
            model.predict(np.zeros((2, 5, 7, 3)))
    assert ids.shape == (2, 5, 7) and ids.dtype == np.uint8 and (ids == 1).all()
