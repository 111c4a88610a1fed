"""Addresses and messages without the passwords, tokens and keys in them, to be printed, stored or reported."""

import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

HIDDEN = "***"
SECRET_NAME = re.compile(
    r"passw|passphrase|^pass$|pwd|secret|token|credential|auth(?!or)|signature|^sig$|key", re.IGNORECASE
)
"""Name of an address's parameter whose value is secret."""
SECRET_VARIABLE = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|AUTH_STRING|NOTIFY_URL|_KEY$")
ADDRESS_VARIABLE = re.compile(r"UR[IL]|PROXY|DSN|STORAGE", re.IGNORECASE)
PARAMETER = re.compile(r"""(?<![\w%.-])([\w%.-]+)(?:=|%3D)('[^']*'|"[^"]*"|[^&;\s]*)""", re.IGNORECASE)
START = r"(?:(?<=[^/]//)|(?<=^//)|(?<=%3A%2F%2F))(?!/)"
"""Before the host of an address; `sqlite:///` has none."""
USER = re.compile(rf"{START}[^\s'\"<>]*(?:@|%40)", re.IGNORECASE)
"""User name and password; a password may hold `/` and `@`, so everything up to the last `@`."""
AT = re.compile("@|%40")
WORD = re.compile(r"[^\s'\"<>]+")
SPACED_USER = re.compile(rf"{START}(?:[^/:]*:)?(.*)@", re.DOTALL)
"""The same in a text that is an address as a whole; its password may hold any character."""
HEADER = re.compile(r"\b(?:Bearer|Basic)\s+(\S+)", re.IGNORECASE)
MIN_SECRET_CHARS = 8
"""Length from which a secret is searched for alone; a shorter one occurs in ordinary words."""


def without_secrets(text: str) -> str:
    """The text without user names and passwords in addresses, values of secret parameters, and secret variables.

    If in doubt, it hides: in `https://host/path@v1` the host is taken for a password.
    """
    parts, end = [], 0
    for first, last, shown in _merge(_find_secrets(text)):
        parts += [text[end:first], shown]
        end = last
    return "".join([*parts, text[end:]])


def _find_secrets(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and replacement of each secret."""
    for word in WORD.finditer(text):
        ats = [at.end() for at in AT.finditer(text, *word.span())]  # beyond the last one each `//` is tried in vain
        if ats and (match := USER.search(text, word.start(), ats[-1])):
            yield match.start(), match.end(), ""
    for match in PARAMETER.finditer(text):
        if match[2] and SECRET_NAME.search(unquote(match[1])):
            yield match.start(2), match.end(2), HIDDEN
    for match in HEADER.finditer(text):
        yield match.start(1), match.end(1), HIDDEN
    for secret, shown in _list_variables():
        for match in re.finditer(re.escape(secret), text):
            yield match.start(), match.end(), shown


def _list_variables() -> Iterator[tuple[str, str]]:
    """Secret variables of the environment, and users and passwords in its addresses; each with its replacement."""
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and not value.startswith("/"):
            passwords = [value]
        elif ADDRESS_VARIABLE.search(name) and (match := SPACED_USER.search(value)):
            yield match[0], ""
            passwords = [match[1], unquote(match[1])]
        else:
            continue
        yield from ((password, HIDDEN) for password in passwords if len(password) >= MIN_SECRET_CHARS)


def _merge(spans: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    for first, last, shown in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not merged or first >= merged[-1][1]:
            merged.append((first, last, shown))
        elif last > merged[-1][1]:
            merged[-1] = (merged[-1][0], last, HIDDEN)
    yield from merged
