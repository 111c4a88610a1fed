"""MLflow's runs without a registered version: rejected models, failed registrations, measurements."""

from collections.abc import Iterator
from functools import partial

from pipeline.registry.old_runs import Run, delete_run, list_all_versions, list_runs
from pipeline.retention.place import DAY_S, Entry, remove_whole, size_of, words


def list_old_runs(days: float, now: float) -> Iterator[Entry]:
    """The runs of our experiment; those go that are ended, older than the limit and of no version.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    runs = list_runs()  # before the versions: a run that is ended by now has its version
    versions = list_all_versions()
    owners, sources = {version.run_id for version in versions}, {version.source for version in versions}
    for run in runs:
        is_needed = run.id in owners or sources.intersection(run.sources)
        num_bytes = sum(size_of(folder) for folder in run.folders if folder.exists())
        if reason := "registered versions" if is_needed else _why_kept(run, days, now):
            yield Entry(run.id, num_bytes, reason)
        else:
            yield Entry(run.id, num_bytes, f"of no version, older than {words(days)}", partial(_remove, run))


def _why_kept(run: Run, days: float, now: float) -> str:
    if run.ended is None:
        return "open"
    return f"younger than {words(days)}" if now - run.ended.timestamp() < days * DAY_S else ""


def _remove(run: Run) -> None:
    delete_run(run, remove_whole)
