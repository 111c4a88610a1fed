"""The demo, made small, under the three settings of the machine that differ most; the benchmark `machines` has all."""

from pathlib import Path

import pytest

from tests.benchmarks.machines import SETTINGS, Setting, run_demo

pytestmark = pytest.mark.e2e
MOST_DIFFERENT = ("as params.yaml has it", "no oneDNN, float32", "AVX2, float32")
"""The fastest kernels, none of oneDNN's, and those of a processor without AVX-512 and bf16."""


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if setting.name in MOST_DIFFERENT], ids=str)
def test_the_demo_ends_with_a_champion(tmp_path: Path, setting: Setting) -> None:
    """Import, stages, registration and promotion succeed, and SavedModel and Keras model agree to 1e-3."""
    outcome = run_demo(setting, tmp_path / "clone")
    assert not outcome.reasons, outcome.reasons[0]


def test_the_settings_that_differ_most_are_there() -> None:
    """Each name is that of a setting."""
    assert set(MOST_DIFFERENT) <= {setting.name for setting in SETTINGS}
