"""A model has one mean IoU, wherever it is written: `confusion.mean_iou`, over the classes that a label has."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.bootstrap import exchange_test, mean_over_classes, resampled_iou, unit_sums
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import Setting
from pipeline.evaluation.metrics.table import METRICS
from pipeline.evaluation.scorer import scores_of
from pipeline.evaluation.scores import Evidence, Scores
from pipeline.params import GateParams
from pipeline.promotion.comparison import compare
from pipeline.promotion.decide import gather_facts
from pipeline.promotion.references import References
from pipeline.promotion.rescore import Rescored
from pipeline.registry.client import Version
from pipeline.registry.run_record import flatten_scores
from pipeline.report.evidence import read_evidence
from pipeline.report.render import number, render
from pipeline.steps.gate import gate
from pipeline.vision.confusion import iou_per_class, mean_iou
from tests.evaluated_work import write_evaluated
from tests.evaluation.test_image_table import table_of

NAMES, GROUPS = ("sky", "car", "tram", "ghost"), "aabbccddeeff"
BOOTSTRAP: dict[str, Any] = {"unit": "group", "num_resamples": 200, "seed": 0, "confidence": 0.95, "min_units": 5}
VERSIONS = [Version("segline", number, "run", (), {}, datetime(2026, 11, 28, tzinfo=UTC)) for number in (1, 2)]


def table_with_strays(seed: int) -> ImageTable:
    """Counts of labels of sky and car, for which tram is predicted now and then, and ghost never."""
    random = np.random.default_rng(seed)
    right = np.stack([random.multinomial(200, share, 12) for share in ((0.8, 0.1, 0.1), (0.2, 0.7, 0.1))], axis=1)
    matrices = np.zeros((12, 4, 4), int)
    matrices[:, :2, :3] = right
    return table_of(matrices, GROUPS, NAMES)


def scores_from(table: ImageTable) -> Scores:
    """The scores as `evaluate` writes them."""
    results = {"mean_iou": METRICS["mean_iou"](Setting(NAMES, 0, 0, BOOTSTRAP)).result(table)}
    return scores_of(table, results, "sky", Evidence("model", "manifest", "test"), BOOTSTRAP)


@given(st.integers(0, 2**32 - 1))
def test_all_places_have_the_same_mean_iou(seed: int) -> None:
    """Metric, scores, MLflow, interval, verdict, comparison from both sides and decision, with stray predictions."""
    table, other = table_with_strays(seed), table_with_strays(seed + 1)
    expected = mean_iou(table.pooled())
    assert expected == np.mean(iou_per_class(table.pooled())[:2]) != np.nanmean(iou_per_class(table.pooled()))
    scores = scores_from(table)
    assert scores.strays.keys() == {"tram"} and scores.metrics["mean_iou"].interval.estimate == expected
    there, back = compare(table, other, **BOOTSTRAP), compare(other, table, **BOOTSTRAP)
    tables = {str(version): one for version, one in zip(VERSIONS, (table, other), strict=True)}
    references = References(VERSIONS[1], None, None)
    facts = gather_facts(VERSIONS[0], references, Rescored(tables, "t"), dict.fromkeys(tables), None, BOOTSTRAP)
    limits = GateParams(floors={"mean_iou": 0.0}, floors_low={}, ceilings={})
    found = [scores.mean_iou, flatten_scores(scores)["mean_iou"], scores.numbers()["mean_iou"].value]
    found += [gate(scores, "md5", scores.evidence, limits).mean_iou or 0.0]
    found += [there.challenger_mean_iou, back.champion_mean_iou, facts.challenger.mean_iou]
    assert set(found) == {expected}
    assert facts.champion and facts.champion.comparison
    assert facts.champion.comparison.difference.estimate == expected - facts.champion.mean_iou


@given(st.integers(0, 2**32 - 1))
def test_resamples_and_exchanges_have_it_too(seed: int) -> None:
    """The resample that draws each unit once has that mean IoU; exchanging nothing has the observed difference."""
    sums = [unit_sums(table_with_strays(one), "group")[1] for one in (seed, seed + 1)]
    (resampled,) = mean_over_classes(resampled_iou(sums[0], np.ones((1, len(sums[0])), np.int32)))
    assert resampled == pytest.approx(mean_iou(sums[0].sum(axis=0)), rel=1e-15)
    one, other = sums
    better, worse = exchange_test(one, other, 99, 0), exchange_test(other, one, 99, 0)
    assert better == pytest.approx(worse[::-1], abs=1e-12)


def test_the_report_shows_it(tmp_path: Path) -> None:
    """The first card, from the file of the scores."""
    write_evaluated(tmp_path / "work")
    evidence = read_evidence(tmp_path / "work", None, ())
    scores = scores_from(table_with_strays(0))
    scores.write(tmp_path / "scores.json")
    read = Scores.read(tmp_path / "scores.json")
    page = render(replace(evidence, scores=read, verdict=None, matrix=None))
    assert read.mean_iou == mean_iou(table_with_strays(0).pooled())
    assert f"<small>Mean IoU</small><b>{number(read.mean_iou)}</b>" in page
