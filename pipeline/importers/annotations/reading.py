"""Annotation files, JSON and XML, that somebody else wrote."""

import re
from pathlib import Path
from typing import Any, TypeVar

from defusedxml import DefusedXmlException, ElementTree
from pydantic import TypeAdapter, ValidationError

from pipeline.disk.files import parse_json
from pipeline.disk.regular_files import read_regular
from pipeline.errors import DataError
from pipeline.text import quoted, show_names, shown

MAX_BYTES = 1 << 30
"""COCO's annotations of 118,000 images have 470 MB."""
T = TypeVar("T")


def read_json(path: Path) -> Any:
    """The content of a JSON file of up to 1 GiB.

    Raises:
        DataError: the file cannot be read or is not JSON.
    """
    try:
        return parse_json(_read(path).decode("utf-8-sig"), MAX_BYTES)
    except ValueError as err:
        raise DataError(f"{path}: is not JSON in UTF-8 ({shown(str(err))}); export it again") from err


def parse(content: Any, kind: type[T], path: Path, expected: str) -> T:
    """The content of a file as a dataclass, or a list of them; names that `kind` lacks are left out.

    Raises:
        DataError: a value is missing or of another type; names the first and their number, and what was `expected`.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        msg = re.sub(r" or an instance of \w+", "", first["msg"])
        more = f" (and {err.error_count() - 1} more)" if err.error_count() > 1 else ""
        raise DataError(
            f"{path}: {shown(place)} is {quoted(first['input'])}: {msg}{more}; expected {expected}"
        ) from err


def read_xml(path: Path) -> Any:
    """The root element of an XML file of up to 1 GiB, without entities.

    Raises:
        DataError: the file cannot be read or is not such XML.
    """
    try:
        return ElementTree.fromstring(_read(path))
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as err:  # LookupError: an encoding
        raise DataError(f"{path}: is not XML without entities ({shown(str(err))}); export it again") from err


def _read(path: Path) -> bytes:
    if path.is_dir():
        names = sorted(child.name for child in path.iterdir() if child.suffix.lower() in (".json", ".xml"))
        there = f"; there are {show_names(names)}" if names else ""
        raise DataError(f"{path}: is a folder, expected the file of annotations{there}")
    return read_regular(path, MAX_BYTES)
