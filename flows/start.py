"""Checks of a run before it trains for hours."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from pipeline.changes.frozen_test import FrozenTest, compare_frozen_test
from pipeline.changes.snapshot import read_snapshot
from pipeline.dataset.contract import DATA, read_class_list
from pipeline.dataset.versions import read_version, version_of
from pipeline.errors import DataError, ParamsError, StageError
from pipeline.params import read_params
from pipeline.params_fit import check_fit
from pipeline.registry.client import CHAMPION, find_alias
from pipeline.registry.lineage import check_code_is_committed, read_commit
from pipeline.runtime.stages import list_stages
from pipeline.text import show_names
from pipeline.training.checkpoints import read_interval_s

BACKENDS = ("tensorflow", "jax")
"""Engines that train; whatever trained the weights, TensorFlow exports them."""
BASE_BYTES = 300_000_000
"""Outputs of a run that do not grow with the data: weights, checkpoints, SavedModel, pages, and DVC's copies."""
BYTES_PER_DATA_BYTE = 2
"""Packed arrays and DVC's copy; small pictures from large photos take less, drawn ones more."""


def check_start() -> None:
    """Refuses a run that would end in an error, such as at the registration of its model.

    Raises:
        ParamsError: params.yaml is wrong, or in conflict with itself or the data, or SEGLINE_CHECKPOINT_MINUTES is.
        DataError: there is no data.
        EvidenceError: the code is not committed, or the folder is not in a git repository.
        StageError: there are no stages, or the disk is nearly full.
    """
    check_backend()
    check_fit(read_params(), read_class_list() if (DATA / "dataset.yaml").exists() else None)
    read_interval_s()
    list_stages()
    check_data()
    read_commit()
    check_code_is_committed()
    check_disk()


def check_backend() -> None:
    """Raises `ParamsError` if KERAS_BACKEND names no engine that can train, or one that is not installed."""
    name = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if name not in BACKENDS:
        raise ParamsError(f"KERAS_BACKEND is {name!r}, expected {' or '.join(BACKENDS)}; correct it or unset it")
    if not find_spec(name):
        raise ParamsError(f"KERAS_BACKEND is {name!r}, which is not installed; `uv pip install {name}`, or unset it")


def check_data() -> None:
    """Raises `DataError` if there is no data, with the way to get some."""
    if not DATA.is_dir():
        advice = "bring data in with `segline import`"
        if Path("data.dvc").exists():
            advice = "fetch the version in data.dvc with `dvc pull`, or bring other data in with `segline import`"
        raise DataError(f"{DATA}: not found; {advice}")


def check_test_labels() -> str:
    """Refuses data whose frozen test split is not that of the champion's data, unless params.yaml accepts them.

    Call it when data.dvc names what is in `data/`. New test samples are allowed.

    Returns:
        Why the two cannot be compared, a sentence; "" if they are, or if there is nothing to compare.

    Raises:
        DataError: samples are relabelled or have left the split; names them and says how to accept that.
        RegistryError: MLflow cannot be reached.
    """
    champion, now, params = find_alias(CHAMPION), read_version(), read_params().validate_
    md5 = champion.tags.get("data_md5") if champion else None
    is_accepted = now and params.accepted_test and now.md5.startswith(params.accepted_test)
    if not md5 or not now or now.md5 == md5 or is_accepted:
        return ""
    shares = params.split.val, params.split.test
    try:
        before, after = read_snapshot(version_of(md5), *shares), read_snapshot(now, *shares, DATA)
    except StageError as err:
        return f"whether the frozen test split is still that of {champion} is not known: {err}"
    changed = compare_frozen_test(before, after)
    if any(changed):
        raise DataError(_describe(changed, str(champion), now.md5))
    return ""


def _describe(changed: FrozenTest, champion: str, md5: str) -> str:
    named = {"relabelled": changed.relabelled, "not in it any more": changed.left}
    phrases = [f"{len(names)} {what} ({show_names(names)})" for what, names in named.items() if names]
    return (
        f"the frozen test split is not that of the champion {champion}: {', '.join(phrases)}. Scores would not be "
        "comparable with earlier ones. `segline diff champion` shows all; "
        f'if this is meant, write `accepted_test: "{md5[:12]}"` into the section `validate` of params.yaml; if not, '
        "put the former labels back"
    )


def check_disk() -> None:
    """Raises `StageError` if the disk has no room for a run, with the free space and the space that a run needs."""
    free = shutil.disk_usage(".").free
    num_data_bytes = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    needed = BASE_BYTES + BYTES_PER_DATA_BYTE * num_data_bytes
    if free < needed:
        raise StageError(
            f"{Path.cwd()}: {free / 1e6:.0f} MB are free on this disk, a run writes some {needed / 1e6:.0f} MB; free "
            "some space (`segline clean` shows what nothing needs) and run the same command again"
        )
