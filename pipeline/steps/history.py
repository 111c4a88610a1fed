"""Shows the ledger: every decision on the champion, with who asked, when, and what came of it."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.aliases import Standing, read_standing
from pipeline.ledger import Effect, Line, ledger_name
from pipeline.program import run
from pipeline.registry import shown_uri

COLUMNS = ("line", "when (UTC)", "who", "what", "version", "champion", "reason")
REASON_CHARS = 160


def history() -> None:
    """Prints every line of the ledger, the newest last; `champion` is the one after the line."""
    standing = read_standing()
    if not standing.lines:
        print(f"no decision is recorded at {shown_uri()} yet; `segline promote` makes the first")
    else:
        Console().print(build_table(standing))
    for note in _list_notes(standing):
        print(note)


def build_table(standing: Standing) -> Table:
    """The table of decisions."""
    table = Table(title=escape(f"{ledger_name()} at {shown_uri()}"), box=None)
    for column in COLUMNS:
        table.add_column(column, overflow="fold", ratio=1 if column == "reason" else None)
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        table.add_row(
            str(line.number),
            line.when[:16].replace("T", " "),
            escape(line.who),
            effect.what,
            str(line.version),
            str(effect.champion or "-"),
            escape(shorten(line, effect)),
        )
    return table


def shorten(line: Line, effect: Effect) -> str:
    """Why, in short: the evidence is in the ledger."""
    text = effect.reason or "; ".join(line.reasons)
    return text if len(text) <= REASON_CHARS else f"{text[: REASON_CHARS - 3]}..."


def _list_notes(standing: Standing) -> Iterator[str]:
    """What is not as it should be."""
    numbers = {line.number for line in standing.lines}
    if gaps := sorted(set(range(1, max(numbers, default=0))) - numbers):
        gone = ", ".join(map(str, gaps))
        yield f"warning: line {gone} is not there: deleted in MLflow, or sent twice and counted once"
    if standing.complaint:
        yield f"warning: {standing.complaint}"


def main() -> None:
    """Prints the table."""
    history()


if __name__ == "__main__":
    run(main)
