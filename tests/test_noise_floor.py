"""Tests of the noise floor that the registry keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import RegistryError
from pipeline.noise_floor import NoiseFloor, read_noise_floor
from pipeline.registry import opened
from tests.finished_project import use_registry

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
        ("{", "JSONDecodeError"),
        ("{}", "KeyError: 'floor'"),
        ("[]", "TypeError"),
        (json.dumps({**STORED, "floor": float("nan")}), "ValueError: floor is nan, expected a number from 0"),
        (json.dumps({**STORED, "floor": -1}), "ValueError: floor is -1.0"),
    ],
)
def test_damaged_floor_is_refused(text: str, found: Any) -> None:
    """A floor that says nothing is no floor of 0."""
    store(text)
    with pytest.raises(RegistryError, match=f"segline: its tag noise_floor is not what .*{found}.*; run that again"):
        read_noise_floor()
