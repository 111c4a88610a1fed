"""Looks at the machine: memory, disk, GPUs, and the processor that TensorFlow needs."""

import ast
import csv
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from flows.doctor.finding import Finding
from flows.start import check_disk
from pipeline.errors import SeglineError, StageError
from pipeline.training.machine import read_processor

SMI = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
SMI_TIMEOUT_S = 10
LEAST_MEMORY = 2e9
"""Bytes of memory with which the demo trains; TensorFlow alone takes a third of it."""
CUDA = "nvidia-cudnn-cu12"
"""One of the libraries that requirements-gpu.lock adds."""
BUILD_INFO = "python/platform/build_info.py"
NEEDED = {"x86_64": "avx"}
"""Instruction without which TensorFlow ends at its import, by the processor's architecture."""
QUICK = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16", "asimd")


def look_at_machine() -> Iterator[Finding]:
    """The version of Python, and room in memory and on the disk for a run."""
    yield Finding("Python", platform.python_version())
    memory = psutil.virtual_memory()
    state = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"
    todo = "close other programs: a training of the demo takes some 2 GB" if memory.available < LEAST_MEMORY else ""
    yield Finding("memory", state, todo)
    free = f"{shutil.disk_usage('.').free / 1e9:.1f} GB free"
    try:
        check_disk()
        yield Finding("disk", free)
    except SeglineError as err:
        yield Finding("disk", free, str(err))


def look_at_gpus() -> Iterator[Finding]:
    """NVIDIA's GPUs and driver, and whether the libraries are there by which TensorFlow uses them."""
    gpus = list_gpus()
    for name, driver, memory in gpus:
        yield Finding("GPU", f"{name}, {memory}, driver {driver}")
    if not gpus:
        yield Finding("GPU", "none of NVIDIA: nvidia-smi is not installed or names none; trains on the processor")
    elif not _version_of(CUDA):
        todo = "`uv pip install --require-hashes --requirement requirements-gpu.lock`, else it trains on the processor"
        yield Finding("GPU", "its libraries are not installed", todo)


def list_gpus() -> list[tuple[str, str, str]]:
    """Name, driver's version and memory of each GPU of NVIDIA.

    Raises:
        StageError: the driver does not answer.
    """
    try:
        done = subprocess.run(SMI, capture_output=True, text=True, timeout=SMI_TIMEOUT_S, errors="replace")
    except FileNotFoundError:
        return []
    except subprocess.TimeoutExpired as err:
        raise StageError(f"nvidia-smi gives no answer within {SMI_TIMEOUT_S} s; restart the machine") from err
    if done.returncode:
        reason = " ".join((done.stdout + done.stderr).split())
        raise StageError(f"nvidia-smi says: {reason}; install the driver that fits the kernel, or restart the machine")
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def look_at_tensorflow() -> Iterator[Finding]:
    """TensorFlow's version and build, and whether the processor has the instructions that it needs."""
    if not (number := _version_of("tensorflow")):
        yield Finding("TensorFlow", "is not installed", "`make install`")
        return
    build = read_build()
    kind = f"built for CUDA {build.get('cuda_version', '')}" if build.get("is_cuda_build") else "built without CUDA"
    yield Finding("TensorFlow", f"{number}, {kind}")
    yield judge_processor(read_processor())


def read_build() -> Mapping[str, Any]:
    """What TensorFlow says of its build, without importing it, which takes seconds; empty if it says nothing."""
    spec = importlib.util.find_spec("tensorflow")
    file = Path(spec.origin).parent / BUILD_INFO if spec and spec.origin else None
    if not file or not file.exists():
        return {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:  # build_info = OrderedDict([(name, value), ...])
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args:
            return dict(ast.literal_eval(node.value.args[0]))
    return {}


def judge_processor(processor: Mapping[str, str]) -> Finding:
    """Whether TensorFlow runs on a processor, and which of the quick instructions it has."""
    instructions = processor["instructions"].split()
    needed = NEEDED.get(processor["architecture"])
    if needed and needed not in instructions:
        todo = f"use a processor with {needed.upper()}: without, TensorFlow ends at its import (illegal instruction)"
        return Finding("processor", f"{processor['cpu']} lacks {needed}", todo)
    quick = ", ".join(name for name in QUICK if name in instructions) or "none that is known"
    return Finding("processor", f"{processor['cpu']}; quick instructions: {quick}")


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
