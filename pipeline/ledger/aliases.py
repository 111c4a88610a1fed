"""The aliases `champion` and `previous`, which follow the ledger."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.errors import EvidenceError, RegistryError
from pipeline.ledger.audit import HEAD_TAG, Audit, audit, head_of, keep_seen, read_witnesses
from pipeline.ledger.ledger import (
    ACCEPTED,
    Aliases,
    Effect,
    Line,
    State,
    append,
    ledger_name,
    read_entries,
    read_ledger,
    replay,
)
from pipeline.registry.client import (
    CHAMPION,
    NUMBER,
    PREVIOUS,
    Model,
    Version,
    list_versions,
    model_name,
    read_model,
    set_tags,
    write_model,
    write_patiently,
)
from pipeline.secrets import without_secrets
from pipeline.text import printable

PROJECTED_TAG = "projected"
"""A tag of the ledger: the last line whose move the aliases followed. It shows that a program died before it did."""
NUM_LOOKS, PAUSE_S = 4, 0.5  # another program may be moving the aliases during a look


@dataclass(frozen=True, kw_only=True)
class Standing(Audit):
    """Ledger and aliases at one moment.

    Attributes:
        state: after all lines; without lines the aliases are the state.
        found: the aliases in MLflow.
        is_pending: the aliases have not yet followed the ledger's last move.
    """

    state: State
    found: Aliases
    is_pending: bool = False

    @property
    def complaint(self) -> str | None:
        """The faults of the ledger and of the alias `champion`, with what to do; None: there are none."""
        return "; ".join(filter(None, (self.describe_findings(), self.describe_alias()))) or None

    @property
    def acceptance(self) -> dict[str, Any]:
        """The evidence of a line that accepts the ledger as it is."""
        return {ACCEPTED: list(self.findings)} if self.findings else {}

    def describe_findings(self) -> str | None:
        """The faults of the ledger and what to do; None: there are none."""
        if not self.findings:
            return None
        return (
            f"the ledger {ledger_name()} is not as it was written: {'; '.join(self.findings)}; put it back from a "
            "backup of MLflow's database. Without a backup, look at `segline history` and name the champion with "
            "`segline rollback --to VERSION`. This accepts the ledger as it is and is recorded. `segline promote` "
            "refuses to decide until then"
        )

    def describe_alias(self) -> str | None:
        """How the alias `champion` differs from the ledger and what to do; None: it does not differ."""
        expected, actual = self.state.champion, self.found.champion
        if expected == actual:
            return None
        where = f"the ledger says that the champion is {_show(expected)}, the alias is at {_show(actual)}"
        if self.is_pending:
            return (
                f"{where}: the program that wrote line {self.state.last_move} ended before it moved the alias; the "
                "next `segline promote` or `segline rollback` moves it first"
            )
        where = f"{where}: it was moved by hand"
        if expected is None:
            return (
                f"{where}; remove the alias {CHAMPION} in MLflow; `segline promote {actual}` then judges that version"
            )
        judge = f", and `segline promote {actual}` compares that version" if actual else ""
        return (
            f"{where}, or {_show(expected)} was deleted; `segline rollback --to {expected}`, or to another former "
            f"champion, moves it back and is recorded; `segline promote` refuses to decide until then{judge}"
        )


def read_standing(completes: bool = False) -> Standing:
    """Reads ledger and aliases.

    Args:
        completes: True moves the aliases if a program died between its line and the move; False moves none.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    for _ in range(NUM_LOOKS):
        standing = _look()
        if standing.findings or standing.complaint is None:
            break
        if standing.is_pending and completes:
            follow_ledger()
        else:
            time.sleep(PAUSE_S)
    return standing


def _look() -> Standing:
    witnesses = read_witnesses()
    projected = read_model(ledger_name()).tags.get(PROJECTED_TAG, "0")
    found = _aliases_of(read_model())
    result = audit(read_entries(), witnesses)
    state = replay(result.lines, found)
    if not result.findings:
        keep_seen(result.lines)
    is_pending = (int(projected) if re.fullmatch(NUMBER, projected) else 0) < state.last_move
    return Standing(**vars(result), state=state, found=found, is_pending=is_pending)


def list_warnings(standing: Standing) -> Iterator[str]:
    """Warnings for a person who looks at the ledger, a sentence each."""
    yield from (printable(note) for note in standing.notes)
    if complaint := standing.describe_alias():
        yield printable(without_secrets(complaint))


def check_ledger(standing: Standing) -> None:
    """Raises if the ledger is not as it was written, so that an unattended command fails.

    Raises:
        EvidenceError: the ledger was changed; the message names lines and what to do.
    """
    if complaint := standing.describe_findings():
        raise EvidenceError(complaint)


def check_agreement(standing: Standing) -> None:
    """Raises if the ledger was changed, or if ledger and aliases have different champions.

    Raises:
        RegistryError: no decision can be made; the message says what to do.
    """
    if complaint := standing.complaint:
        raise RegistryError(complaint)


def record(line: Line) -> Effect:
    """Writes a line, moves the aliases if it takes effect, and gives its effect.

    Raises:
        RegistryError: MLflow cannot be reached; if the line is written already, the next command moves the aliases.
    """
    written = append(line)
    state = follow_ledger()
    if version := find_number(line.version):
        write_patiently(f"a tag of {version}", lambda: set_tags(version, {HEAD_TAG: head_of([written])}))
    return next(effect for effect in state.effects if effect.number == written.number)


def follow_ledger() -> State:
    """Moves the aliases to the champion and the previous champion of the ledger.

    The ledger is read again after each move until it has no new line. So a slow program leaves no old alias behind.
    """
    lines = read_ledger()
    while True:
        state = write_patiently("an alias", partial(_move_aliases, lines))
        before, lines = lines, read_ledger()
        if lines == before:
            return state


def _move_aliases(lines: Sequence[Line]) -> State:
    model = read_model()
    state = replay(lines, _aliases_of(model))
    wanted = {PREVIOUS: state.previous, CHAMPION: state.champion}
    existing = {version.number for version in model.versions}
    moves = {
        alias: number
        for alias, number in wanted.items()
        if number in existing and model.number_by_alias.get(alias) != number
    }
    if model.versions:
        write_model(model_name(), {HEAD_TAG: head_of(lines)}, moves)
    write_model(ledger_name(), {PROJECTED_TAG: str(state.last_move)})
    return state


def _aliases_of(model: Model) -> Aliases:
    return Aliases(model.number_by_alias.get(CHAMPION), model.number_by_alias.get(PREVIOUS))


def _show(number: int | None) -> str:
    return f"{model_name()}/{number}" if number else "nobody"


def find_number(number: int | None) -> Version | None:
    """The version of our model with a number; None: it never existed or was deleted."""
    return next((version for version in list_versions() if version.number == number), None)
