"""Checks of a run before it trains for hours."""

import shutil
from pathlib import Path

from pipeline.dataset.contract import DATA, read_class_list
from pipeline.errors import DataError, StageError
from pipeline.params import read_params
from pipeline.params_fit import check_fit
from pipeline.registry.lineage import check_code_is_committed, read_commit
from pipeline.runtime.stages import list_stages

BASE_BYTES = 300_000_000
"""What a run writes whatever the data: weights, checkpoints, a SavedModel, pages, and DVC's copies of them."""
BYTES_PER_DATA_BYTE = 2
"""Packed arrays and DVC's copy; small pictures from large photos take less, drawn ones more."""


def check_start() -> None:
    """Refuses a run that is known to end in an error, though perhaps only when its model is to be registered.

    Raises:
        ParamsError: params.yaml is wrong, or does not go together with itself or the data.
        DataError: there is no data.
        EvidenceError: the code is not committed, or this is no git repository.
        StageError: there are no stages, or the disk is nearly full.
    """
    check_fit(read_params(), read_class_list() if (DATA / "dataset.yaml").exists() else None)
    list_stages()
    check_data()
    read_commit()
    check_code_is_committed()
    check_disk()


def check_data() -> None:
    """Refuses to start without data.

    Raises:
        DataError: there is none; says where to get some.
    """
    if not DATA.is_dir():
        advice = "fetch the version in data.dvc with `dvc pull`, or bring other data in with `segline import`"
        raise DataError(
            f"{DATA}: not found; {advice if Path('data.dvc').exists() else 'bring data in with `segline import`'}"
        )


def check_disk() -> None:
    """Refuses to start on a disk that is nearly full.

    Raises:
        StageError: says how much is free, and roughly how much a run takes.
    """
    free = shutil.disk_usage(".").free
    num_data_bytes = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    needed = BASE_BYTES + BYTES_PER_DATA_BYTE * num_data_bytes
    if free < needed:
        raise StageError(
            f"{Path.cwd()}: {free / 1e6:.0f} MB are free on this disk, a run writes some {needed / 1e6:.0f} MB; free "
            "some space (`dvc gc --all-commits` deletes what no commit needs) and run the same command again"
        )
