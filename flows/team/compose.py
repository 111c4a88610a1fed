"""Reads docker/compose.yaml so that its services can run as processes: on loopback, on free ports, in real folders."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import StageError

HOST = "127.0.0.1"
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[?-])([^}]*))?\}")
"""`${NAME}`, `${NAME:?message}` or `${NAME:-default}`, the forms of compose that the file uses."""
FINISHED = "service_completed_successfully"


@dataclass(frozen=True)
class Service:
    """A service as a process.

    Attributes:
        name: in the file.
        command: program and arguments.
        environment: variables to add.
        check: command that ends with exit code 0 if the service is healthy; empty if there is none.
        after: services to wait for, each with the condition by its name in compose.
        folders: folders of this machine by the container's paths.
        port: that it listens on; None: none.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    check: tuple[str, ...]
    after: Mapping[str, str]
    folders: Mapping[str, Path]
    port: int | None


def list_variables(text: str) -> set[str]:
    """The variables that a compose file takes from the environment."""
    return {match[1] for match in VARIABLE.finditer(text)}


def read_services(file: Path, variables: Mapping[str, str], volumes: Path, ports: Iterator[int]) -> list[Service]:
    """The services without a profile, each after those that it needs.

    Args:
        file: compose.yaml.
        variables: values of what it takes from the environment.
        volumes: folder for its named volumes.
        ports: free ports of this machine.

    Raises:
        StageError: a variable is missing.
    """
    entries = {name: entry for name, entry in _read(file, variables).items() if "profiles" not in entry}
    listening = {name: entry["expose"][0] for name, entry in entries.items() if "expose" in entry}
    moved = {port: next(ports) for port in listening.values()}
    needs = {name: entry.get("depends_on", {}) for name, entry in entries.items()}
    services = []
    for name in TopologicalSorter(needs).static_order():
        entry = entries[name]
        folders = dict(_read_folder(volume, file.parent, volumes) for volume in entry.get("volumes", []))
        local = _Local(listening, moved, folders)
        check = entry.get("healthcheck", {}).get("test", [])
        services.append(
            Service(
                name,
                command=tuple(map(local.move, [*entry.get("entrypoint", []), *entry.get("command", [])])),
                environment={
                    key: HOST if value in listening else local.move(value)
                    for key, value in entry.get("environment", {}).items()
                },
                check=tuple(map(local.move, check[1:])),  # the first word is "CMD"
                after={other: needs[name][other]["condition"] for other in needs[name]},
                folders=folders,
                port=moved.get(listening.get(name, "")),
            )
        )
    return services


@dataclass(frozen=True)
class _Local:
    """Ports by service, new ports by the old ones, folders by the container's paths."""

    listening: Mapping[str, str]
    ports: Mapping[str, int]
    folders: Mapping[str, Path]

    def move(self, text: str) -> str:
        """A command's word or a variable's value with the hosts, ports and paths of this machine."""
        hosts = "|".join(map(re.escape, [*self.listening, "localhost"]))
        text = re.sub(rf"(?<![\w.-])(?:{hosts})(?=:\d)", HOST, text.replace("0.0.0.0", HOST))
        text = re.sub(rf"\b(?:{'|'.join(self.ports) or '(?!)'})\b", lambda match: str(self.ports[match[0]]), text)
        for path, folder in self.folders.items():
            text = str(folder).join(re.split(rf"(?<![\w/.]){re.escape(path)}(?![\w.-])", text))
        return text


def _read(file: Path, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    def value_of(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        if value := variables.get(name):
            return value
        if operator == ":-":
            return str(word)
        raise StageError(f"{file}: the variable {name} is not set; {word or 'set it'}")

    def fill(node: Any) -> Any:
        if isinstance(node, str):
            return VARIABLE.sub(value_of, node)
        if isinstance(node, list):
            return [fill(item) for item in node]
        return {key: fill(item) for key, item in node.items()} if isinstance(node, dict) else node

    services: dict[str, dict[str, Any]] = fill(parse_yaml(file.read_text())["services"])
    return services


def _read_folder(volume: str, beside: Path, volumes: Path) -> tuple[str, Path]:
    """The container's path of a volume, and the folder or file of this machine."""
    source, target = volume.split(":")[:2]
    return target, (beside / source).resolve() if source.startswith((".", "/")) else volumes / source
