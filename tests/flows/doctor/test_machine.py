"""Tests of flows/doctor/machine.py; the programs of NVIDIA are scripts that print what the real ones do."""

import platform
from pathlib import Path

import psutil
import pytest

from flows.doctor import machine
from flows.doctor.machine import (
    judge_processor,
    list_gpus,
    look_at_gpus,
    look_at_machine,
    look_at_tensorflow,
    read_build,
)
from pipeline.errors import StageError

H100 = "echo 'NVIDIA H100 80GB HBM3, 570.86.15, 81559 MiB'"
BROKEN = "echo 'NVIDIA-SMI has failed: Driver/library version mismatch'; exit 18"


def write_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a program `nvidia-smi` on the path, and nothing else."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_gpu_without_its_libraries_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPU and driver are named, and the command that installs the libraries."""
    write_smi(tmp_path, H100, monkeypatch)
    monkeypatch.setattr(machine, "CUDA", "no-such-package")
    first, second = look_at_gpus()
    assert first.state == "NVIDIA H100 80GB HBM3, 81559 MiB, driver 570.86.15" and not first.todo
    assert "requirements-gpu.lock" in second.todo
    monkeypatch.setattr(machine, "CUDA", "numpy")
    assert len(list(look_at_gpus())) == 1


def test_a_broken_driver_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's own words are in the message; a driver that hangs is not waited for."""
    write_smi(tmp_path, BROKEN, monkeypatch)
    with pytest.raises(StageError, match="nvidia-smi says: .*mismatch; install the driver"):
        list_gpus()
    write_smi(tmp_path, "while :; do :; done", monkeypatch)
    monkeypatch.setattr(machine, "SMI_TIMEOUT_S", 0.2)
    with pytest.raises(StageError, match="no answer"):
        list_gpus()


def test_no_gpu_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nvidia-smi training takes the processor."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = look_at_gpus()
    assert "trains on the processor" in finding.state and not finding.todo


def test_little_memory_is_to_be_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, memory and disk are shown; memory is red where the demo would not fit."""
    monkeypatch.chdir(tmp_path)
    python, memory, _ = look_at_machine()
    assert python.state == platform.python_version() and " of " in memory.state
    monkeypatch.setattr(machine, "LEAST_MEMORY", psutil.virtual_memory().total)
    assert next(one for one in look_at_machine() if one.place == "memory").todo


def test_a_processor_without_avx_does_not_run_tensorflow() -> None:
    """TensorFlow's wheels for x86-64 need AVX; others need nothing that is not always there."""
    old = judge_processor({"cpu": "old", "architecture": "x86_64", "instructions": "sse4_2"})
    assert (old.state, "AVX" in old.todo) == ("old lacks avx", True)
    new = judge_processor({"cpu": "new", "architecture": "x86_64", "instructions": "avx avx2 amx_bf16"})
    assert (new.state, new.todo) == ("new; quick instructions: avx2, amx_bf16", "")
    assert not judge_processor({"cpu": "arm", "architecture": "arm64", "instructions": ""}).todo


def test_tensorflow_says_how_it_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own record is read without importing it; if it is not installed that is said."""
    assert isinstance(read_build()["is_cuda_build"], bool)
    assert [one.todo for one in look_at_tensorflow()] == ["", ""]
    monkeypatch.setattr(machine, "_version_of", lambda _: "")
    assert [one.todo for one in look_at_tensorflow()] == ["`make install`"]
