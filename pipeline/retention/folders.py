"""Folders of this machine that are filled again: checkpoints, logs, seeds, reproductions, downloads."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from pipeline.importers.folder import DOWNLOADS
from pipeline.monitoring.journal import LOGS
from pipeline.promotion.noise_floor import NOISE
from pipeline.registry.model_cache import CACHE, MD5, MODEL_TAG
from pipeline.registry.old_runs import list_all_versions
from pipeline.reproduction.rebuild import PLACE as REPRODUCTIONS
from pipeline.retention.place import DAY_S, Entry, changed_at, remove_whole, size_of, words
from pipeline.training.checkpoints import CHECKPOINTS
from pipeline.trials.project import CROSSVAL, TUNE
from pipeline.validation.scan_notes import SCANS


def list_checkpoints(checkouts: Iterable[Path], days: float, now: float) -> Iterator[Entry]:
    """Folders of the checkpoints of stopped trainings; a folder is as old as its newest file."""
    return _by_age((path for at in checkouts for path in (at / CHECKPOINTS).glob("*train-*")), days, now)


def list_scans(checkouts: Iterable[Path], days: float, now: float) -> Iterator[Entry]:
    """Notes of scans of the data set, a file for each version of the code; the next scan makes them again."""
    return _by_age((path for at in checkouts for path in (at / SCANS).glob("*.notes")), days, now)


def list_logs(checkouts: Iterable[Path], days: float, now: float) -> Iterator[Entry]:
    """Logs of trainings for TensorBoard."""
    return _by_age((path for at in checkouts for path in (at / LOGS).glob("*")), days, now)


def list_seeds(days: float, now: float) -> Iterator[Entry]:
    """Measurements of the noise floor; the floor itself is in the registry."""
    return _by_age(NOISE.glob("*"), days, now)


def list_studies(days: float, now: float) -> Iterator[Entry]:
    """Studies of `segline tune` with their trials, and cross-validations with their folds."""
    return _by_age((*TUNE.glob("*"), *CROSSVAL.glob("*")), days, now)


def list_reproductions(days: float, now: float) -> Iterator[Entry]:
    """Versions that `segline reproduce` made again."""
    return _by_age(REPRODUCTIONS.glob("*"), days, now)


def list_downloads(days: float, now: float) -> Iterator[Entry]:
    """Mirrors of object stores from which data were imported; the next import downloads them again."""
    return _by_age(DOWNLOADS.glob("*"), days, now)


def list_models(days: float, now: float) -> Iterator[Entry]:
    """Downloaded models; that of an alias stays.

    Raises:
        RegistryError: MLflow cannot be reached, so it is not known which models an alias names.
    """
    folders = [path for path in sorted(CACHE.glob("*")) if MD5.fullmatch(path.name)]
    if not folders:
        return
    aliases = {
        version.tags.get(MODEL_TAG, "").removesuffix(".dir"): f"{version}@{version.aliases[0]}"
        for version in list_all_versions()
        if version.aliases
    }
    yield from (Entry(str(path), size_of(path), aliases[path.name]) for path in folders if path.name in aliases)
    yield from _by_age((path for path in folders if path.name not in aliases), days, now)


def _by_age(paths: Iterable[Path], days: float, now: float) -> Iterator[Entry]:
    for path in sorted(paths):
        if now - changed_at(path) < days * DAY_S:
            yield Entry(str(path), size_of(path), f"younger than {words(days)}")
        else:
            yield Entry(str(path), size_of(path), f"older than {words(days)}", partial(remove_whole, path))
