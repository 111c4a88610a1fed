"""Segline from Python: each command as a function, and a registered model as a function from images to masks.

    import segline

    model = segline.load("segline@champion")
    mask = model(image).mask

All but `load`, `predict` and `published` work in the current folder, which has to be a project's. They print only the
progress of long work, return their results, and raise `SeglineError`. Importing the package is quick: TensorFlow,
MLflow and Prefect are imported by the function that needs them.
"""

from pipeline.errors import SeglineError
from segline.registry import (
    audit,
    compare,
    history,
    lineage,
    promote,
    publish,
    published,
    register,
    reproduce,
    rollback,
    status,
    verify,
)
from segline.trials import crossval, noise, tune
from segline.use import load, predict, suggest
from segline.work import (
    clean,
    diff,
    doctor,
    import_data,
    pack,
    plan,
    run,
    schedule,
    unpack,
    watch,
)

__all__ = [
    "SeglineError",
    "audit",
    "clean",
    "compare",
    "crossval",
    "diff",
    "doctor",
    "history",
    "import_data",
    "lineage",
    "load",
    "noise",
    "pack",
    "plan",
    "predict",
    "promote",
    "publish",
    "published",
    "register",
    "reproduce",
    "rollback",
    "run",
    "schedule",
    "status",
    "suggest",
    "tune",
    "unpack",
    "verify",
    "watch",
]
