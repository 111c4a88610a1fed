"""Writes to MLflow while others write: it looks first and inserts then, so of two at once one may fail for no fault."""

import random
import time
from collections.abc import Callable

from pipeline.errors import RegistryError

PATIENCE_S = 30.0
MAX_PAUSE_S = 1.0


def write_patiently(what: str, write: Callable[[], None]) -> None:
    """Repeats a write, which may be done twice, until MLflow takes it; after random pauses, which part rivals.

    Args:
        what: is written, for the message.
        write: raises RegistryError where it fails.

    Raises:
        RegistryError: MLflow did not take it within `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except RegistryError as err:
            if time.monotonic() > deadline:
                raise RegistryError(f"{what} was not written within {PATIENCE_S:g} s: {err}") from err
            time.sleep(random.uniform(0, MAX_PAUSE_S))
