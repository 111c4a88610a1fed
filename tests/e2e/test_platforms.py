"""The lock on other platforms and Pythons: a dry run of uv, which needs the package index."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.e2e
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
PYTHONS = ("3.11", "3.12", "3.13")
FROM_SOURCE = "antlr4-python3-runtime"
"""Has no wheel on any platform: pure Python, which setuptools alone builds."""


def dry_run(folder: Path, platform: str, python: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Resolves the lock for an empty folder, from wheels that exist and whose hashes are in the lock."""
    uv = str(Path(sys.executable).with_name("uv"))
    aim = ("--dry-run", "--target", str(folder), "--python-platform", platform, "--python-version", python)
    checks = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "--requirement", "requirements.lock")
    return subprocess.run([uv, "pip", "install", *aim, *checks, *options], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_resolves_to_wheels(tmp_path: Path, platform: str, python: str) -> None:
    """Each package that the lock names for the platform has a wheel there, but for one that is pure Python."""
    done = dry_run(tmp_path / "empty", platform, python, "--no-binary", FROM_SOURCE)
    assert done.returncode == 0, done.stderr
    assert " + tensorflow==" in done.stderr


def test_a_package_without_a_wheel_shows(tmp_path: Path) -> None:
    """Without the exception the dry run names the package: so it does look at wheels."""
    done = dry_run(tmp_path / "empty", PLATFORMS[1], PYTHONS[0])
    assert done.returncode == 1 and f"{FROM_SOURCE}==4" in done.stderr and "no usable wheels" in done.stderr
