"""Looks at what is reached by an address: MLflow, Prefect, Dask, S3, DVC's remote; and at the clock, by a server's."""

import os
import shlex
import sqlite3
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from flows.doctor.finding import Finding
from pipeline.errors import StorageError
from pipeline.registry.client import list_versions
from pipeline.registry.connection import SQLITE, is_server, shown_uri, tracking_uri
from pipeline.retention.dvc_store import look_at_remote as find_remote
from pipeline.runtime.cluster import connected, read_address
from pipeline.secrets import without_secrets

TIMEOUT_S = 5.0
MAX_SKEW_S = 60.0
"""S3 refuses requests from clocks that differ by 15 minutes; ages and logs are wrong before."""
S3_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def look_at_remote() -> Iterator[Finding]:
    """Whether DVC has a remote, and whether it answers."""
    found = find_remote()
    if found is None:
        yield Finding("DVC's remote", "none: data and outputs are on this machine alone")
    elif found[1]:
        yield Finding("DVC's remote", f"{found[0]} answers")
    else:
        yield Finding("DVC's remote", f"{found[0]} is empty or does not exist", "`dvc push`; if that fails, make it")


def look_at_s3() -> Iterator[Finding]:
    """Whether the server answers whose address the environment names; it may refuse a request without a key."""
    if address := _find_s3():
        ask_time(address)
        yield Finding("S3", f"{without_secrets(address)} answers")


def look_at_prefect() -> Iterator[Finding]:
    """Whether the team's server answers, if one is set."""
    if address := os.environ.get("PREFECT_API_URL"):
        from flows.prefect_client import check_address  # a second to import

        check_address(address)
        yield Finding("Prefect", f"{without_secrets(address)} answers")


def look_at_dask() -> Iterator[Finding]:
    """Whether the cluster's scheduler answers, if one is set, and whether its workers could work for this project."""
    if address := read_address():
        with connected(address, TIMEOUT_S) as (client, _):
            yield Finding("Dask", f"{address}: {len(client.nthreads())} workers")


def look_at_registry() -> Iterator[Finding]:
    """Whether MLflow answers; a database in a file is only read."""
    uri = tracking_uri()
    file = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and file.exists() and (fault := _fault_of(file)):
        away = shlex.join(["mv", str(file), f"{file}.broken"])
        yield Finding("MLflow", f"{shown_uri()}: {fault}", f"restore it, or begin a new one: `{away}`")
        return
    yield Finding("MLflow", f"{shown_uri()}: {len(list_versions())} versions")


def _fault_of(file: Path) -> str:
    """Why a database cannot be MLflow's; empty if it can."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as base:
            (state,) = base.execute("PRAGMA quick_check(1)").fetchone()
            has_version = base.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as err:
        return f"is not whole ({err})"
    return "" if state == "ok" and has_version else "is not whole (its making or a write was interrupted)"


def look_at_clock() -> Iterator[Finding]:
    """How far this clock is from that of the first server that tells its time."""
    prefect, mlflow = os.environ.get("PREFECT_API_URL", ""), tracking_uri() if is_server() else ""
    for address in filter(None, (_find_s3(), mlflow, prefect)):
        try:
            time = ask_time(address)
        except StorageError:
            continue  # the look at that server says so
        if time:
            yield judge_clock((datetime.now(UTC) - time).total_seconds(), without_secrets(address))
            return


def judge_clock(skew_s: float, server: str) -> Finding:
    """Whether the clock is right; `skew_s` is positive if it is ahead of the server's."""
    if abs(skew_s) <= MAX_SKEW_S:
        return Finding("clock", f"agrees with {server} within {MAX_SKEW_S:g} s")
    where = "ahead of" if skew_s > 0 else "behind"
    todo = "set it (`timedatectl set-ntp true`), or that of the server: S3 refuses at 15 minutes"
    return Finding("clock", f"{abs(skew_s):.0f} s {where} {server}", todo)


def ask_time(address: str) -> datetime | None:
    """The time of an HTTP server by its header `Date`, whatever else it answers; None: it tells none.

    Raises:
        StorageError: there is no answer.
    """
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S, context=context) as answer:
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as answer:
        date = answer.headers.get("Date")
    except (OSError, ValueError) as err:
        reason = getattr(err, "reason", err)
        raise StorageError(
            f"{address}: no answer ({reason}); correct the address, start the server or repair the network"
        ) from err
    try:
        time = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def _find_s3() -> str:
    return next((os.environ[name] for name in S3_VARIABLES if os.environ.get(name)), "")
