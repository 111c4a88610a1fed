"""Shows the registered versions with aliases, scores, lineage and age."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.evaluation.reasons import Reason
from pipeline.ledger.aliases import Standing, check_ledger, list_warnings, read_standing
from pipeline.ledger.ledger import Line
from pipeline.ledger.overrides import describe_overrides
from pipeline.promotion.wording import to_sentences
from pipeline.registry.client import Version, list_versions, model_name
from pipeline.registry.connection import shown_uri
from pipeline.text import printable, shown

COLUMNS = ("version", "aliases", "verdict", "mean IoU", "today", "data", "commit", "age")
CLAIMS = {*("attempt", "attempts_used_up", "detectable", "detectable_by_blocks", "nothing_detectable", "heaviest_part")}
"""Codes of the reasons of a decision that say how far its evidence reaches."""
REASONS = TypeAdapter(tuple[Reason, ...])
SHORT, SCORE, WORD = 8, 6, 8  # characters of an MD5 or commit, a mean IoU and a verdict; the table fits into 80


class Status(NamedTuple):
    """The registered versions, and whether ledger and aliases agree on the champion.

    Attributes:
        versions: the oldest first.
        standing: state of ledger and aliases; None if no version is registered.
    """

    versions: tuple[Version, ...]
    standing: Standing | None


def status() -> Status:
    """See `segline.status`."""
    versions = tuple(list_versions())
    return Status(versions, read_standing() if versions else None)


def show(status: Status) -> None:
    """Prints every version of our model, the newest first; `today` is its score at the last promotion.

    Raises:
        EvidenceError: the ledger is not as it was written; all is printed before.
    """
    if not status.standing:
        print(f"no version of {model_name()} is registered at {shown_uri()}; `segline run` makes the first")
        return
    Console().print(build_table(status.versions, datetime.now(UTC)))
    for sentence in list_claims(status.standing.lines):
        print(printable(sentence))
    if openings := [line for line in status.standing.lines if line.kind == "audit"]:
        print(printable(f"line {openings[-1].number}: {'; '.join(openings[-1].reasons)}"))
    for text in describe_overrides(status.standing.lines, status.standing.state):
        print(f"override: {text}")
    for warning in list_warnings(status.standing):
        print(f"warning: {warning}")
    check_ledger(status.standing)


def list_claims(lines: Sequence[Line]) -> tuple[str, ...]:
    """Attempts and what can be shown, a sentence each, as the last decision that compared two models recorded them."""
    for line in reversed(lines):
        try:
            reasons = REASONS.validate_python(line.evidence.get("reasons", ()))
            if found := to_sentences(reason for reason in reasons if reason.code in CLAIMS):
                return tuple(f"line {line.number}: {sentence}" for sentence in found)
        except (ValueError, KeyError, TypeError):  # of another program
            continue
    return ()


def build_table(versions: Sequence[Version], now: datetime) -> Table:
    """The table of versions; - stands for a missing tag."""
    table = Table(*COLUMNS, title=Text(shown(f"{versions[0].name} at {shown_uri()}")), box=None)
    for version in reversed(versions):
        tags = {name: shown(value) for name, value in version.tags.items()}
        cells = (
            str(version.number),
            "\n".join(map(shown, version.aliases)) or "-",
            tags.get("verdict", "-")[:WORD],
            _round(tags.get("mean_iou", "-")),
            _round(tags.get("rescored_mean_iou", "-")),
            tags.get("data_md5", "-")[:SHORT],
            tags.get("git_commit", "-")[:SHORT],
            format_age(now - version.created) if version.created else "-",
        )
        table.add_row(*map(Text, cells))
    return table


def _round(score: str) -> str:
    """A score with four digits, or the beginning of a tag that is not a number."""
    try:
        return f"{float(score):.4f}"[:SCORE]
    except ValueError:
        return score[:SCORE]


def format_age(age: timedelta) -> str:
    """An age in its largest unit, such as `3 d`."""
    seconds = max(0, int(age.total_seconds()))
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size_s:
            return f"{seconds // size_s} {unit}"
    return f"{seconds} s"
