"""One fault from its injection to the look for losses."""

from contextlib import chdir
from dataclasses import dataclass

from tests.faults.losses import find_losses, read_files
from tests.faults.place import Outcome, Place
from tests.faults.table import FAULTS, Fault


@dataclass(frozen=True)
class Trial:
    """What came of a fault.

    Attributes:
        fault: the kind of it.
        during: the end of the run with the fault.
        after: the end of the next run, without it.
        lost: a line for each thing that was lost or doubled.
    """

    fault: Fault
    during: Outcome
    after: Outcome
    lost: tuple[str, ...]

    @property
    def is_survived(self) -> bool:
        """True if the run ended as it has to with this fault, and the next one ended well."""
        is_expected = self.during.code == self.fault.code and self.fault.says in self.during.output
        return is_expected and self.during.is_clear and self.after.code == 0


def try_fault(place: Place, name: str) -> Trial:
    """Injects a fault into a run from the kept state, runs again and looks for losses."""
    fault = FAULTS[name]
    place.restore()
    place.words = ("--promote",) if fault.promotes else ()
    with chdir(place.project):
        files = read_files(place.project)
        during = fault.inject(place, *fault.arguments)
        after = place.tick()
        lost = find_losses(place, files) if after.code == 0 else ["the next run failed"]
    return Trial(fault, during, after, tuple(lost))
