"""Tests of flows/team/compose.py, with the file that the product has, and tests of that file."""

import re
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flows.team.compose import Service, list_variables, read_services
from pipeline.disk.yaml_text import parse_yaml, to_yaml
from pipeline.errors import StageError
from tests.conftest import ROOT

DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
VALUES = {name: f"the-{name.lower()}" for name in list_variables(COMPOSE.read_text())} | {"SEGLINE_PROJECT": "/home/me"}
FIRST_PORT = 50000


def read(folder: Path) -> dict[str, Service]:
    """The services of the file, on ports from 50000."""
    return {service.name: service for service in read_services(COMPOSE, VALUES, folder, count(FIRST_PORT))}


def content(name: str = "compose.yaml") -> dict[str, Any]:
    """Of a compose file."""
    parsed: dict[str, Any] = parse_yaml((DOCKER / name).read_text())
    return parsed


def test_services_come_after_those_that_they_need(tmp_path: Path) -> None:
    """Each service is there once, but for those of a profile."""
    services = read(tmp_path)
    assert set(services) == set(content()["services"]) - {"serving"}
    assert all(
        list(services).index(other) < list(services).index(name) for name in services for other in read_after(name)
    )


def read_after(name: str) -> list[str]:
    """Services that a service needs."""
    return list(content()["services"][name].get("depends_on", {}))


def test_addresses_become_those_of_this_machine(tmp_path: Path) -> None:
    """Hosts, ports and folders of containers become loopback, free ports and folders; nothing else is changed."""
    services = read(tmp_path)
    ports = {name: service.port for name, service in services.items() if service.port}
    assert sorted(ports.values()) == list(range(FIRST_PORT, FIRST_PORT + len(ports)))
    worker = services["worker-gpu"].environment
    assert worker["MLFLOW_TRACKING_URI"] == f"http://127.0.0.1:{ports['mlflow']}"
    assert worker["PREFECT_API_URL"] == f"http://127.0.0.1:{ports['prefect']}/api"
    assert worker["SEGLINE_PROJECT"] == "/home/me" and worker["SEGLINE_PUBLISH"] == "s3://models"
    assert services["worker-light"].environment["SEGLINE_PUBLISH"] == str(tmp_path / "models")
    mlflow = services["mlflow"]
    assert {mlflow.environment["PGHOST"], mlflow.environment["PGPORT"]} == {"127.0.0.1", str(ports["postgres"])}
    assert mlflow.environment["MLFLOW_AUTH_CONFIG_PATH"] == str(DOCKER / "mlflow-auth.ini")
    assert mlflow.command[:4] == ("mlflow", "server", "--host=127.0.0.1", f"--port={ports['mlflow']}")
    assert "--backend-store-uri=postgresql:///mlflow" in mlflow.command
    assert f"127.0.0.1:{ports['mlflow']}/health" in mlflow.check[-1]
    words = [word for service in services.values() for word in (*service.command, *service.environment.values())]
    assert not [
        word for word in words if re.search(r"0\.0\.0\.0|\b(postgres|s3|mlflow|prefect|localhost):\d|\$\{", word)
    ]


def test_a_variable_that_is_missing_is_named(tmp_path: Path) -> None:
    """A secret has no default: the file's own message says where to look."""
    values = VALUES | {"POSTGRES_PASSWORD": ""}
    with pytest.raises(StageError, match="POSTGRES_PASSWORD is not set; see docker/.env.example"):
        read_services(COMPOSE, values, tmp_path, count(FIRST_PORT))


def test_a_default_is_used(tmp_path: Path) -> None:
    """`${NAME:-word}` is the word if the variable is not set."""
    file = tmp_path / "compose.yaml"
    file.write_text("services: {a: {image: b, command: ['${WORD:-hello}', '${OTHER:-no}']}}")
    (service,) = read_services(file, {"OTHER": "yes"}, tmp_path, count(FIRST_PORT))
    assert service.command == ("hello", "yes") and service.port is None


def test_the_example_names_the_variables_of_the_file() -> None:
    """.env.example has each variable, without a value, below a comment of one line; none has a default."""
    lines = (DOCKER / ".env.example").read_text().splitlines()[1:]
    assert all(line.startswith("# ") for line in lines[::2])
    assert [line for line in lines[1::2] if not re.fullmatch(r"[A-Z_]+=", line)] == []
    assert {line.rstrip("=") for line in lines[1::2]} == list_variables(COMPOSE.read_text())
    assert ":-" not in COMPOSE.read_text()


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_compose_files_are_valid(name: str) -> None:
    """Each key and value is one that the Compose specification knows; merge keys and variables are applied before."""
    from compose_spec import PyCompose

    text = re.sub(r"\$\{\w+:[^}]*\}", "1000", to_yaml(content(name)))
    assert set(PyCompose.from_yaml(text).service_names()) == set(content(name)["services"])
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_yaml("services: {a: {image: b, helthcheck: {}}}")


def test_services_are_closed_and_watched() -> None:
    """Ports are open to this machine alone; each service that stays has a health check; images have versions."""
    services = content()["services"]
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"buckets", "serving"}
    assert all(re.search(r":(?!latest)[\w.]+$", service["image"]) for service in services.values())


def test_the_servers_refuse_strangers() -> None:
    """Prefect's server and its clients have one key, MLflow has users, both from the environment."""
    services = {
        name: service["environment"] for name, service in content()["services"].items() if "environment" in service
    }
    key = "${PREFECT_API_AUTH_STRING:?see docker/.env.example}"
    assert services["prefect"]["PREFECT_SERVER_API_AUTH_STRING"] == key
    assert {services[name]["PREFECT_API_AUTH_STRING"] for name in ("worker-gpu", "worker-light")} == {key}
    origin = services["prefect"]["PREFECT_SERVER_UI_API_URL"].removesuffix("/api")
    assert services["prefect"]["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == origin
    assert "--app-name=basic-auth" in content()["services"]["mlflow"]["command"]
    assert "default_permission = NO_PERMISSIONS" in (DOCKER / "mlflow-auth.ini").read_text()


def test_the_image_is_built_from_stages_that_exist() -> None:
    """Compose files name targets of the Dockerfile, in which hadolint finds nothing; its user is not root."""
    text = (DOCKER / "Dockerfile").read_text()
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
    built = [service for name in ("compose.yaml", "compose.gpu.yaml") for service in content(name)["services"].values()]
    assert {service["build"]["target"] for service in built if "build" in service} == {"cpu", "gpu"} <= targets
    done = subprocess.run(["hadolint", str(DOCKER / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r"^FROM python:3.11-slim-bookworm@sha256:[0-9a-f]{64} AS slim$", text, re.MULTILINE)
    assert "\nUSER 1000\n" in text and "\nHEALTHCHECK " in text
