"""What the machine has: Python, platform, processor and every installed package with its version."""

import os
import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")


def read_machine() -> dict[str, Any]:
    """What this process runs on, to be kept beside a model."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _read_cpu(),
        "num_cpus": os.cpu_count(),
        "packages": list_packages(),
    }


def list_packages() -> dict[str, str]:
    """Version by name of every installed package, in order of name, as `pip freeze` tells it."""
    found = {dist.metadata["Name"]: dist.version for dist in distributions() if dist.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _read_cpu() -> str:
    """The processor's model; `platform.processor` is empty on most Linux systems."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
