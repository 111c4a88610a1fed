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
    """Runs a command of git, which never asks for a password.

    Args:
        words: the command and its arguments.
        folder: to run in; None: the current one.
        otherwise: what to do if it fails, for the message.
        environment: variables to add.

    Returns:
        Its output without the last line's end.

    Raises:
        RepositoryError: git is missing, fails, or takes longer than ten minutes.
    """
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    variables = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **os.environ, **UNATTENDED, **(environment or {})}
    try:
        done = subprocess.run(
            ["git", *settings, *words],
            capture_output=True,
            text=True,
            errors="replace",
            env=variables,
            cwd=folder,
            timeout=TIMEOUT_S,
        )
    except FileNotFoundError as err:
        raise RepositoryError("git: not found; a model is registered with its commit, so install git") from err
    except subprocess.TimeoutExpired as err:
        raise RepositoryError(f"git {words[0]} took longer than {TIMEOUT_S} s; {otherwise}") from err
    if "dubious ownership" in done.stderr:
        otherwise = "the repository belongs to another user; work as its owner, or allow it with that command"
    if done.returncode:
        said = without_secrets(" ".join(done.stderr.split()))
        raise RepositoryError(f"git {words[0]} says: {said}; {otherwise}")
    return done.stdout.rstrip("\n")
