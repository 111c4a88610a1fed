"""Dataclasses as JSON files and as rows of CSV. In JSON, nan is null."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from pipeline.disk.files import read_json, write_json, written_whole
from pipeline.errors import EvidenceError
from pipeline.text import quoted, shown

NUM_NAMED = 3  # mistakes that a message names
MAX_SHOWN = 60  # characters of a place or value
MAX_NUMBER = 2**62
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
"""Of pixels, images, rows; an array of int64 can hold the sum of two."""
Place = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
"""A side in pixels, a rank: from 1."""
Measure = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A float that may be nan: null in JSON is read as nan."""
Record = TypeVar("Record")


def write_record(path: Path, record: Any) -> None:
    """Writes a dataclass as a JSON file, whole or not at all."""
    write_json(path, nan_as_null(asdict(record)))


def nan_as_null(content: Any) -> Any:
    """The content with None for each nan; tuples become lists."""
    if isinstance(content, Mapping):
        return {name: nan_as_null(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [nan_as_null(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def read_record(path: Path, kind: type[Record], made_by: str) -> Record:
    """Reads a JSON file of the step `made_by`; the types in it must be those of the fields of the dataclass `kind`.

    Raises:
        EvidenceError: the file is missing, is not JSON, or lacks the fields of `kind`.
    """
    return parse_record(read_json(path, made_by), kind, path, made_by)


def parse_record(content: Any, kind: type[Record], path: Path, made_by: str) -> Record:
    """A record from the content of a JSON file; `path` and `made_by` are for the message.

    Raises:
        EvidenceError: the content lacks the fields of `kind`.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as err:
        raise EvidenceError(f"{path}: is not what {made_by} writes ({explain(err)}); run it again") from err


def write_rows(path: Path, kind: type[Any], records: Iterable[Any]) -> None:
    """Writes a CSV file whose columns are the fields of the dataclass `kind`, a record a row, whole or not at all.

    No text may hold a NUL or a carriage return, which `csv` does not quote.
    """
    names = [field.name for field in fields(kind)]
    write_csv(path, names, ([getattr(record, name) for name in names] for record in records))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file, whole or not at all; None gives an empty cell."""
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def read_rows(path: Path, kind: type[Record], stage: str) -> list[Record]:
    """Reads a CSV file of a stage, whose columns are the fields of a dataclass of texts, numbers and paths.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    adapter, records = TypeAdapter(kind), []
    for line, cells in read_cells(path, stage):
        try:
            records.append(adapter.validate_strings(cells))
        except ValidationError as err:
            raise _damaged(path, f"line {line}: {explain(err)}", stage) from err
    return records


def read_cells(path: Path, stage: str) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file that a stage wrote, each with its line and its cells by column.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    try:
        return parse_csv(path.read_bytes().decode())[1]
    except FileNotFoundError as err:
        raise EvidenceError(f"{path}: not found; run the stage `{stage}` first (`dvc repro {stage}`)") from err
    except OSError as err:
        raise EvidenceError(f"{path}: cannot be read ({err.strerror}); run the stage `{stage}` again") from err
    except ValueError as err:
        raise _damaged(path, err, stage) from err


def _damaged(path: Path, fault: object, stage: str) -> EvidenceError:
    return EvidenceError(f"{path}: is damaged ({fault}); run the stage `{stage}` again")


def parse_csv(text: str, may_be_short: bool = False) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a CSV text, and for each row the number of its last line and its cells by column.

    Args:
        text: with a header; empty lines are left out.
        may_be_short: a row may lack its last cells; they are "" then.

    Raises:
        ValueError: a row has more or fewer cells than the header, a column is there twice, a quote is open, a cell has
            more than 131,072 characters, or there is a NUL.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except csv.Error as err:
        raise ValueError(f"line {lines.line_num}: {err}") from err
    if len(set(header)) < len(header):
        double = next(name for name in header if header.count(name) > 1)
        raise ValueError(f"column {quoted(double)} is there twice")
    for line, cells in rows:
        if len(cells) > len(header) or (len(cells) < len(header) and not may_be_short):
            raise ValueError(f"line {line} has {len(cells)} cells, expected {len(header)}")
    empty = dict.fromkeys(header, "")
    return header, [(line, empty | dict(zip(header, cells, strict=False))) for line, cells in rows]


def explain(err: ValidationError) -> str:
    """The first mistakes in a record: field, rule and value."""
    errors = err.errors(include_url=False)
    mistakes = [
        f"{_cut(shown('.'.join(map(str, one['loc'])))) or 'it'}: {one['msg']}{_value_of(one)}" for one in errors
    ]
    more = f" and {len(mistakes) - NUM_NAMED} more" if len(mistakes) > NUM_NAMED else ""
    return "; ".join(mistakes[:NUM_NAMED]) + more


def _value_of(error: Any) -> str:
    if error["type"] == "missing":
        return ""
    return f", found {_cut(ascii(error['input']))}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
