"""PostgreSQL and an S3 server by the programs of this machine, in place of their images."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from flows.team.compose import HOST, Service
from pipeline.errors import StageError

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"
SCRIPTS = "/docker-entrypoint-initdb.d/"
"""The image of PostgreSQL runs what lies there once."""


def with_postgres(service: Service) -> Service:
    """Makes the databases; gives the service with the program of this machine.

    Raises:
        StageError: PostgreSQL is not installed, or cannot make its databases.
    """
    programs = _find_programs()
    data = next(folder for path, folder in service.folders.items() if path.endswith("/data"))
    _make_databases(programs, data, service)
    address = ("-c", f"listen_addresses={HOST}", "-c", f"port={service.port}", "-c", "unix_socket_directories=")
    command = (*_as_user(), str(programs / "postgres"), "-D", str(data), *address)
    return replace(service, command=command, check=(str(programs / service.check[0]), *service.check[1:]))


def with_moto(service: Service) -> Service:
    """Gives the service with moto's server, which keeps its objects in memory and takes any key."""
    command = (sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(service.port))
    check = f"import urllib.request; urllib.request.urlopen('http://{HOST}:{service.port}/moto-api/')"
    return replace(service, command=command, check=(sys.executable, "-c", check))


def _find_programs() -> Path:
    installed = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    if not found:
        raise StageError("PostgreSQL is not installed (no initdb); install it, such as by `apt-get install postgresql`")
    return Path(found).resolve().parent


def _make_databases(programs: Path, data: Path, service: Service) -> None:
    data.mkdir()
    with NamedTemporaryFile("w", dir=data.parent) as password:
        password.write(service.environment["POSTGRES_PASSWORD"])
        password.flush()
        if _as_user():
            shutil.chown(data, USER, USER)
            shutil.chown(password.name, USER)
        user = f"--username={service.environment['POSTGRES_USER']}"
        options = ("--auth=scram-sha-256", f"--pwfile={password.name}", "--encoding=UTF8", "--no-sync")
        _run((str(programs / "initdb"), f"--pgdata={data}", user, *options))
    for path, script in service.folders.items():
        if path.startswith(SCRIPTS):
            _run((str(programs / "postgres"), "--single", "-D", str(data), "postgres"), script.read_text())


def _run(command: Sequence[str], text: str = "") -> None:
    done = subprocess.run([*_as_user(), *command], input=text, capture_output=True, text=True, cwd="/")
    if done.returncode or "ERROR" in done.stderr:
        raise StageError(f"{Path(command[0]).name} failed; repair what it says and run again:\n{done.stderr[-2000:]}")


def _as_user() -> tuple[str, ...]:
    """Before a command of root: PostgreSQL refuses to run as root."""
    return () if os.geteuid() else ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
