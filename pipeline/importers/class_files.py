"""Class files: the classes of a user's masks, as YAML, JSON, CSV or a plain list of names."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import ClassList, Colour
from pipeline.dataset.names import check_class_names
from pipeline.disk.files import parse_json
from pipeline.disk.records import parse_csv
from pipeline.disk.regular_files import read_text
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import DataError
from pipeline.importers.label_map import IGNORE_ID, Labels, code_of
from pipeline.text import quoted

SUFFIXES = (".yaml", ".yml", ".json", ".csv", ".txt")
IGNORED_NAMES = ("void", "ignore", "ignored", "unlabelled", "unlabeled")
MAX_CLASSES = 255
MAX_VALUE = 65535
COLOUR_COLUMNS = (("r", "g", "b"), ("red", "green", "blue"))
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
TOP_KEYS = {"classes", "ignore_id", "ignore_colours", "ignore_colors"}


@dataclass(frozen=True)
class _Row:
    """A declared class; `where` is for messages."""

    where: str
    name: str
    id: int | None
    value: int | None
    colour: Colour | None
    ignore: bool | None

    @property
    def is_ignored(self) -> bool:
        return self.name.lower() in IGNORED_NAMES if self.ignore is None else self.ignore


def read_class_file(path: Path) -> Labels:
    """Reads the classes of masks that are to be imported.

    A class named void, ignore or unlabelled is ignored, unless it has `ignore: false`. The others get new ids from 0 in
    the order of their ids. `value` is the grey value in the masks if it is not the id.

    Raises:
        DataError: the file is missing, of no known format, or contradicts itself.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: class file of an unknown format; expected one of {', '.join(SUFFIXES)}")
    text = read_text(path)
    content: dict[str, Any] = {}
    if suffix == ".txt":
        lines = enumerate(map(str.strip, text.splitlines()), start=1)
        rows = [_parse_row(line, f"{path}: line {number}") for number, line in lines if line]
    elif suffix == ".csv":
        rows = _read_csv(path, text)
    else:
        content = _read_mapping(path, text)
        rows = [_parse_row(row, f"{path}: class {n}") for n, row in enumerate(content["classes"])]
    return _to_labels(path, rows, content)


def to_labels(source: Path, rows: Sequence[Any], ignored_colours: Sequence[Colour] = ()) -> Labels:
    """The same from rows as a YAML class file has them, names or mappings; `source` is for messages.

    Raises:
        DataError: the rows contradict themselves.
    """
    parsed = [_parse_row(row, f"{source}: class {n}") for n, row in enumerate(rows)]
    return _to_labels(source, parsed, {"ignore_colours": [[*colour] for colour in ignored_colours]})


def _read_csv(path: Path, text: str) -> list[_Row]:
    try:
        header, lines = parse_csv(text, may_be_short=True)
    except ValueError as err:
        raise DataError(f"{path}: is not CSV ({err}); save it again as such") from err
    columns = [column.strip().lower() for column in header]
    if "name" not in columns:
        raise DataError(
            f"{path}: columns are {quoted(columns)}, expected name and, optional, id, value, r, g, b, ignore"
        )
    rows = []
    for line, row in lines:
        cells = {key.strip().lower(): value.strip() for key, value in row.items()}
        where = f"{path}: line {line}"
        rows.append(_parse_row(_without_text(cells, where), where))
    return rows


def _without_text(cells: dict[str, str], where: str) -> dict[str, Any]:
    """A row of a CSV file, with the types that YAML would give it and without empty cells."""
    row: dict[str, Any] = {name: cell for name, cell in cells.items() if cell}
    for column in {"id", "value", *COLOUR_COLUMNS[0], *COLOUR_COLUMNS[1]} & row.keys():
        if not re.fullmatch(r"\d{1,9}", row[column], re.ASCII):
            raise DataError(f"{where}: {column} is {quoted(row[column])}, expected a whole number")
        row[column] = int(row[column])
    if "ignore" in row:
        row["ignore"] = TRUTHS.get(row["ignore"].lower(), row["ignore"])
    for columns in COLOUR_COLUMNS:
        if set(columns) <= row.keys():
            row["colour"] = [row.pop(column) for column in columns]
    return row


def _read_mapping(path: Path, text: str) -> dict[str, Any]:
    try:
        content = parse_json(text) if path.suffix.lower() == ".json" else parse_yaml(text)
    except ValueError as err:
        problem = f"is not JSON ({err})" if path.suffix.lower() == ".json" else str(err)
        raise DataError(f"{path}: {problem}; correct the file") from err
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list):
        raise DataError(
            f"{path}: found no list `classes`; expected rows such as {{id: 0, name: sky, colour: [0, 0, 255]}}"
        )
    if unknown := sorted(map(str, content.keys() - TOP_KEYS)):
        raise DataError(
            f"{path}: unknown names {', '.join(map(quoted, unknown))}; expected {', '.join(sorted(TOP_KEYS))}"
        )
    return content


def _parse_row(row: Any, where: str) -> _Row:
    row = {"name": row} if isinstance(row, str) else row
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"].strip():
        raise DataError(f"{where}: {quoted(row)} has no name; expected a text, a number in quotes")
    name, ignore = row["name"], row.get("ignore")
    if ignore is not None and not isinstance(ignore, bool):
        raise DataError(f"{where}: ignore is {quoted(ignore)}, expected true or false")
    id_, value = (_parse_value(row.get(key), f"{where}: {key} of {quoted(name)}") for key in ("id", "value"))
    colour = row.get("colour", row.get("color"))
    return _Row(where, name, id_, value, None if colour is None else _parse_colour(colour, where), ignore)


