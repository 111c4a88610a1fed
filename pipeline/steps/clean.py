"""Removes what nothing needs any more: old checkpoints, downloads, logs, seeds, runs, and versions in DVC's cache."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.retention.checkouts import idle, list_checkouts, list_held
from pipeline.retention.dvc_cache import list_objects
from pipeline.retention.folders import (
    list_checkpoints,
    list_downloads,
    list_logs,
    list_models,
    list_reproductions,
    list_scans,
    list_seeds,
    list_studies,
)
from pipeline.retention.limits import Limits, read_limits
from pipeline.retention.place import Entry, Place, clear, look_at
from pipeline.retention.runs import list_old_runs
from pipeline.text import shown

NUM_NAMED = 2


@dataclass(frozen=True)
class Cleaning:
    """What `segline clean` found.

    Attributes:
        places: with what goes and what stays.
        is_done: False for a dry run, which removes nothing.
        is_refused: a run is under way, so that nothing can be removed now.
    """

    places: tuple[Place, ...]
    is_done: bool
    is_refused: bool = False

    @property
    def num_bytes(self) -> int:
        """Bytes that were removed, or would be."""
        return sum(entry.num_bytes for place in self.places for entry in place.removals)


def clean(yes: bool) -> Cleaning:
    """See `segline.clean`."""
    limits = read_limits()
    if not yes:
        is_refused = any(map(list_held, list_checkouts()))
        return Cleaning(tuple(survey(limits)), is_done=False, is_refused=is_refused)
    with idle(*list_checkouts()):
        places = list(survey(limits))  # the needed set is whole before anything is removed
        return Cleaning(tuple(map(clear, places)), is_done=True)


def survey(limits: Limits) -> Iterator[Place]:
    """Each place with what goes and what stays."""
    now, at = time.time(), list_checkouts()
    yield look_at("checkpoints", lambda: list_checkpoints(at, limits.checkpoints_days, now))
    yield look_at("notes of scans", lambda: list_scans(at, limits.checkpoints_days, now))
    yield look_at("downloaded models", lambda: list_models(limits.models_days, now))
    yield look_at("downloads from S3", lambda: list_downloads(limits.models_days, now))
    yield look_at("TensorBoard", lambda: list_logs(at, limits.tensorboard_days, now))
    yield look_at("noise seeds", lambda: list_seeds(limits.noise_days, now))
    yield look_at("searches and folds", lambda: list_studies(limits.noise_days, now))
    yield look_at("reproductions", lambda: list_reproductions(limits.reproductions_days, now))
    yield look_at("MLflow runs", lambda: list_old_runs(limits.runs_days, now))
    yield look_at("DVC's cache", lambda: list_objects(at, limits.dvc_cache_days, now))


def show(cleaning: Cleaning) -> None:
    """Prints what goes and what stays, and of both why; ends with exit code 1 if a place could not be judged."""
    Console().print(build_table(cleaning))
    size = f"{cleaning.num_bytes / 1e6:,.1f} MB"
    when = ", after the run that is under way" if cleaning.is_refused else ""
    print(f"removed {size}" if cleaning.is_done else f"would remove {size}; `segline clean --yes` does{when}")
    problems = [f"{place.name}: {place.problem}" for place in cleaning.places if place.problem]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(1)


def build_table(cleaning: Cleaning) -> Table:
    """A row for all entries of a place that go, or stay, for one reason."""
    table = Table("place", "", "MB", "what", "why", box=None)
    table.columns[2].justify = "right"
    for place in cleaning.places:
        for (stays, reason), entries in _by_reason(place.entries):
            verb = "stays" if stays else "removed" if cleaning.is_done else "goes"
            size = f"{sum(entry.num_bytes for entry in entries) / 1e6:,.1f}"
            table.add_row(*map(Text, (place.name, verb, size, _name(entries), shown(reason))))
    return table


def _by_reason(entries: Iterable[Entry]) -> Iterator[tuple[tuple[bool, str], list[Entry]]]:
    def key(entry: Entry) -> tuple[bool, str]:
        return (entry.remove is None, entry.reason)

    return ((reason, list(group)) for reason, group in groupby(sorted(entries, key=key), key))


def _name(entries: list[Entry]) -> str:
    """The entries themselves if they are few, else their number."""
    names = ", ".join(shown(entry.what) for entry in entries)
    return names if len(entries) <= NUM_NAMED else str(len(entries))
