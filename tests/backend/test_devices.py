"""Devices of the Keras backend."""

from pipeline.backend.devices import describe


def test_without_a_gpu_it_says_so() -> None:
    """The log never leaves open what the training runs on."""
    assert describe([]).startswith("no GPU is visible: the CPU is used")
    assert describe(["gpu:0", "gpu:1"]) == "2 GPU(s): gpu:0, gpu:1"
