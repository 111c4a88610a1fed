"""`retention.yaml`: how long what nothing needs is kept."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from pipeline.disk.files import read_yaml
from pipeline.errors import ParamsError
from pipeline.param_types import Section
from pipeline.runtime.stages import RESTORE, ROOT
from pipeline.text import quoted

RETENTION = Path("retention.yaml")
MAX_DAYS = 36_500
Days = Annotated[float, Field(ge=0, le=MAX_DAYS)]


class Limits(Section):
    """Days for which each kind of file is kept; `retention.yaml` explains them."""

    checkpoints_days: Days
    models_days: Days
    tensorboard_days: Days
    noise_days: Days
    reproductions_days: Days
    runs_days: Days
    dvc_cache_days: Days


def read_limits(path: Path = RETENTION) -> Limits:
    """Reads and checks the limits; a project without the file has those of the file beside this code.

    Raises:
        ParamsError: the file is not YAML, or a value is missing, unknown, of the wrong type or out of range.
    """
    file = path if path.exists() else ROOT / RETENTION
    content = read_yaml(file, ParamsError, RESTORE)
    try:
        return Limits.model_validate(content)
    except ValidationError as err:
        raise ParamsError("\n".join(f"{path}: {_explain(error)}" for error in err.errors())) from err


def _explain(error: Any) -> str:
    if not error["loc"]:
        return f"found {type(error['input']).__name__}, expected lines such as `runs_days: 90`"
    name, known = str(error["loc"][0]), list(Limits.model_fields)
    if error["type"] == "missing":
        return f"`{name}` is missing; add it, or delete the file to have the values that segline comes with"
    if error["type"] in ("extra_forbidden", "invalid_key"):
        near = get_close_matches(name, known, n=1)
        guess = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
        return f"unknown name {quoted(name)}; {guess}"
    return f"`{name}` is {quoted(error['input'])}, expected a number of days from 0 to {MAX_DAYS}"
