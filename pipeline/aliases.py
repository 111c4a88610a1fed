"""The aliases `champion` and `previous`: a projection of the ledger, which decides where they point."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.contention import write_patiently
from pipeline.errors import RegistryError
from pipeline.ledger import Aliases, Effect, Line, State, append, ledger_name, read_ledger, replay
from pipeline.registry import CHAMPION, PREVIOUS, Version, list_versions, model_name, opened

PROJECTED_TAG = "projected"
"""Of the ledger: the last line whose move the aliases have followed, so that a program that died before is seen."""
NUM_LOOKS, PAUSE_S = 4, 0.5
"""Another program may be moving the aliases at this moment."""


@dataclass(frozen=True)
class Standing:
    """What ledger and aliases say at one moment.

    Attributes:
        lines: of the ledger.
        state: where they lead to; without lines what the aliases say.
        found: where the aliases are.
    """

    lines: tuple[Line, ...]
    state: State
    found: Aliases

    @property
    def complaint(self) -> str | None:
        """What to tell a person where the alias `champion` is not where the ledger has it, else None."""
        told, found, name = self.state.champion, self.found.champion, model_name()
        if told == found:
            return None
        head = (
            f"the ledger says that the champion is {_show(told)}, the alias is at {_show(found)}: it was moved by hand"
        )
        if told is None:
            return (
                f"{head}; remove the alias {CHAMPION} in MLflow, then `segline promote {found}` decides on that version"
            )
        judge = f", and `segline promote {found}` compares that one" if found else ""
        return (
            f"{head}, or {name}/{told} was deleted; `segline rollback --to {told}` puts it right, or takes the number "
            f"of another former champion, and is recorded; only then `segline promote` goes on{judge}"
        )


def read_standing() -> Standing:
    """Reads ledger and aliases; a move that a program wrote down and then died is completed.

    Raises:
        RegistryError: MLflow cannot be reached, or a line was changed by hand.
    """
    for _ in range(NUM_LOOKS):
        lines = read_ledger()
        projected, found = _read_projected(), _find_aliases()
        standing = Standing(lines, replay(lines, found), found)
        if standing.complaint is None:
            return standing
        if projected < standing.state.last_move:
            follow_ledger()
        else:
            time.sleep(PAUSE_S)
    return standing


def check_agreement(standing: Standing) -> None:
    """Refuses to decide anything while ledger and aliases tell different champions.

    Raises:
        RegistryError: says what to do.
    """
    if standing.complaint:
        raise RegistryError(standing.complaint)


def record(line: Line) -> Effect:
    """Writes a line, moves the aliases if it took effect, and says what it did.

    Raises:
        RegistryError: MLflow cannot be reached; a line that is written already is followed by the next command.
    """
    number = append(line).number
    return next(effect for effect in follow_ledger().effects if effect.number == number)


def follow_ledger() -> State:
    """Points the aliases to where the ledger leads, and says where that is.

    It is read again afterwards, until no line came in the meantime: so whoever is slow leaves no old alias behind.
    """
    lines = read_ledger()
    while True:
        state = replay(lines, _find_aliases())
        _point(state)
        before, lines = lines, read_ledger()
        if lines == before:
            return state


def _point(state: State) -> None:
    """Two may do this at once, so it is repeated where MLflow fails; a version that was deleted gets no alias."""
    write_patiently("an alias", lambda: _point_once(state))


def _point_once(state: State) -> None:
    versions = {version.number: version for version in list_versions()}
    wanted = {PREVIOUS: state.previous, CHAMPION: state.champion}
    with opened() as (_, client):
        for alias, number in wanted.items():
            if number in versions and alias not in versions[number].aliases:
                client.set_registered_model_alias(model_name(), alias, str(number))
        client.set_registered_model_tag(ledger_name(), PROJECTED_TAG, str(state.last_move))


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
    return int(tag) if tag.isdecimal() else 0


def _show(number: int | None) -> str:
    return f"{model_name()}/{number}" if number else "nobody"


def find_number(number: int | None) -> Version | None:
    """The version of our model with a number; None where there is none, or none any more."""
    return next((version for version in list_versions() if version.number == number), None)
