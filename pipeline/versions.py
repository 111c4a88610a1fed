"""The one door to DVC's Python API: the version of the data set, the list of stages, what is fresh."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.dataset import DATA
from pipeline.errors import DataError, StageError
from pipeline.files import read_yaml
from pipeline.names import shown

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
RESTORE = "run this in the project's folder, or restore it from git"


def list_stages(path: Path = PIPELINE) -> list[str]:
    """Names of the stages in `dvc.yaml`, in its order, which is the order they run in.

    Raises:
        StageError: the file is missing, not YAML or has no stages.
    """
    content = read_yaml(path, StageError, RESTORE)
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict) or not content["stages"]:
        raise StageError(f"{path}: found no `stages`; restore the file from git")
    return list(content["stages"])


def add_data(path: Path = DATA) -> str:
    """Puts a data folder under DVC's control and writes its `.dvc` file, as `dvc add` does.

    Returns:
        The MD5 that names this version of the data set.

    Raises:
        StageError: this is no DVC project, DVC is busy or the disk is full.
    """
    with _open_repo() as repo:
        repo.add([str(path)])
    return read_data_md5(path)


def read_data_md5(path: Path = DATA) -> str:
    """The MD5 in the `.dvc` file beside a data folder: the version that the project names, wherever the files are.

    Raises:
        DataError: there is no such file yet.
        StageError: the file is not what DVC writes.
    """
    file = path.with_name(f"{path.name}.dvc")
    if not file.exists():
        raise DataError(f"{file}: not found; bring data in with `segline import`")
    content = read_yaml(file, StageError, RESTORE)
    try:
        (out,) = content["outs"]
        found = out["md5"]
    except (KeyError, TypeError, ValueError) as err:
        raise StageError(f"{file}: expected one output with its md5, as `dvc add` writes it; {RESTORE}") from err
    if not isinstance(found, str) or not MD5.fullmatch(found):
        raise StageError(f"{file}: md5 is {shown(found)}, expected 32 hexadecimal digits; {RESTORE}")
    return found


def is_fresh(target: str) -> bool:
    """True where running a stage, or `data.dvc`, again would change nothing.

    Raises:
        StageError: there is no such target, or DVC is busy.
    """
    with _open_repo() as repo:
        return not repo.status([target])


@contextmanager
def _open_repo() -> Iterator[Any]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.scm import SCMError

    logging.getLogger("dvc").setLevel(logging.WARNING)  # its hints to type `git add` are for its own command line
    try:
        with Repo(".") as repo:
            yield repo
    except NotDvcRepoError as err:
        raise StageError(f"{Path.cwd()}: is no DVC project; run this in the project's folder") from err
    except SCMError as err:
        raise StageError(f"{err}; versions need git: clone the project, or run `git init` here") from err
    except LockError as err:
        raise StageError(f"DVC is busy in this project; wait for the other command to end. It says: {err}") from err
    except DvcException as err:
        raise StageError(f"DVC failed: {err}; mend that and run the same command again") from err
