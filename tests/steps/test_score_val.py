"""Tests of the step `score_val`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.packed import PREPROCESS, read_packed
from pipeline.disk.records import read_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.steps.preprocess import preprocess
from pipeline.steps.score_val import NETWORK, VAL_SCORE, read_network, score_val
from pipeline.steps.train import TRAIN
from tests.drawn_data import CLASSES, small_content, small_params, write_data

pytestmark = pytest.mark.e2e


def test_val_has_the_score_that_chose_the_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by image and pooled it is the training's own number, with an interval by groups."""
    monkeypatch.chdir(tmp_path)
    rows = write_data(tmp_path, num_val=6)
    preprocess(rows, CLASSES, small_params().preprocess, PREPROCESS)
    Path("params.yaml").write_text(yaml.safe_dump(small_content()))
    for step in ("train", "score_val"):  # processes of their own: TensorFlow's threads are set once
        subprocess.run([sys.executable, "-m", f"pipeline.steps.{step}"], check=True)
    summary, val_set = json.loads((TRAIN / "summary.json").read_text()), read_packed("val")
    interval = read_record(VAL_SCORE, Interval, "score_val")
    assert interval.estimate == pytest.approx(summary["val_mean_iou"], abs=1e-6)
    assert interval.low < interval.estimate < interval.high and interval.num_units == 6
    val = [row for row in read_manifest() if row.split == "val"]
    table = score_val(read_network(NETWORK), val_set, val, CLASSES, 4)
    assert table.matrices[2].sum() == np.sum(val_set.masks[2] != CLASSES.ignore_id)
    assert table.names[2] == val[2].name and table.groups[2] == val[2].group
    with pytest.raises(EvidenceError, match="val has 5 rows and 6 packed images; run `dvc repro preprocess`"):
        score_val(read_network(NETWORK), val_set, val[1:], CLASSES, 4)
