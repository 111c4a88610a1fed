"""Tests of comparing two models."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import EvidenceError, RegistryError
from pipeline.evaluation.bootstrap import Interval
from pipeline.ledger.ledger import read_ledger
from pipeline.promotion.findings import give_reason
from pipeline.promotion.wording import to_sentences
from pipeline.registry.client import list_versions
from pipeline.registry.connection import opened
from pipeline.runtime.stages import PARAMS
from pipeline.steps.compare import compare, format_interval, show, summarise
from tests.contest import ROAD, SKY, register, write_contest, write_split
from tests.finished_project import tiny_model

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "120")


def test_versions_and_folders_are_compared_and_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """Mean IoU and each class with intervals, the difference, and what it shows; the registry stays as it is."""
    register(SKY)
    before = list_versions()
    comparison = compare(str(tiny_model(ROAD)), "segline/1")
    assert comparison.difference.estimate == 0.25
    show(comparison)
    output = capsys.readouterr().out
    assert "6 images, 6 groups" in output
    rows = [line.split() for line in output.splitlines()]
    interval = ["0.375", "[0.375,", "0.375]", "0.125", "[0.125,", "0.125]", "+0.250", "[+0.250,", "+0.250]"]
    assert ["mean", "IoU", *interval] in rows
    assert [row[0] for row in rows if row[-1:] == ["-0.250]"]] == ["sky"]
    assert to_sentences([summarise(comparison)])[0] in output
    assert "this test split shows a difference of mean IoU of 0.00 points with 80% power" in output
    assert "probability of improvement: about 1.000, the share of resamples" in output
    assert "were the second the champion, the first would not be promoted (superior): " in output
    assert "class sky: non-inferiority to the champion not demonstrated" in output
    assert list_versions() == before and read_ledger() == ()


def test_costs_of_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The weighted mean IoU has a row of its own, with the difference that the rule judges."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["promote"] |= {"class_costs": {"road": 3}, "class_margin": 1.0}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    show(compare(str(tiny_model(ROAD)), str(tiny_model(SKY))))
    output = capsys.readouterr().out
    rows = [line.split() for line in output.splitlines()]
    assert ["weighted", "mean", "IoU", "0.562", "0.062", "+0.500", "[+0.500,", "+0.500]"] in rows
    assert [row[-3:] for row in rows if row[:2] == ["mean", "IoU"]] == [["+0.250", "[-,", "-]"]]
    assert "weighted mean IoU 0.5625 against 0.0625" in output


def test_noise_floor_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """The reasons are those of a promotion: the noise floor is a note by default."""
    register(SKY)
    register(ROAD)
    with opened() as (_, client):
        floor = {"floor": 0.3, "mean_ious": [0.1], "params_md5": "p", "data_md5": "d"}
        client.set_registered_model_tag("segline", "noise_floor", json.dumps(floor))
    show(compare("2", "1"))
    (sentence,) = to_sentences([give_reason("within_noise_floor", noise_floor=0.3)])
    assert sentence in capsys.readouterr().out


def test_the_difference_is_the_first_minus_the_second() -> None:
    """The better model first is better, last is worse, with the p-value of that side."""
    sky, road = str(tiny_model(SKY)), str(tiny_model(ROAD))
    better, worse = summarise(compare(road, sky)), summarise(compare(sky, road))
    assert (better.code, worse.code) == ("first_is_better", "first_is_worse")
    assert better.values == worse.values and better.values["confidence"] == 0.95


def test_tie_is_no_difference(tmp_path: Path) -> None:
    """Models that are right equally often have no significant difference."""
    write_split(tmp_path / "data", [4] * 6)
    found = summarise(compare(str(tiny_model(SKY)), str(tiny_model(ROAD))))
    assert found == give_reason("no_significant_difference", confidence=0.95)


def test_too_few_groups() -> None:
    """With fewer groups than `min_units` nothing is judged."""
    PARAMS.write_text(PARAMS.read_text().replace("min_units: 5", "min_units: 7"))
    found = summarise(compare(str(tiny_model(SKY)), str(tiny_model(ROAD))))
    expected: dict[str, Any] = {"reference": "second", "num_units": 6, "min_units": 7, "unit": "group"}
    assert found == give_reason("too_few_units", **expected)


def test_same_model_twice_is_refused() -> None:
    """Two names of one model, or two versions of the same bytes, have no difference to show."""
    register(SKY)
    register(SKY)
    with pytest.raises(EvidenceError, match="1 and challenger are the same model; name two different ones"):
        compare("1", "challenger")
    with pytest.raises(RegistryError, match="segline/9: not found"):
        compare("9", "1")


def test_interval_in_print() -> None:
    """Three digits; a dash for what does not exist."""
    nan = float("nan")
    assert format_interval(Interval(0.12345, 0.1, 0.2, 6)) == "0.123 [0.100, 0.200]"
    assert format_interval(Interval(0.5, nan, nan, 2), "+") == "+0.500 [-, -]"
