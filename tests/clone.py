"""A clone of this checkout in a folder of its own, with other params, in which the command can be run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import PLACES, ROOT

OF_THE_DEMO = ("data.dvc", "dvc.lock")


class Quoting(yaml.SafeDumper):
    """Puts each text into quotes: 0016E5 is one for PyYAML, and a number in YAML 1.2."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'"))


def write_clone(folder: Path, changes: Mapping[str, Any]) -> None:
    """Commits the files of this checkout in a repository of their own, without the demo's data and lock.

    Args:
        folder: of the clone; is made.
        changes: new values for `params.yaml`, nested as the file is; {}: it stays, as nobody has edited it.
    """
    list_files = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"]
    files = subprocess.check_output(list_files, cwd=ROOT, text=True)
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file() and name not in OF_THE_DEMO:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    if changes:
        change_params(folder, changes)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def change_params(folder: Path, changes: Mapping[str, Any]) -> None:
    """Writes new values into `params.yaml` of a clone."""
    params = folder / "params.yaml"
    content = merged(yaml.safe_load(params.read_text()), changes)
    params.write_text(yaml.dump(content, Dumper=Quoting, sort_keys=False))


def merged(content: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the values of `changes` in place of its own, table by table."""
    new = dict(content)
    for name, value in changes.items():
        new[name] = merged(new[name], value) if isinstance(value, Mapping) else value
    return new


def clone_environment(**variables: str) -> dict[str, str]:
    """The environment for commands in a clone: this Python first on the path, nothing of a test before."""
    kept = {name: value for name, value in os.environ.items() if name not in (*PLACES, "PYTHONPATH")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **variables}
