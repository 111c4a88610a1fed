"""Tests of writing while others write."""

import pytest

from pipeline.errors import RegistryError
from pipeline.registry import contention
from pipeline.registry.contention import write_patiently


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "MAX_PAUSE_S", 0.001)


def test_write_is_repeated_until_it_is_taken() -> None:
    """What fails for a moment is done in the end, and once."""
    failures = [RegistryError("taken"), RegistryError("locked")]

    def write() -> None:
        if failures:
            raise failures.pop()
        done.append(1)

    done: list[int] = []
    write_patiently("it", write)
    assert done == [1]


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never works ends, with what was last wrong."""
    monkeypatch.setattr(contention, "PATIENCE_S", 0.1)

    def write() -> None:
        raise RegistryError("out of order")

    with pytest.raises(RegistryError, match=r"the line was not written within 0.1 s: out of order"):
        write_patiently("the line", write)
