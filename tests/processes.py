"""Processes that tests start: until when they live."""

import time
from pathlib import Path

TIMEOUT_S = 30.0


def is_alive(pid: int) -> bool:
    """False for a process that is gone or waits only to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_end(pid: int) -> None:
    """Waits until a process is gone; fails where it stays."""
    deadline = time.monotonic() + TIMEOUT_S
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.02)
