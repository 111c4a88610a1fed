"""Group and frozen split of each sample, from a regular expression or a table."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from pipeline.dataset.contract import Sample, read_sample_table
from pipeline.errors import DataError
from pipeline.importers.pairs import Pair
from pipeline.importers.repairs.command import Command, name_some, next_step, refusal
from pipeline.importers.repairs.opened import IMPORTED_SUFFIXES
from pipeline.text import quoted


def to_samples(
    pairs: Sequence[Pair], group: str, table_path: Path | None, command: Command | None = None
) -> list[Sample]:
    """Gives each pair its group and split.

    Args:
        group: regular expression whose first bracket is the group, searched in an image's path below its folder; "":
            each image is a group of its own.
        command: goes on from a refusal of `group`.
        table_path: a samples.csv, which has precedence over `group`; its rows name samples, files or relative paths.

    Raises:
        DataError: the expression is wrong or does not match a path, or the table names samples that are not there.
    """
    pattern = compile_pattern("group", group, "^([^/_]+)_", command) if group else None
    groups = _groups_by_pattern(pairs, pattern, command) if pattern else {}
    table = _read_table(table_path, pairs) if table_path else {}
    rows = [(pair, *table.get(pair.name, ("", ""))) for pair in pairs]
    return [
        Sample(pair.name, pair.image, pair.mask, in_table or groups.get(pair.name, pair.name), split)
        for pair, in_table, split in rows
    ]


def groups_note(samples: Sequence[Sample]) -> list[str]:
    """A note for the user if every sample is a group of its own."""
    if any(sample.group != sample.name for sample in samples):
        return []
    return [
        "no groups were given: every image is a group of its own; if some show the same scene or patient, name "
        "their group with --group or --samples, so that they do not end up in train and test"
    ]


def compile_pattern(what: str, pattern: str, example: str, command: Command | None = None) -> re.Pattern[str]:
    """A regular expression with a bracket around what names a `what`.

    Raises:
        DataError: it is no regular expression, or has no bracket.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as err:
        raise refusal(
            f"{what} {pattern!r} is not a regular expression ({err}); an example is {example!r}",
            *next_step(command, group=example),
        ) from err
    if not compiled.groups:
        raise refusal(
            f"{what} {pattern!r} has no brackets; put them around what names the {what}, as in {example!r}",
            *next_step(command, group=f"({pattern})"),
        )
    return compiled


def _groups_by_pattern(pairs: Sequence[Pair], pattern: re.Pattern[str], command: Command | None) -> dict[str, str]:
    matches = {pair: pattern.search(pair.relative) for pair in pairs}
    groups = {pair.name: match[1] for pair, match in matches.items() if match and match[1]}
    if lost := [pair.relative for pair in pairs if pair.name not in groups]:
        raise refusal(
            f"group {pattern.pattern!r} finds nothing in {len(lost)} of {len(pairs)} paths: {name_some(lost)}; "
            "widen the expression, or leave it out",
            *next_step(command, group=""),
        )
    return groups


def _read_table(path: Path, pairs: Sequence[Pair]) -> dict[str, tuple[str, str]]:
    """Group ("" if none is given) and split by sample; rows name samples, files or relative paths."""
    if not path.is_file():
        raise DataError(f"{path}: not found; expected a CSV with name and, optional, group and split")
    names = {_sample_name(pair.relative): pair.name for pair in pairs} | {pair.name: pair.name for pair in pairs}
    table: dict[str, tuple[str, str]] = {}
    for name, (group, split) in read_sample_table(path).items():
        known = names.get(_sample_name(name), _sample_name(name))
        if known in table:
            raise DataError(f"{path}: {quoted(name)} names the sample {quoted(known)} once more; each is given once")
        table[known] = ("" if group == name else group, split)
    if unknown := sorted(table.keys() - set(names.values())):
        raise DataError(
            f"{path}: names {len(unknown)} samples that are not there: {name_some(unknown)}; remove these rows or "
            "restore the files"
        )
    return table


def _sample_name(name: str) -> str:
    stem = name.rsplit(".", 1)[0] if name.lower().endswith(IMPORTED_SUFFIXES) else name
    return unicodedata.normalize("NFC", stem.replace("/", "__"))