def _parse_value(value: Any, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VALUE):
        return value
    raise DataError(f"{where} is {quoted(value)}, expected a whole number from 0 to {MAX_VALUE}")


def _parse_colour(colour: Any, where: str) -> Colour:
    """An RGB colour from [R, G, B] or "#rrggbb"."""
    if isinstance(colour, str) and re.fullmatch(r"#?[0-9a-fA-F]{6}", colour):
        digits = colour.removeprefix("#")
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if isinstance(colour, list) and len(colour) == 3 and all(type(part) is int and 0 <= part <= 255 for part in colour):
        return colour[0], colour[1], colour[2]
    raise DataError(f"{where}: colour is {quoted(colour)}, expected [R, G, B] in 0 to 255 or '#rrggbb'")


def _to_labels(path: Path, rows: Sequence[_Row], content: dict[str, Any]) -> Labels:
    numbered = _numbered(path, rows)
    kept = [row for _, row in numbered if not row.is_ignored]
    if not 1 <= len(kept) <= MAX_CLASSES:
        raise DataError(f"{path}: declares {len(kept)} classes that count, expected 1 to {MAX_CLASSES}")
    check_class_names([row.name for row in rows], path)
    _refuse_doubles(path, "name", [row.name for row in rows])
    _refuse_doubles(path, "value", [value for value, _ in numbered])
    ignored_colours = _ignored_colours(path, content)
    _refuse_doubles(path, "colour", [row.colour for row in rows if row.colour] + ignored_colours)
    ids = {row.name: id_ for id_, row in enumerate(kept)}
    by_value = {value: ids.get(row.name, IGNORE_ID) for value, row in numbered}
    _add_ignore_id(path, by_value, content)
    by_colour = {code_of(row.colour): ids.get(row.name, IGNORE_ID) for row in rows if row.colour}
    without_colour = tuple(row.name for row in kept if not row.colour)
    return Labels(
        source=path,
        classes=ClassList(tuple(ids), _colours(kept), IGNORE_ID),
        by_value=by_value,
        by_colour={} if without_colour else by_colour | {code_of(colour): IGNORE_ID for colour in ignored_colours},
        without_colour=without_colour,
        has_own_values=any(by_value.get(id_) != id_ for id_ in range(len(kept))),
        ignored=tuple(row.name for row in rows if row.is_ignored),
        notes=_notes(numbered, ids),
    )


def _numbered(path: Path, rows: Sequence[_Row]) -> list[tuple[int, _Row]]:
    """Each row with its grey value in the masks, in the order that the new ids will have."""
    with_id = [row for row in rows if row.id is not None]
    if with_id and len(with_id) < len(rows):
        missing = next(row for row in rows if row.id is None)
        raise DataError(
            f"{missing.where}: class {quoted(missing.name)} has no id but others have; give all of them one or none"
        )
    _refuse_doubles(path, "id", [row.id for row in with_id])
    ordered = sorted(enumerate(rows), key=lambda pair: pair[0] if pair[1].id is None else pair[1].id)
    return [
        (next(number for number in (row.value, row.id, place) if number is not None), row) for place, row in ordered
    ]


def _ignored_colours(path: Path, content: dict[str, Any]) -> list[Colour]:
    colours = content.get("ignore_colours", content.get("ignore_colors")) or []
    if not isinstance(colours, list):
        raise DataError(f"{path}: ignore_colours is {quoted(colours)}, expected a list of colours")
    return [_parse_colour(colour, f"{path}: ignore_colours") for colour in colours]


def _add_ignore_id(path: Path, by_value: dict[int, int], content: dict[str, Any]) -> None:
    value = _parse_value(content.get("ignore_id"), f"{path}: ignore_id")
    if value is not None and by_value.get(value, IGNORE_ID) != IGNORE_ID:
        raise DataError(f"{path}: ignore_id is {value}, which is a class's value too; change one of them")
    by_value.setdefault(IGNORE_ID if value is None else value, IGNORE_ID)


def _refuse_doubles(path: Path, what: str, values: Sequence[Any]) -> None:
    if doubles := [value for value, count in Counter(values).items() if count > 1]:
        raise DataError(f"{path}: {what} {quoted(doubles[0])} is given to several classes; each has its own")


def _colours(rows: Sequence[_Row]) -> tuple[Colour, ...]:
    """Declared colours; the other classes get unused colours of Pascal VOC's colour map."""
    taken = {row.colour for row in rows}
    free = (colour for colour in map(voc_colour, range(1, 256)) if colour not in taken)
    return tuple(row.colour or next(free) for row in rows)


def voc_colour(index: int) -> Colour:
    """Colour of an index in Pascal VOC's colour map: its bits spread over the high bits of the three channels."""
    red, green, blue = (sum((index >> 3 * bit + channel & 1) << 7 - bit for bit in range(8)) for channel in range(3))
    return red, green, blue


def _notes(numbered: Sequence[tuple[int, _Row]], ids: dict[str, int]) -> tuple[str, ...]:
    by_name = " because of its name; write `ignore: false` next to it if it is to be learned"
    notes = [
        f"class {row.name!r} (value {value}) is ignored{'' if row.ignore else by_name}"
        for value, row in numbered
        if row.is_ignored
    ]
    if changed := [f"{value} -> {ids[row.name]}" for value, row in numbered if ids.get(row.name, value) != value]:
        notes.append(f"values in the masks become ids: {', '.join(changed)}")
    return tuple(notes)
