"""Findings: faults of a data set, each with the sample, the reason and advice."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pipeline.disk.records import write_rows
from pipeline.text import shown

ERROR, WARNING = "error", "warning"
NUM_SHOWN = 5
NUM_SHOWN_PER_CHECK = 3


@dataclass(frozen=True, slots=True)
class DataFinding:
    """One fault of a sample or of the whole set.

    Attributes:
        name: name of the sample; "" for a fault of the whole set.
        file: file to look at, relative to the project's folder.
        severity: "error" or "warning".
        reason: the value, and the expected one.
    """

    name: str
    file: str
    severity: str
    check: str
    reason: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{shown(self.file)}: {self.reason}; {self.what_to_do}"


def bad_names(findings: Sequence[DataFinding]) -> set[str]:
    """Names of the samples that have an error."""
    return {finding.name for finding in findings if finding.severity == ERROR and finding.name}


def write_quarantine(path: Path, findings: Sequence[DataFinding]) -> None:
    """Writes a row for each error of a sample as CSV, in order of name, whole or not at all."""
    errors = [finding for finding in findings if finding.severity == ERROR and finding.name]
    write_rows(path, DataFinding, sorted(errors, key=lambda finding: finding.name))


def first_of(findings: Sequence[DataFinding], num_shown: int = NUM_SHOWN) -> str:
    """A line for each of the first findings, the first of each check before the seconds, and the number of the rest."""
    ranks: dict[str, Iterator[int]] = defaultdict(count)
    in_turn = sorted(findings, key=lambda finding: next(ranks[finding.check]))
    lines = [f"  {finding}" for finding in in_turn[:num_shown]]
    if len(findings) > num_shown:
        lines.append(f"  ... and {len(findings) - num_shown} more")
    return "\n".join(lines)


def summary_of(findings: Sequence[DataFinding]) -> list[str]:
    """A line for each check, the one with most findings first, with examples below it."""
    checks = Counter((finding.severity, finding.check) for finding in findings)
    lines = []
    for (severity, check), number in checks.most_common():
        same = [finding for finding in findings if (finding.severity, finding.check) == (severity, check)]
        lines += [f"{severity} {check}: {number}", first_of(same, NUM_SHOWN_PER_CHECK)]
    return lines
