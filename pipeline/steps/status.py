"""Shows the registered versions with aliases, scores, lineage and age."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from pipeline.aliases import read_standing
from pipeline.program import run
from pipeline.registry import Version, list_versions, model_name, shown_uri

COLUMNS = ("version", "aliases", "verdict", "mean IoU", "today", "data", "commit", "age")
SHORT, SCORE = 8, 6  # characters of an MD5 or commit, and of a mean IoU; all of it fits into 80


def status() -> None:
    """Prints every version of our model, the newest first; `today` is its score at the last promotion."""
    versions = list_versions()
    if not versions:
        print(f"no version of {model_name()} is registered at {shown_uri()}; `segline run` makes the first")
        return
    Console().print(build_table(versions, datetime.now(UTC)))
    if complaint := read_standing().complaint:
        print(f"warning: {complaint}")


def build_table(versions: Sequence[Version], now: datetime) -> Table:
    """The table of versions; what a version does not say of itself is shown as -."""
    table = Table(*COLUMNS, title=f"{versions[0].name} at {shown_uri()}", box=None)
    for version in reversed(versions):
        tags = version.tags
        table.add_row(
            str(version.number),
            "\n".join(version.aliases) or "-",
            tags.get("verdict", "-"),
            tags.get("mean_iou", "-")[:SCORE],
            tags.get("rescored_mean_iou", "-")[:SCORE],
            tags.get("data_md5", "-")[:SHORT],
            tags.get("git_commit", "-")[:SHORT],
            format_age(now - version.created),
        )
    return table


def format_age(age: timedelta) -> str:
    """An age in its largest unit, such as `3 d`."""
    seconds = max(0, int(age.total_seconds()))
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size_s:
            return f"{seconds // size_s} {unit}"
    return f"{seconds} s"


def main() -> None:
    """Prints the table."""
    status()


if __name__ == "__main__":
    run(main)
