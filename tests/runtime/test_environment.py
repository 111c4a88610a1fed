"""Tests of pipeline/runtime/environment.py."""

import os
import subprocess
import sys

import pytest

from pipeline.runtime.environment import set_defaults


def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A default is taken only where a user has said nothing."""
    monkeypatch.setenv("SEGLINE_TEST_SET", "mine")
    monkeypatch.delenv("SEGLINE_TEST_UNSET", raising=False)
    set_defaults({"SEGLINE_TEST_SET": "default", "SEGLINE_TEST_UNSET": "default"})
    assert (os.environ["SEGLINE_TEST_SET"], os.environ.pop("SEGLINE_TEST_UNSET")) == ("mine", "default")


@pytest.mark.parametrize("package", ["pipeline.steps", "flows.server"])
def test_a_program_starts_without_telemetry(package: str) -> None:
    """Importing any program switches every library's telemetry off before the library is loaded."""
    names = ("DO_NOT_TRACK", "DVC_NO_ANALYTICS", "GX_ANALYTICS_ENABLED", "MLFLOW_DISABLE_TELEMETRY")
    call = "; from flows.server import set_environment; set_environment()" if package == "flows.server" else ""
    code = f"import os, {package}{call}; print(*(os.environ.get(name) for name in {names}))"
    clean = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["true", "1", "false", "true"]


@pytest.mark.parametrize(("machine", "expected"), [("x86_64", "1"), ("AMD64", "1"), ("aarch64", "None")])
def test_onednn_is_used_on_every_x86_processor(machine: str, expected: str) -> None:
    """TensorFlow alone leaves it off on processors with AVX2 only; what a user has set stays."""
    code = (
        f"import os, platform; platform.machine = lambda: {machine!r}; import pipeline.steps; "
        "print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    clean = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    for environment, said in ((clean, expected), (clean | {"TF_ENABLE_ONEDNN_OPTS": "0"}, "0")):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [said]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("code", "message"), [("import pipeline.steps.train", ""), ("import tensorflow", "absl::InitializeLog")]
)
def test_tensorflow_is_loaded_without_its_chatter(code: str, message: str) -> None:
    """A step's import of TensorFlow prints nothing; without ours, it does."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert message in done.stderr and bool(message) == bool(done.stderr)


def test_warnings_and_last_words_are_kept() -> None:
    """Other messages reach stderr, also those of a process that dies in the block."""
    code = (
        "import os; from pipeline.runtime.environment import chatter_dropped\n"
        "with chatter_dropped():\n"
        "    os.write(2, b'I0000 00:00 port.cc:153] on\\nW0000 00:00 a.cc:1] real\\nF0000 00:00 b.cc:2] no AVX\\n')\n"
        "    os.abort()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "W0000 00:00 a.cc:1] real\nF0000 00:00 b.cc:2] no AVX\n"


def test_a_closed_stderr_is_no_obstacle() -> None:
    """A service may start programs without one."""
    code = "import os; from pipeline.runtime.environment import chatter_dropped\nwith chatter_dropped(): print('done')"
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code], capture_output=True)
    assert done.stdout == b"done\n"
