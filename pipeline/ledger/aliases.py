"""The aliases `champion` and `previous`: a projection of the ledger, which decides where they point."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import EvidenceError, RegistryError
from pipeline.ledger.audit import HEAD_TAG, audit, head_of, keep_seen, read_witnesses
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
from pipeline.registry.client import CHAMPION, PREVIOUS, Version, list_versions, model_name, opened, set_tags
from pipeline.registry.contention import write_patiently
from pipeline.secrets import without_secrets
from pipeline.text import printable

PROJECTED_TAG = "projected"
"""Of the ledger: the last line whose move the aliases have followed, so that a program that died before is seen."""
NUMBER = re.compile(r"[0-9]{1,10}")
NUM_LOOKS, PAUSE_S = 4, 0.5
"""Another program may be moving the aliases at this moment."""


@dataclass(frozen=True)
class Standing:
    """What ledger and aliases say at one moment.

    Attributes:
        lines: of the ledger.
        state: where they lead to; without lines what the aliases say.
        found: where the aliases are.
        findings: what is wrong with the ledger, a phrase each.
        notes: what is odd with it.
        is_pending: the aliases have not yet followed the ledger's last move.
    """

    lines: tuple[Line, ...]
    state: State
    found: Aliases
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_pending: bool = False

    @property
    def complaint(self) -> str | None:
        """What to tell a person where the ledger or the alias `champion` is not as it should be, else None."""
        return "; ".join(filter(None, (self.describe_findings(), self.describe_alias()))) or None

    @property
    def acceptance(self) -> dict[str, Any]:
        """What a line holds as evidence whose maker accepts the ledger as it is."""
        return {ACCEPTED: list(self.findings)} if self.findings else {}

    def describe_findings(self) -> str | None:
        """What is wrong with the ledger, and what to do; None: nothing."""
        if not self.findings:
            return None
        return (
            f"the ledger {ledger_name()} is not as it was written: {'; '.join(self.findings)}; put it back from a "
            "backup of MLflow's data base. Where there is none, look at `segline history` and name the champion with "
            "`segline rollback --to VERSION`: that accepts the ledger as it is and is recorded; only then `segline "
            "promote` goes on"
        )

    def describe_alias(self) -> str | None:
        """How the alias `champion` differs from the ledger, and what to do; None: it does not."""
        told, found, name = self.state.champion, self.found.champion, model_name()
        if told == found:
            return None
        where = f"the ledger says that the champion is {_show(told)}, the alias is at {_show(found)}"
        if self.is_pending:
            return (
                f"{where}: whoever wrote line {self.state.last_move} ended before the alias had followed; the next "
                "`segline promote` or `segline rollback` moves it first"
            )
        where = f"{where}: it was moved by hand"
        if told is None:
            return f"{where}; remove the alias {CHAMPION} in MLflow; `segline promote {found}` then judges that version"
        judge = f", and `segline promote {found}` compares that one" if found else ""
        return (
            f"{where}, or {name}/{told} was deleted; `segline rollback --to {told}` puts it right, or takes the number "
            f"of another former champion, and is recorded; only then `segline promote` goes on{judge}"
        )


def read_standing(completes: bool = False) -> Standing:
    """Reads ledger and aliases.

    Args:
        completes: a move that a program wrote down before it died is completed. Without it no alias is moved.

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
    projected, found = _read_projected(), _find_aliases()
    result = audit(read_entries(), witnesses)
    state = replay(result.lines, found)
    if not result.findings:
        keep_seen(result.lines)
    return Standing(result.lines, state, found, result.findings, result.notes, projected < state.last_move)


def list_warnings(standing: Standing) -> Iterator[str]:
    """What a person should know who looks at the ledger, a sentence each."""
    yield from (printable(note) for note in standing.notes)
    if complaint := standing.describe_alias():
        yield printable(without_secrets(complaint))


def check_ledger(standing: Standing) -> None:
    """Raises if the ledger is not as it was written, so that whoever looks at it unattended sees that.

    Raises:
        EvidenceError: tells which lines, and what to do.
    """
    if complaint := standing.describe_findings():
        raise EvidenceError(complaint)


def check_agreement(standing: Standing) -> None:
    """Refuses to decide anything while ledger and aliases tell different champions.

    Raises:
        RegistryError: says what to do.
    """
    if complaint := standing.complaint:
        raise RegistryError(complaint)


def record(line: Line) -> Effect:
    """Writes a line, moves the aliases if it took effect, and says what it did.

    Raises:
        RegistryError: MLflow cannot be reached; a line that is written already is followed by the next command.
    """
    written = append(line)
    state = follow_ledger()
    if version := find_number(line.version):
        head = {HEAD_TAG: f"{written.number}:{written.head}"}
        write_patiently(f"a tag of {version}", lambda: set_tags(version, head))
    return next(effect for effect in state.effects if effect.number == written.number)


def follow_ledger() -> State:
    """Points the aliases to where the ledger leads, and says where that is.

    It is read again afterwards, until no line came in the meantime: so whoever is slow leaves no old alias behind.
    """
    lines = read_ledger()
    while True:
        state = replay(lines, _find_aliases())
        _point(state, head_of(lines))
        before, lines = lines, read_ledger()
        if lines == before:
            return state


def _point(state: State, head: str) -> None:
    """Two may do this at once, so it is repeated where MLflow fails; a version that was deleted gets no alias."""
    write_patiently("an alias", lambda: _point_once(state, head))


def _point_once(state: State, head: str) -> None:
    versions = {version.number: version for version in list_versions()}
    wanted = {PREVIOUS: state.previous, CHAMPION: state.champion}
    with opened() as (_, client):
        for alias, number in wanted.items():
            if number in versions and alias not in versions[number].aliases:
                client.set_registered_model_alias(model_name(), alias, str(number))
        client.set_registered_model_tag(ledger_name(), PROJECTED_TAG, str(state.last_move))
        if versions:
            client.set_registered_model_tag(model_name(), HEAD_TAG, head)


def _find_aliases() -> Aliases:
    at = _numbers_by_alias()
    return Aliases(at.get(CHAMPION), at.get(PREVIOUS))


def _numbers_by_alias() -> Mapping[str, int]:
    return {alias: version.number for version in list_versions() for alias in version.aliases}


def _read_projected() -> int:
    if not list_versions(ledger_name()):
        return 0
    with opened() as (_, client):
        tag = client.get_registered_model(ledger_name()).tags.get(PROJECTED_TAG, "0")
    return int(tag) if NUMBER.fullmatch(tag) else 0


def _show(number: int | None) -> str:
    return f"{model_name()}/{number}" if number else "nobody"


def find_number(number: int | None) -> Version | None:
    """The version of our model with a number; None where there is none, or none any more."""
    return next((version for version in list_versions() if version.number == number), None)
