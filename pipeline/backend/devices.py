"""The devices of the Keras backend that is in use."""

import contextlib
import os
import platform
from collections.abc import Mapping
from typing import Any

import keras


def set_up_devices(num_threads: int) -> list[str]:
    """Pins thread counts, switches to deterministic operations and finds the GPUs; before any other use of Keras.

    Args:
        num_threads: threads of one operation on the CPU; JAX ignores it and takes all cores.

    Returns:
        The names of the visible GPUs; empty: the CPU is used.
    """
    if keras.backend.backend() == "tensorflow":
        from pipeline.backend.tf import set_up_devices as set_up

        return set_up(num_threads)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX: GPU memory grows as needed
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def num_threads_in_use(num_threads: int) -> int:
    """Threads of one operation on the CPU after `set_up_devices(num_threads)`; JAX takes all cores."""
    return num_threads if keras.backend.backend() == "tensorflow" else os.cpu_count() or 1


def replicate(num_gpus: int) -> contextlib.AbstractContextManager[Any]:
    """The scope for a model that every GPU trains, each on its part of the batch."""
    if keras.backend.backend() == "tensorflow":
        from pipeline.backend.tf import replicate as replicate_tensorflow

        return replicate_tensorflow(num_gpus)
    return keras.distribution.DataParallel().scope() if num_gpus > 1 else contextlib.nullcontext()


def share_out(trainer: keras.Model, batch: Mapping[str, Any]) -> Any:
    """Gives each device that trains its part of a batch of arrays (N, ...); JAX does so by itself."""
    if keras.backend.backend() == "tensorflow":
        from pipeline.backend.tf import share_out as share_out_tensorflow

        return share_out_tensorflow(trainer, batch)
    return batch


def count_copies(trainer: Any) -> int:
    """Copies of the variables whose gradients are added up: one for each GPU on TensorFlow, one in all on JAX."""
    return trainer.distribute_strategy.num_replicas_in_sync if keras.backend.backend() == "tensorflow" else 1


def describe(gpus: list[str]) -> str:
    """The devices in words, for the log."""
    if gpus:
        return f"{len(gpus)} GPU(s): {', '.join(gpus)}"
    return f"no GPU is visible: the CPU is used ({platform.machine()}, {os.cpu_count()} cores)"
