"""Facts about the machine."""

import json
import platform
from pathlib import Path

import pytest

from pipeline.training.machine import (
    differences,
    kind_of_machine,
    list_packages,
    parse_cpu_info,
    parse_sysctl,
    read_machine,
    read_processor,
    read_settings,
    sums_faster_by_products,
)

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R)
flags\t\t: fpu sse4_2 smep avx2 avx512f amx_bf16

processor\t: 1
flags\t\t: other
"""
ARM = """processor\t: 0
Features\t: fp asimd aes sve bf16
CPU implementer\t: 0x41
CPU variant\t: 0x1
CPU part\t: 0xd40
"""
MAC = """machdep.cpu.brand_string: Apple M2
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.floatingpoint: 1
"""
INTEL_MAC = "machdep.cpu.brand_string: Intel(R) Core(TM) i5\nmachdep.cpu.leaf7_features: AVX2 SMEP\n"


def test_machine_is_reported_whole() -> None:
    """Python, platform, processor and packages are reported, and fit into JSON."""
    machine = json.loads(json.dumps(read_machine()))
    assert machine["python"] == platform.python_version()
    assert machine["cpu"] and machine["platform"] and machine["num_cpus"] >= 1
    assert machine["instructions"] == read_processor()["instructions"] and machine["settings"] == read_settings()


def test_packages_have_versions_and_an_order() -> None:
    """Installed packages are listed with their version, without regard to case."""
    packages = list_packages()
    assert packages["mlflow"].startswith("3.")
    assert list(packages) == sorted(packages, key=str.lower)


def test_processors_are_distinguished() -> None:
    """Linux describes x86 by name, family and flags, Arm by numbers and features; macOS has sysctl."""
    assert parse_cpu_info(X86)[0] == "GenuineIntel, Intel(R) Xeon(R), cpu family 6, model 143"
    assert parse_cpu_info(X86)[1] == {"fpu", "sse4_2", "smep", "avx2", "avx512f", "amx_bf16"}
    assert parse_cpu_info(ARM) == (
        "CPU implementer 0x41, CPU part 0xd40, CPU variant 0x1",
        {"fp", "asimd", "aes", "sve", "bf16"},
    )
    assert parse_sysctl(MAC) == ("Apple M2", {"feat_bf16", "floatingpoint"})
    assert parse_sysctl(INTEL_MAC) == ("Intel(R) Core(TM) i5", {"avx2", "smep"})
    assert parse_cpu_info("") == parse_sysctl("") == ("", set())


def test_only_instructions_for_numbers_count() -> None:
    """A flag by which no numerical library chooses its code, such as smep, is left out."""
    words = read_processor()["instructions"].split()
    assert words == sorted(words) and not {"smep", "fpu", "aes", "fp"} & set(words)
    assert {"avx", "asimd", "feat_fp16"} & set(words)


def test_kind_of_machine_knows_threads_versions_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing that bits follow from makes another kind; what is not set or installed is left out."""
    here = kind_of_machine(2, [])
    assert here == kind_of_machine(2, []) and here["tensorflow"] and "gpus" not in here
    assert kind_of_machine(4, [])["threads"] == "4" and kind_of_machine(2, ["H100"])["gpus"] == "H100"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert kind_of_machine(2, []) == here | {"TF_ENABLE_ONEDNN_OPTS": "0"}


def test_differences_are_reported_in_words() -> None:
    """Equal things are left out; of instructions only those that not all machines have."""
    one = {"cpu": "Zen", "instructions": "avx avx2 avx512f", "threads": "2"}
    other = {"cpu": "Zen", "instructions": "avx avx2", "threads": "4"}
    assert differences([one, other]) == "instructions avx512f, then none; threads 2, then 4"
    assert differences([one, one | {"gpus": "H100"}, one]) == "gpus none, then H100"
    assert differences([one]) == ""


@pytest.mark.parametrize(
    ("flags", "onednn", "expected"),
    [
        ("avx avx2 fma", "1", True),
        ("avx avx2 avx512f", "1", False),
        ("avx avx2 fma", "0", False),
        ("asimd", "1", False),
    ],
)
def test_kernel_gradients_are_summed_in_the_faster_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, onednn: str, expected: bool
) -> None:
    """By products on x86 without AVX-512, if TensorFlow uses oneDNN."""
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr("pipeline.training.machine.CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    assert sums_faster_by_products() == expected
