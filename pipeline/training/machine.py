"""The machine: processor with its instructions, platform, and the version of every installed package."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")
NAMES = ("vendor_id", "model name")
MODEL = (*NAMES, "cpu family", "model", "CPU implementer", "CPU part", "CPU variant")
"""The lines of cpuinfo by which one processor differs from another, on x86 and on Arm."""
SYSCTL = ("sysctl", "machdep.cpu", "hw.optional")
INSTRUCTIONS = re.compile(
    r"(ssse3|sse4[._]\d|f16c|fma|avx\w*|amx_\w+|asimd\w*|fphp|sve\w*|sme[2befi]\w*|bf16|i8mm|"
    r"feat_(bf16|i8mm|fp16|dotprod|sme\w*))$"
)
"""Names of the instructions, in small letters, by which numerical libraries choose their code."""
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16", "feat_bf16"}
"""Instructions for bfloat16, on x86 and on Arm. Without them it is emulated, which takes twice as long or more."""
SETTINGS = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "NVIDIA_TF32_OVERRIDE",
    "XLA_FLAGS",
)
"""Environment variables by which the bits of a training change."""
VERSIONS = ("keras", "numpy", "tensorflow", "jax", "jaxlib")


def read_machine() -> dict[str, Any]:
    """The machine of this process, to be kept with a model."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **read_processor(),
        "num_cpus": os.cpu_count(),
        "settings": read_settings(),
        "packages": list_packages(),
    }


def kind_of_machine(num_threads: int, gpus: Sequence[str]) -> dict[str, str]:
    """The facts that the bits of a training depend on, text by name. `num_threads` is that of one operation."""
    kind = {
        "system": platform.system(),
        **read_processor(),
        "gpus": ", ".join(gpus),
        "threads": str(num_threads),
        **read_settings(),
        **{name: _version(name) for name in VERSIONS},
    }
    return {name: value for name, value in kind.items() if value}


def sums_faster_by_products() -> bool:
    """Whether the gradient of a kernel is better summed by matrix products: oneDNN on x86 without AVX-512.

    With AVX-512 that was not measured, and without oneDNN it is slower (benchmark `kernel_gradient`).
    """
    has = set(read_processor()["instructions"].split())
    is_wide = any(word.startswith("avx512") for word in has)
    return "avx2" in has and not is_wide and os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; a setting of a library may still leave them unused."""
    return bool(BFLOAT16 & set(read_processor()["instructions"].split()))


def differences(machines: Sequence[Mapping[str, str]]) -> str:
    """The differences of kinds of machines; of the instructions those that one of them lacks."""
    parts = []
    for name in dict.fromkeys(name for machine in machines for name in machine):
        values = list(dict.fromkeys(machine.get(name, "") for machine in machines))
        if len(values) > 1:
            everywhere = set.intersection(*(set(value.split()) for value in values)) if name == "instructions" else ()
            short = [" ".join(word for word in value.split() if word not in everywhere) for value in values]
            parts.append(f"{name} {', then '.join(value or 'none' for value in short)}")
    return "; ".join(parts)


def read_processor() -> dict[str, str]:
    """Name of the processor, its architecture, and the instructions by which numerical libraries choose code."""
    on_linux = CPU_INFO.exists()
    name, flags = parse_cpu_info(CPU_INFO.read_text(errors="replace")) if on_linux else parse_sysctl(_read_sysctl())
    return {
        "cpu": name or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "instructions": " ".join(sorted(word for word in flags if INSTRUCTIONS.match(word))),
    }


def parse_cpu_info(text: str) -> tuple[str, set[str]]:
    """Name and flags of the first processor that Linux describes in /proc/cpuinfo."""
    pairs = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    words = [facts[name] if name in NAMES else f"{name} {facts[name]}" for name in MODEL if facts.get(name)]
    flags = facts.get("flags", facts.get("Features", ""))
    return ", ".join(words), set(flags.lower().split())


def parse_sysctl(text: str) -> tuple[str, set[str]]:
    """Name and flags of the processor from the output of macOS's sysctl; an instruction exists if its value is 1."""
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    optional = [name.rpartition(".")[2] for name in facts if name.startswith("hw.optional") and facts[name] == "1"]
    flags = [*optional, *(word for name in facts if name.endswith("features") for word in facts[name].split())]
    return facts.get("machdep.cpu.brand_string", ""), {flag.lower() for flag in flags}


def read_settings() -> dict[str, str]:
    """The environment variables of `SETTINGS` that are set."""
    return {name: os.environ[name] for name in SETTINGS if os.environ.get(name)}


def list_packages() -> dict[str, str]:
    """Version by name of every installed package, in order of name, as `pip freeze` lists them."""
    versions = {dist.metadata["Name"]: dist.version for dist in distributions() if dist.metadata["Name"]}
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _read_sysctl() -> str:
    try:
        return subprocess.run(SYSCTL, capture_output=True, text=True, check=False, errors="replace").stdout
    except FileNotFoundError:
        return ""
