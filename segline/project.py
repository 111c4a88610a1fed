"""The project's folder, in which most functions of the package work."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from pipeline.errors import StageError
from pipeline.runtime.environment import QUIET, set_defaults

Words = ParamSpec("Words")
Result = TypeVar("Result")


def in_project(function: Callable[Words, Result]) -> Callable[Words, Result]:
    """Refuses to work outside a project's folder."""

    @wraps(function)
    def checked(*args: Words.args, **options: Words.kwargs) -> Result:
        for name in ("dvc.yaml", "params.yaml"):
            if not Path(name).is_file():
                raise StageError(f"{Path.cwd()}: is not a segline project (no {name}); change to the project's folder")
        set_defaults(QUIET)
        return function(*args, **options)

    return checked
