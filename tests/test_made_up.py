"""Every reader gives a value or an error of ours for files that nobody wrote: 10,000 of them under `-m e2e`."""

import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.made_up import READERS, Reader, mutated, outcome_of

FEW, MANY = 12, 10_000 // len(READERS) + 1
MAX_SECONDS = 2.0
NAMES = [reader.file for reader in READERS]


@pytest.mark.parametrize("reader", READERS, ids=NAMES)
def test_each_reader_takes_a_file_as_it_should_be(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is mutated below is valid before."""
    monkeypatch.chdir(tmp_path)
    assert "Error" not in outcome_of(reader, tmp_path, reader.valid.encode())


@pytest.mark.parametrize("num_examples", [FEW, pytest.param(MANY, marks=pytest.mark.e2e)])
@pytest.mark.parametrize("reader", READERS, ids=NAMES)
def test_made_up_files_give_a_value_or_an_error_of_ours(
    reader: Reader, num_examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is raised, nothing takes long, and a refusal has short, printable lines and names the file."""
    monkeypatch.chdir(tmp_path)

    @settings(max_examples=num_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64 - 1) if num_examples == MANY else st.integers(0, 2**16 - 1))
    def holds(seed: int) -> None:
        content = mutated(Random(seed), reader)
        started = time.process_time()
        outcome = outcome_of(reader, tmp_path, content)
        assert time.process_time() - started < MAX_SECONDS
        if "Error: " in outcome:
            assert Path(reader.file).name in outcome and max(map(len, outcome.splitlines())) < 1000
            assert outcome.replace("\n", "").isprintable(), ascii(outcome[:500])

    holds()


@settings(max_examples=FEW, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.text().map(str.encode))
@pytest.mark.parametrize("reader", READERS, ids=NAMES)
def test_arbitrary_bytes_give_a_value_or_an_error_of_ours(
    reader: Reader, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what resembles no file at all."""
    monkeypatch.chdir(tmp_path)
    assert outcome_of(reader, tmp_path, content)
