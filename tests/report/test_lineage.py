"""Tests of the report's curves, lineage and cost."""

import math
from dataclasses import replace

from pipeline.report.evidence import ModelEvidence
from pipeline.report.lineage import cost_rows, curves, lineage
from pipeline.runtime.cost import Cost
from tests.evaluated_work import PROMOTED


def test_curves_mark_the_best_epoch(evidence: ModelEvidence) -> None:
    """A column that is missing has no curve; a model trained elsewhere has no curves at all."""
    drawn = curves(evidence.history)
    assert drawn and (drawn.epochs, drawn.best_epoch) == ([1, 2], 1)
    assert drawn.charts["Loss"] == {"train": [0.5, 0.25]} and not drawn.charts["Learning rate"]
    assert curves([]) is None


def test_a_gap_in_the_history_is_nan() -> None:
    """A column that begins late has a value for each epoch; without a score on val there is no best epoch."""
    drawn = curves([{"epoch": 1, "loss": 1}, {"epoch": 2, "loss": 0.5, "val_loss": 0.7}])
    assert drawn and drawn.best_epoch is None
    first, second = drawn.charts["Loss"]["val"]
    assert math.isnan(first) and second == 0.7


def test_lineage_names_data_and_model(evidence: ModelEvidence) -> None:
    """Splits, MD5s and the records of stages; a heading without values is left out."""
    parts = lineage(evidence)
    assert ("split test", "1 images, 1 group") in parts["Data"] and ("manifest, MD5", "0123abcd") in parts["Data"]
    assert parts["Model"][1:] == [
        ("working size", "16 x 32 px (height x width)"),
        ("cleaning of the mask", "close_px 3"),
    ]
    assert evidence.card
    flips = lineage(replace(evidence, card=replace(evidence.card, flip=True)))
    assert flips["Model"][-1] == ("prediction", "mean of the image's and its mirror image's")
    assert parts["Training"] == [("num parameters", "1,234,567")] and parts["Export"] == [("disagreeing share", "0.25")]
    bare = replace(evidence, rows=[], classes=None, scores=None, records={}, card=None)
    assert lineage(bare) == {}


def test_lineage_of_a_version_names_commit_data_and_params(evidence: ModelEvidence) -> None:
    """From the version's tags; before registration there are none."""
    parts = lineage(replace(evidence, decision=PROMOTED))
    assert parts["Origin"] == [("git commit", "c0ffee"), ("data, MD5", "4da7a.dir")]
    assert "Origin" not in lineage(evidence)


def test_cost_has_a_speed(evidence: ModelEvidence) -> None:
    """Two epochs of ten images in ten seconds are two images/s; export reads no images."""
    costs = [Cost("train", 10.0, 1500.0, "x"), Cost("export", 70.0, 900.0, "x"), Cost("evaluate", 4.0, 800.0, "x")]
    (_, train), (_, export), (_, evaluate) = cost_rows(replace(evidence, costs=costs))
    assert (train, evaluate) == (2.0, 0.5) and math.isnan(export)
