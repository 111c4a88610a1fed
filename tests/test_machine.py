"""Tests of what is told of the machine."""

import json
import platform

from pipeline.machine import list_packages, read_machine


def test_machine_is_told_whole() -> None:
    """Python, platform, processor and packages are told, and fit into JSON."""
    machine = json.loads(json.dumps(read_machine()))
    assert machine["python"] == platform.python_version()
    assert machine["cpu"] and machine["platform"] and machine["num_cpus"] >= 1


def test_packages_have_versions_and_an_order() -> None:
    """Installed packages are listed with their version, without regard to case."""
    packages = list_packages()
    assert packages["mlflow"].startswith("3.")
    assert list(packages) == sorted(packages, key=str.lower)
