"""Tests of comparing what the registry stores; `test_verification.py` changes each thing."""

from dataclasses import replace

import pytest

from pipeline.provenance.registered import Registered
from pipeline.provenance.stored import compare_metrics, compare_model, compare_tags

pytestmark = pytest.mark.services


def test_a_changed_tag_names_its_witnesses(champion: Registered) -> None:
    """The row of a tag says who has the registered value."""
    version = replace(champion.version, tags={**champion.version.tags, "params_md5": "other"})
    claims = {**champion.claims, "params_md5": {**champion.claims["params_md5"], "its own tags": "other"}}
    (row,) = (row for row in compare_tags(replace(champion, version=version, claims=claims)) if row.state != "agree")
    assert row.what == "tag params_md5" and row.found == "other"
    assert row.todo.startswith("its files and its run's tags and its run's data set has the registered value; put")


def test_metrics_that_a_database_rounds(champion: Registered) -> None:
    """A difference in the last bit is none; a metric that was added is none either."""
    metrics = {name: value * (1 + 1e-15) for name, value in champion.run.metrics.items()} | {"added": 1.0}
    (row,) = compare_metrics(replace(champion, run=replace(champion.run, metrics=metrics)))
    assert row.state == "agree"


def test_a_model_at_an_address_of_another(champion: Registered) -> None:
    """An address that registering never writes is refused, not followed."""
    version = replace(champion.version, source="file:///etc")
    (row,) = compare_model(replace(champion, version=version))
    assert row.state == "missing" and "its files are at 'file:///etc', expected models:/m-" in row.todo
