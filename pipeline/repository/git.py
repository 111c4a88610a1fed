"""The door to git: one command in a folder, whose failure is a sentence with what to do."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import RepositoryError
from pipeline.secrets import without_secrets

SETTINGS = ("core.fsmonitor=false", "core.sparseCheckout=false", "core.quotePath=off", f"core.hooksPath={os.devnull}")
"""With these git reads every file itself, hides none and runs no program of the user's."""
UNATTENDED = {"LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0"}
TIMEOUT_S = 600


def git(
    *words: str, folder: Path | None = None, otherwise: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """The output of a command of git as text, without the last line's end; see `run_git`."""
    output = run_git(*words, folder=folder, otherwise=otherwise, environment=environment)
    return output.decode(errors="replace").rstrip("\n")


def run_git(
    *words: str,
    folder: Path | None = None,
    otherwise: str = "",
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Runs a command of git, which never asks for a password.

    Args:
        words: the command and its arguments; none is text from outside that may begin with a dash.
        folder: to run in; None: the current one.
        otherwise: what to do if it fails, for the message.
        given: its input.
        environment: variables to add.

    Returns:
        Its output.

    Raises:
        RepositoryError: git is missing, fails, or takes longer than ten minutes.
    """
    command = ["git", *(word for setting in SETTINGS for word in ("-c", setting)), *words]
    variables = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **os.environ, **UNATTENDED, **(environment or {})}
    try:
        done = subprocess.run(
            command, capture_output=True, input=given, env=variables, cwd=folder, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as err:
        raise RepositoryError("git: not found; a model is registered with its commit, so install git") from err
    except subprocess.TimeoutExpired as err:
        raise RepositoryError(f"git {words[0]} took longer than {TIMEOUT_S} s; {otherwise}") from err
    said = without_secrets(" ".join(done.stderr.decode(errors="replace").split()))
    if "dubious ownership" in said:
        otherwise = "the repository belongs to another user; work as its owner, or allow it with that command"
    if done.returncode:
        raise RepositoryError(f"git {words[0]} says: {said}; {otherwise}")
    return done.stdout
