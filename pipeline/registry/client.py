"""Registered models, their versions, aliases and tags: with `runs.py` the only door to MLflow.

SEGLINE_MODEL_NAME names the registered model; the default is "segline".
"""

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipeline.errors import RegistryError
from pipeline.registry.connection import find_file, opened, shown_uri, tracking_uri
from pipeline.text import shown

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"
NUMBER = r"[0-9]{1,10}"
PATIENCE_S = 30.0
MAX_PAUSE_S = 1.0
Written = TypeVar("Written")


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        number: 1, 2, ...
        run_id: the MLflow run that holds its record.
        aliases: sorted.
        tags: from its registration and from later decisions.
        created: time of its registration; None: MLflow does not know.
        source: MLflow's address of its files.
    """

    name: str
    number: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created: datetime | None
    source: str = ""

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


@dataclass(frozen=True)
class Model:
    """A registered model.

    Attributes:
        tags: of the model itself, not of a version.
        versions: oldest first.
    """

    tags: Mapping[str, str]
    versions: tuple[Version, ...]

    @property
    def number_by_alias(self) -> dict[str, int]:
        """The number of the version that each alias points to."""
        return {alias: version.number for version in self.versions for alias in version.aliases}


def model_name() -> str:
    """Name of the registered model.

    Raises:
        RegistryError: MLflow does not accept the name.
    """
    name = os.environ.get("SEGLINE_MODEL_NAME") or "segline"
    if not re.fullmatch(r"[\w. -]+", name):
        raise RegistryError(f"SEGLINE_MODEL_NAME is {name!r}; expected letters, digits, spaces and . _ - only")
    return name


def check_registry() -> None:
    """Sends one request, to fail before long work if the registry is missing.

    Raises:
        RegistryError: MLflow cannot be reached, or its database cannot be used.
    """
    with opened() as (_, client):
        client.search_registered_models(max_results=1)


def read_model(name: str = "") -> Model:
    """A registered model (ours by default) with all its versions; an empty one if it does not exist.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    name = name or model_name()
    file = find_file(tracking_uri())
    if file and not file.exists():  # reading must not make one
        return Model({}, ())
    with opened() as (mlflow, client):
        models = client.search_registered_models(f"name = '{name}'")
        if not models:
            return Model({}, ())
        rows = mlflow.search_model_versions(filter_string=f"name = '{name}'")
    versions = sorted((to_version(row, models[0].aliases) for row in rows), key=lambda version: version.number)
    return Model(_to_tags(models[0].tags), tuple(versions))


def list_versions(name: str = "") -> list[Version]:
    """Every version of a registered model (ours by default), oldest first.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    return list(read_model(name).versions)


def find_alias(alias: str) -> Version | None:
    """The version of our model that an alias points to, if any."""
    return next((version for version in list_versions() if alias in version.aliases), None)


def find_version(text: str) -> Version:
    """The version that a person names, see `parse_reference`.

    Raises:
        RegistryError: it does not exist; the message lists the versions that do.
    """
    name, key = parse_reference(text)
    versions = list_versions(name)
    for version in versions:
        if key in (version.number, *version.aliases):
            return version
    known = ", ".join(f"{v}{''.join(f' @{alias}' for alias in v.aliases)}" for v in versions) or "none"
    wanted = f"{name}{'/' if isinstance(key, int) else '@'}{key}"
    raise RegistryError(f"{wanted}: not found in MLflow at {shown_uri()}; registered of {name}: {known}")


def parse_reference(text: str) -> tuple[str, int | str]:
    """Reads `NAME@ALIAS`, `NAME/NUMBER`, `@ALIAS`, `ALIAS` or `NUMBER`, each with or without `models:/` before it.

    Returns:
        Name of the registered model, ours by default; and a version's number or an alias.

    Raises:
        RegistryError: the text has none of these forms.
    """
    body = text.removeprefix("models:/")
    if match := re.fullmatch(r"(?:(?P<name>[\w. -]+)?@)?(?P<alias>[A-Za-z_][\w-]*)", body):
        return match["name"] or model_name(), match["alias"]
    if match := re.fullmatch(rf"(?:(?P<name>[\w. -]+)/)?(?P<number>{NUMBER})", body):
        return match["name"] or model_name(), int(match["number"])
    raise RegistryError(
        f"{text}: no such folder, and not a name of a registered model; expected a model's folder, "
        "NAME@ALIAS, NAME/VERSION, or @ALIAS such as @champion"
    )


def create_entry(name: str, source: str, tags: Mapping[str, str], description: str, about: str) -> None:
    """Adds a version without files to a registered model; `about` describes the model if it has to be made."""
    with opened() as (_, client):
        ensure_model(client, name, about)
        client.create_model_version(name, source, tags=dict(tags), description=description, await_creation_for=None)


def delete_version(version: Version) -> None:
    """Deletes a version; MLflow never gives its number to another."""
    with opened() as (_, client):
        client.delete_model_version(version.name, str(version.number))


def set_alias(alias: str, version: Version) -> None:
    """Points an alias to a version; an alias points to one version only."""
    with opened() as (_, client):
        client.set_registered_model_alias(version.name, alias, str(version.number))


def set_tags(version: Version, tags: Mapping[str, str]) -> None:
    """Adds tags to a version."""
    with opened() as (_, client):
        for name, value in tags.items():
            client.set_model_version_tag(version.name, str(version.number), name, value)


def write_model(name: str, tags: Mapping[str, str], aliases: Mapping[str, int] | None = None) -> None:
    """Makes a registered model if it is missing, moves aliases to versions by number, then adds tags to the model."""
    with opened() as (_, client):
        ensure_model(client, name)
        for alias, number in (aliases or {}).items():
            client.set_registered_model_alias(name, alias, str(number))
        for tag, value in tags.items():
            client.set_registered_model_tag(name, tag, value)


def write_patiently(what: str, write: Callable[[], Written]) -> Written:
    """Repeats a write until MLflow accepts it.

    MLflow checks, then inserts; concurrent writers collide. The pauses are random, so that they part.

    Args:
        what: is written, for the message.
        write: raises RegistryError if it fails; doing it twice must do no harm.

    Raises:
        RegistryError: MLflow did not accept it within `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except RegistryError as err:
            if time.monotonic() > deadline:
                raise RegistryError(f"{what} was not written within {PATIENCE_S:g} s: {err}") from err
            time.sleep(random.uniform(0, MAX_PAUSE_S))


def ensure_model(client: Any, name: str, description: str | None = None) -> None:
    """Makes a registered model if it is missing; `client` is MLflow's own."""
    if not client.search_registered_models(f"name = '{name}'"):
        with suppress(Exception):  # another process may make it meanwhile; the next call repeats any other error
            client.create_registered_model(name, description=description)


def to_version(row: Any, aliases: Mapping[str, Any]) -> Version:
    """A version from MLflow's own class and from the numbers that the model's aliases point to.

    Raises:
        RegistryError: the version has no number.
    """
    text = str(row.version)
    if not re.fullmatch(NUMBER, text):
        raise RegistryError(f"{row.name}: MLflow has a version {shown(text)!r}, expected a number; delete it")
    own = tuple(sorted(str(alias) for alias, target in aliases.items() if str(target) == str(int(text))))
    created = _to_time(row.creation_timestamp)
    return Version(row.name, int(text), str(row.run_id or ""), own, _to_tags(row.tags), created, str(row.source))


def _to_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in tags.items() if value is not None}


def _to_time(stamp_ms: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp_ms / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
