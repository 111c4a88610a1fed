"""Tests of the noise floor, and of what the registry keeps of it."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.errors import EvidenceError, RegistryError
from pipeline.promotion.noise_floor import NoiseFloor, compare_recipes, noise_floor, read_noise_floor
from pipeline.registry.connection import opened
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

STORED = {"floor": 0.01, "params_md5": "p", "data_md5": "d", "mean_ious": [0.5, 0.51], "when": "2026"}


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


def store(text: str | None) -> None:
    """Makes a version, and a tag of the model."""
    with opened() as (_, client):
        if not client.search_registered_models():
            client.create_registered_model("segline")
            client.create_model_version("segline", "segline:/test", await_creation_for=None)
        if text is not None:
            client.set_registered_model_tag("segline", "noise_floor", text)


def test_floor_is_there_or_not() -> None:
    """Nobody has to measure it; what `segline noise` stored comes back."""
    assert read_noise_floor() is None
    store(None)
    assert read_noise_floor() is None
    store(json.dumps(STORED))
    assert read_noise_floor() == NoiseFloor(0.01, "p", "d", (0.5, 0.51))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "Invalid JSON"),
        ("{}", "floor: Field required"),
        ("[]", "Input should be an object"),
        (json.dumps({**STORED, "floor": float("nan")}), "floor: Input should be a finite number"),
        (json.dumps({**STORED, "floor": -1}), "floor: Input should be greater than or equal to 0"),
        (json.dumps({**STORED, "floor": 10**400}), "floor: Input should be a finite number"),
        (json.dumps({**STORED, "mean_ious": ["inf", 0.5]}), "mean_ious.0: Input should be a valid number"),
        ("[" * 100_000, "recursion limit exceeded"),
    ],
)
def test_damaged_floor_is_refused(text: str, found: Any) -> None:
    """A floor that says nothing is no floor of 0."""
    store(text)
    with pytest.raises(RegistryError, match=f"segline: its tag noise_floor is not what .*{found}.*; run that again"):
        read_noise_floor()


def test_noise_floor() -> None:
    """By hand: three trainings with a standard deviation of a point, t(0.95, 2) = 2.92."""
    assert noise_floor([0.70, 0.71, 0.72]) == pytest.approx(2.919986 * math.sqrt(2) * 0.01, rel=1e-6)
    assert noise_floor([0.7] * 5) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("mean_ious", "message"),
    [([0.7, 0.8], "2 trainings, expected at least 3"), ([0.7, math.nan, 0.8], "expected numbers; run `segline noise`")],
)
def test_too_little_is_no_noise_floor(mean_ious: list[float], message: str) -> None:
    """Two trainings, or one that failed, tell nothing of the spread."""
    with pytest.raises(EvidenceError, match=message):
        noise_floor(mean_ious)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=9), st.lists(st.floats(0, 1), min_size=3, max_size=9))
def test_recipes_are_compared_as_welch_did(base: list[float], other: list[float]) -> None:
    """By the formula of Welch (1947) for the degrees of freedom."""
    found = compare_recipes(base, other)
    assert found.difference == pytest.approx(np.mean(other) - np.mean(base), abs=1e-12)
    assert found.is_better == (found.low > 0)
    if min(np.std(base), np.std(other)) > 1e-6:
        parts = [np.var(scores, ddof=1) / len(scores) for scores in (base, other)]
        freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(base) - 1) + parts[1] ** 2 / (len(other) - 1))
        half = math.sqrt(sum(parts)) * stats.t.ppf(0.975, freedom)
        assert (found.low, found.high) == pytest.approx((found.difference - half, found.difference + half))


def test_recipes_without_spread() -> None:
    """The difference is exact then."""
    found = compare_recipes([0.5] * 3, [0.75] * 4)
    assert (found.low, found.difference, found.high, found.is_better) == (0.25, 0.25, 0.25, True)


@pytest.mark.parametrize("few", [[0.7, 0.8], [0.7, math.nan, 0.8]])
def test_too_little_is_no_comparison_of_recipes(few: list[float]) -> None:
    """Of either recipe."""
    for pair in ((few, [0.1, 0.2, 0.3]), ([0.1, 0.2, 0.3], few)):
        with pytest.raises(EvidenceError, match="expected"):
            compare_recipes(*pair)
