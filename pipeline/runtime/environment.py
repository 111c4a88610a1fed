"""The environment of all programs of segline: telemetry is off, start-up messages are dropped."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

QUIET = {
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1"}
X86 = ("x86_64", "amd64")
CHATTER = r"/^I[0-9][0-9][0-9][0-9] /d; /^WARNING: All log messages before absl::InitializeLog/d"
"""For `sed`: messages of TensorFlow's libraries while they are loaded, before they read their log level."""
STDERR = 2


def set_defaults(values: Mapping[str, str]) -> None:
    """Sets environment variables; one that is set already stays."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def prepare_tensorflow() -> None:
    """Before TensorFlow's first import: switches its faster kernels on, and drops its messages.

    By itself TensorFlow uses oneDNN only on x86 processors with AVX-512 or AMX, although it is faster on those with
    AVX2, too. What the user has set stays.
    """
    if platform.machine().lower() in X86:
        set_defaults(ONEDNN)
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == QUIET["TF_CPP_MIN_LOG_LEVEL"]:
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(MetaPathFinder):
    """Finds TensorFlow once, as Python does, and loads it without its messages."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            load = spec.loader.exec_module

            def quietly(module: ModuleType) -> None:
                with chatter_dropped():
                    load(module)

            spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def chatter_dropped() -> Iterator[None]:
    """Leaves `CHATTER` out of the block's stderr; a message of a crash still arrives."""
    sed = shutil.which("sed")
    try:
        kept = os.dup(STDERR)
    except OSError:
        sed = None  # stderr is closed
    if sed is None:
        yield
        return
    with subprocess.Popen([sed, CHATTER], stdin=subprocess.PIPE, stdout=kept) as drain:
        assert drain.stdin
        os.dup2(drain.stdin.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
