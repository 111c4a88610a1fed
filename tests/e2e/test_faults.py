"""Faults of a team's set-up: nothing is lost, and the next run is green.

Here is one fault of each way to bring one about; `python -m tests.benchmarks.faults` tries them all.
"""

from collections.abc import Iterator

import pytest

from tests.faults.place import Place, made_place
from tests.faults.table import FAULTS
from tests.faults.trial import try_fault

ONE_OF_EACH = {fault.inject: name for name, fault in reversed(FAULTS.items())}.values()
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, s3_server: str) -> Iterator[Place]:
    """A project with remotes and servers, in which a change waits to be run."""
    with made_place(tmp_path_factory.mktemp("faults"), s3_server) as place:
        yield place


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_nothing_is_lost(place: Place, name: str) -> None:
    """The run ends well, or says in one sentence why not; the next one is green; what was saved is whole, and once."""
    trial = try_fault(place, name)
    assert trial.is_survived, f"{trial.during.code}\n{trial.during.output}\n{trial.after.code}\n{trial.after.output}"
    assert trial.lost == ()
