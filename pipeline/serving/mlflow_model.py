"""Serves a registered model through MLflow: images in, class ids out.

This file is stored with every model version and runs where segline is not installed and may have moved on, so it
imports nothing of ours, and TensorFlow and MLflow past their doors. Class ids are the network's own: the cleaning in
`segline.json` is what `segline predict` adds.
"""

from typing import Any

import mlflow
import numpy as np


class SavedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Images (N, H, W, 3) uint8 RGB to class ids (N, H, W) uint8."""

    def load_context(self, context: Any) -> None:
        """Loads the SavedModel that lies beside this file."""
        import tensorflow as tf

        self.model = tf.saved_model.load(context.artifacts["saved_model"])  # its functions do not keep it alive

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Gives the class ids of the images."""
        ids: np.ndarray = self.model.signatures["serving_default"](images=model_input)["ids"].numpy()
        return ids


mlflow.models.set_model(SavedModel())
