"""The demo, made small, by hand under settings of the machine that give other bits.

With two threads and the fastest kernels it is run in `test_whole.py`, and by the flow under each other Python; the
benchmark `machines` has all nine settings by the flow, in a quarter of an hour.
"""

from pathlib import Path

import pytest

from pipeline.training.machine import read_processor
from tests.benchmarks.machines import SETTINGS, Setting, pack_demo, run_by_hand

pytestmark = [pytest.mark.e2e, pytest.mark.long]
OTHERS = ("no oneDNN, float32", "AVX2, float32", "4 threads")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the demo's data are packed."""
    folder = tmp_path_factory.mktemp("packed") / "clone"
    pack_demo(folder)
    return folder


@pytest.mark.parametrize(
    "setting", [setting for setting in SETTINGS if setting.name in OTHERS], ids=lambda one: one.name
)
def test_the_demo_ends_with_a_champion(packed: Path, tmp_path: Path, setting: Setting) -> None:
    """Stages, registration and promotion succeed, and SavedModel and Keras model agree to 1e-3."""
    if setting.name.startswith("AVX2") and "avx512" not in read_processor()["instructions"]:
        pytest.skip("this processor has no more than AVX2, so the setting is what test_whole.py runs with")
    outcome = run_by_hand(setting, packed, tmp_path / "clone")
    assert not outcome.reasons, outcome.reasons[0]


def test_every_name_is_that_of_a_setting() -> None:
    """None is left out for a wrong name."""
    assert set(OTHERS) <= {setting.name for setting in SETTINGS}
