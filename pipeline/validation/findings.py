"""Findings: what is wrong with a data set, sample by sample, and what to do about each."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipeline.disk.files import written_whole
from pipeline.disk.records import read_rows
from pipeline.text import shown

ERROR, WARNING = "error", "warning"
NUM_SHOWN = 5
NUM_SHOWN_PER_CHECK = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: of the sample; "" where it is about the whole set.
        file: to look at, relative to the project's folder.
        severity: "error" or "warning".
        check: that found it.
        reason: what was found, and what was expected.
        what_to_do: to mend it.
    """

    name: str
    file: str
    severity: str
    check: str
    reason: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{shown(self.file)}: {self.reason}; {self.what_to_do}"


def bad_names(findings: Sequence[Finding]) -> set[str]:
    """Names of the samples that have an error."""
    return {finding.name for finding in findings if finding.severity == ERROR and finding.name}


def write_quarantine(path: Path, findings: Sequence[Finding]) -> None:
    """Writes a row for each error of a sample as CSV, in order of name, whole or not at all."""
    errors = [finding for finding in findings if finding.severity == ERROR and finding.name]
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Finding)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(finding) for finding in sorted(errors, key=lambda finding: finding.name))


def read_quarantine(path: Path) -> list[Finding]:
    """Reads what `write_quarantine` wrote.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    return read_rows(path, Finding, "validate")


def first_of(findings: Sequence[Finding], num_shown: int = NUM_SHOWN) -> str:
    """Some findings, a line each, one of each check before a second of any; and how many more there are."""
    seen: Counter[str] = Counter()
    ranks = []
    for finding in findings:
        ranks.append(seen[finding.check])
        seen[finding.check] += 1
    order = sorted(range(len(findings)), key=ranks.__getitem__)
    lines = [f"  {findings[i]}" for i in order[:num_shown]]
    if len(findings) > num_shown:
        lines.append(f"  ... and {len(findings) - num_shown} more")
    return "\n".join(lines)


def summary_of(findings: Sequence[Finding]) -> list[str]:
    """A line for each check, the one with most findings first, with examples below it."""
    checks = Counter((finding.severity, finding.check) for finding in findings)
    lines = []
    for (severity, check), count in checks.most_common():
        same = [finding for finding in findings if (finding.severity, finding.check) == (severity, check)]
        lines += [f"{severity} {check}: {count}", first_of(same, NUM_SHOWN_PER_CHECK)]
    return lines
