"""Tests of segline/trials.py: each function by its name in the package."""

import shutil
from pathlib import Path

import pytest

import segline
from pipeline.errors import ParamsError
from tests.layout import ROOT


def test_wrong_numbers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what was expected."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    with pytest.raises(ParamsError, match="--folds is 1, expected 2 to 20"):
        segline.crossval(folds=1)
    with pytest.raises(ParamsError, match="--trials is 0, expected 1 or more"):
        segline.tune(Path("ranges.yaml"), trials=0)
    with pytest.raises(ParamsError, match="expected 3 or more"):
        segline.noise(runs=2)
