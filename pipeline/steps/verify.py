"""Verifies a registered version: hashes again all that the registry says of it, and shows what differs."""

import re
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.provenance.verification import Verification
from pipeline.provenance.verification import verify as verify_version
from pipeline.registry.connection import shown_uri
from pipeline.secrets import without_secrets
from pipeline.text import printable, shown

HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}(\.dir)?\b")
"""An MD5 or a commit; the table shows its beginning."""
STYLES = {"agree": "", "differs": "bold red", "missing": "bold yellow"}


def verify(model: str) -> Verification:
    """See `segline.verify`."""
    return verify_version(model)


def show(verification: Verification) -> None:
    """Prints the rows as a table, then what to do; ends the program with exit code 1 if a row does not agree."""
    Console().print(build_table(verification))
    wrong = [row for row in verification.rows if row.state != "agree"]
    for row in wrong:
        print(f"{shown(row.what)} {row.state}: {printable(without_secrets(row.todo))}")
    if wrong:
        sys.exit(1)


def build_table(verification: Verification) -> Table:
    """A row for each thing that was compared."""
    title = Text(shown(f"{verification.version} at {shown_uri()}"))
    table = Table(title=title, box=None)
    for column in ("what", "registered", "found", "state"):
        table.add_column(column, overflow="fold")
    for row in verification.rows:
        cells = (row.what, row.registered, row.found)
        texts = [Text(shown(HASH.sub(r"\1", without_secrets(cell)))) for cell in cells]
        table.add_row(*texts, Text(row.state, STYLES[row.state]))
    return table
