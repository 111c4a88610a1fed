"""What all tests share: quiet libraries, and projects in folders of their own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import hypothesis
import pytest

from pipeline.environment import QUIET, set_defaults

ROOT = Path(__file__).parents[1]
SETTINGS = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "params.yaml")
GIT = {f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
E2E_TIMEOUT_S = 600
PLACES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "PREFECT_API_URL",
    "PREFECT_HOME",
    "SEGLINE_ACTOR",
    "SEGLINE_EXPERIMENT",
    "SEGLINE_MODEL_NAME",
)

set_defaults(QUIET | GIT)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, as would its children
hypothesis.settings.register_profile(
    "noisy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("noisy machine")
for name in PLACES:
    os.environ.pop(name, None)  # a test writes to no registry and no server of the one who runs it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An end-to-end test that names no time limit of its own has ten minutes."""
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(E2E_TIMEOUT_S))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without stages and data, as the current directory: the repository's settings under git."""
    folder = tmp_path / "project"
    for name in SETTINGS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.chdir(folder)
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    return folder
