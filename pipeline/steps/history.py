"""Shows the ledger: every decision on the champion, with actor, time and effect."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.ledger.aliases import Standing, check_ledger, list_warnings, read_standing
from pipeline.ledger.ledger import Effect, Line, ledger_name
from pipeline.registry.connection import shown_uri
from pipeline.secrets import without_secrets
from pipeline.text import shown

COLUMNS = ("line", "when (UTC)", "who", "what", "version", "champion", "reason")
REASON_CHARS = 160


def history() -> Standing:
    """See `segline.history`."""
    return read_standing()


def show(standing: Standing) -> None:
    """Prints every line of the ledger, the newest last; `champion` is the one after the line.

    Raises:
        EvidenceError: the ledger is not as it was written; all is printed before.
    """
    if not standing.lines:
        print(f"no decision is recorded at {shown_uri()} yet; `segline promote` makes the first")
    else:
        Console().print(build_table(standing))
    for warning in list_warnings(standing):
        print(f"warning: {warning}")
    check_ledger(standing)


def build_table(standing: Standing) -> Table:
    """A row for each decision."""
    table = Table(title=Text(shown(f"{ledger_name()} at {shown_uri()}")), box=None)
    for column in COLUMNS:
        table.add_column(column, overflow="fold", ratio=1 if column == "reason" else None)
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        cells = (
            str(line.number),
            line.when[:16].replace("T", " "),
            shown(without_secrets(line.who)),
            effect.what,
            str(line.version),
            str(effect.champion or "-"),
            shorten(line, effect),
        )
        table.add_row(*map(Text, cells))
    return table


def shorten(line: Line, effect: Effect) -> str:
    """The reason of a line or of its effect, cut to 160 characters; the ledger has all of it."""
    text = shown(without_secrets(effect.reason or "; ".join(line.reasons)))
    return text if len(text) <= REASON_CHARS else f"{text[: REASON_CHARS - 3]}..."
