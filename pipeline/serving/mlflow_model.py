"""Serves a registered model through MLflow: images in, class ids out.

This file is stored with every model version and runs without segline, or with another version of it. So it imports
nothing of ours, and TensorFlow and MLflow directly. Class ids are the network's own, without the cleaning in
`segline.json` that `segline predict` does.
"""

from typing import Any

import mlflow
import numpy as np


class SavedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Images (N, H, W, 3) uint8 RGB to class ids (N, H, W) uint8."""

    def load_context(self, context: Any) -> None:
        """Loads the SavedModel next to this file."""
        import tensorflow as tf

        self.model = tf.saved_model.load(context.artifacts["saved_model"])  # its functions do not keep it alive

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Gives the class ids of the images."""
        ids: np.ndarray = self.model.signatures["serving_default"](images=model_input)["ids"].numpy()
        return ids


mlflow.models.set_model(SavedModel())
