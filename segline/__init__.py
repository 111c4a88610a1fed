"""Segline from Python: each command as a function, and a registered model as a function from images to masks.

    import segline

    model = segline.load("segline@champion")
    mask = model(image).mask

All but `load` and `predict` work in the current folder, which has to be a project's. They print only the progress of
long work, return their results, and raise `SeglineError`. Importing the package is quick: TensorFlow, MLflow and
Prefect are imported by the function that needs them.
"""

from pipeline.errors import SeglineError
from segline.api import (
    compare,
    doctor,
    history,
    import_data,
    load,
    noise,
    predict,
    promote,
    register,
    rollback,
    run,
    schedule,
    status,
)

__all__ = [
    "SeglineError",
    "compare",
    "doctor",
    "history",
    "import_data",
    "load",
    "noise",
    "predict",
    "promote",
    "register",
    "rollback",
    "run",
    "schedule",
    "status",
]
