"""Addresses and messages without the passwords, tokens and keys in them, to be printed, stored or reported."""

import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

HIDDEN = "***"
SECRET_NAME = re.compile(
    r"passw|passphrase|^pass$|pwd|secret|token|credential|auth(?!or)|signature|^sig$|key", re.IGNORECASE
)
"""Of a parameter of an address whose value is nobody's business."""
SECRET_VARIABLE = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|AUTH_STRING|_KEY$")
ADDRESS_VARIABLE = re.compile(r"UR[IL]|PROXY|DSN", re.IGNORECASE)
PARAMETER = re.compile(r"""([\w%.-]+)(?:=|%3D)('[^']*'|"[^"]*"|[^&;\s]*)""", re.IGNORECASE)
START = r"(?:(?<=[^/]//)|(?<=^//)|(?<=%3A%2F%2F))(?!/)"
"""Of the host in an address; `sqlite:///` has none."""
USER = re.compile(rf"{START}[^\s'\"<>]*(?:@|%40)", re.IGNORECASE)
"""User name and password; a password may hold `/` and `@`, so everything up to the last `@`."""
SPACED_USER = re.compile(rf"{START}(?:[^/:]*:)?(.*)@", re.DOTALL)
"""The same where nothing but an address is there, so that a password may hold anything."""
HEADER = re.compile(r"\b(?:Bearer|Basic)\s+(\S+)", re.IGNORECASE)
MIN_SECRET_CHARS = 8
"""Of a secret that is searched for by itself; a shorter one is found in innocent words."""


def without_secrets(text: str) -> str:
    """The text without user names and passwords in addresses, values of secret parameters, and secret variables.

    It rather hides too much: of `https://host/path@v1` the host is taken for a password.
    """
    parts, end = [], 0
    for first, last, shown in _merge(_find_secrets(text)):
        parts += [text[end:first], shown]
        end = last
    return "".join([*parts, text[end:]])


def _find_secrets(text: str) -> Iterator[tuple[int, int, str]]:
    """Beginning and end of each secret, and what to show in its place."""
    for found in USER.finditer(text):
        yield found.start(), found.end(), ""
    for found in PARAMETER.finditer(text):
        if found[2] and SECRET_NAME.search(unquote(found[1])):
            yield found.start(2), found.end(2), HIDDEN
    for found in HEADER.finditer(text):
        yield found.start(1), found.end(1), HIDDEN
    for secret, shown in _list_variables():
        for found in re.finditer(re.escape(secret), text):
            yield found.start(), found.end(), shown


def _list_variables() -> Iterator[tuple[str, str]]:
    """What the environment holds: secret variables, users and passwords of addresses; each with what to show."""
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and not value.startswith("/"):
            passwords = [value]
        elif ADDRESS_VARIABLE.search(name) and (found := SPACED_USER.search(value)):
            yield found[0], ""
            passwords = [found[1], unquote(found[1])]
        else:
            continue
        yield from ((password, HIDDEN) for password in passwords if len(password) >= MIN_SECRET_CHARS)


def _merge(spans: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Spans that overlap become one."""
    merged: list[tuple[int, int, str]] = []
    for first, last, shown in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not merged or first >= merged[-1][1]:
            merged.append((first, last, shown))
        elif last > merged[-1][1]:
            merged[-1] = (merged[-1][0], last, HIDDEN)
    yield from merged
