"""Who is compared with whom when a version wants to be champion."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RegistryError
from pipeline.ledger.aliases import Standing, find_number
from pipeline.ledger.ledger import Aliases, Line, replay
from pipeline.registry.client import Version, list_versions, model_name


@dataclass(frozen=True)
class Contest:
    """Who is compared with whom.

    Attributes:
        challenger: wants to be champion.
        champion: None: there is none.
        anchor: against which losses must not add up; None: there is none, or it is the challenger itself.
        champion_test_md5: of the test split by which the champion was chosen; None: not known.
    """

    challenger: Version
    champion: Version | None
    anchor: Version | None
    champion_test_md5: str | None

    def entrants(self) -> dict[str, Version]:
        """All of them by name, each once."""
        return {str(version): version for version in (self.challenger, self.champion, self.anchor) if version}


def find_contest(challenger: Version, standing: Standing, anchor: str | int) -> Contest:
    """Who the challenger is compared with.

    Args:
        challenger: wants to be champion.
        standing: of ledger and aliases.
        anchor: "best", "none" or the number of a version.

    Raises:
        RegistryError: the anchor is not there any more.
    """
    champion = find_number(standing.state.champion)
    existing = {version.number for version in list_versions()}
    best = find_best(standing.lines, standing.found, existing) if anchor == "best" else None
    number = best if isinstance(anchor, str) else anchor
    found = find_number(number)
    if number and found is None:
        raise RegistryError(
            f"the anchor {model_name()}/{number} is not in the registry any more; name another version in "
            "promote.anchor of params.yaml, or none"
        )
    if found and found.number == challenger.number:
        found = None
    return Contest(challenger, champion, found, _find_test_md5(standing, champion))


def find_best(lines: Sequence[Line], found: Aliases, existing: Collection[int]) -> int | None:
    """The best version ever promoted: the first champion, then each that was shown to be better than the best so far.

    Shown is what the evidence says of the two on one test split, by interval and test. A point estimate would not do:
    by luck alone a slightly worse model beats the best now and then, and the losses would add up. A version that was
    rolled back, or that is deleted, is passed over as if it had never been.

    Args:
        lines: in the order of their numbers.
        found: where the aliases are, which is where a ledger without lines starts.
        existing: numbers of the versions that are in the registry.
    """
    counted = set(existing) - find_undone(lines, found).keys()
    start = lines[0].found.champion if lines else found.champion
    best = start if start in counted else None
    for line, effect in zip(lines, replay(lines, found).effects, strict=True):
        if best is None and effect.champion in counted:
            best = effect.champion
        elif effect.what == "promoted" and line.version in counted and _is_shown_better(line.evidence, best):
            best = line.version
    return best


def find_undone(lines: Sequence[Line], found: Aliases) -> dict[int, int]:
    """Versions that a rollback took from the throne, each with the number of that line.

    A rollback undoes the champion if it goes back to one that was promoted earlier. One that goes on to a later
    champion undoes a rollback, and whoever it takes down was up by that rollback alone. Who comes back is not undone.

    Args:
        lines: in the order of their numbers.
        found: where the aliases are, which is where a ledger without lines starts.
    """
    start = lines[0].found if lines else found
    champion, undone = start.champion, dict[int, int]()
    promoted_in = {start.previous: -1, start.champion: 0}
    for line, effect in zip(lines, replay(lines, found).effects, strict=True):
        if effect.what == "promoted":
            promoted_in[line.version] = line.number
        elif effect.what == "rolled back":
            back_to = promoted_in.setdefault(line.version, line.number)
            if champion is not None and back_to < promoted_in[champion]:
                undone[champion] = line.number
        champion = effect.champion
        if effect.what in ("promoted", "rolled back"):
            undone.pop(line.version, None)
    return undone


def _is_shown_better(evidence: Mapping[str, Any], other: int | None) -> bool:
    against = evidence.get("comparisons", {}).get(str(other), {})
    low, p_value, confidence = (against.get(name) for name in ("low", "p_value", "confidence"))
    return None not in (low, p_value, confidence) and low > 0 and p_value <= 1 - confidence


def _find_test_md5(standing: Standing, champion: Version | None) -> str | None:
    """Of the test split on which the champion was promoted, else on which it was registered."""
    if champion is None:
        return None
    chosen = champion.tags.get("test_md5")
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        if effect.what == "promoted" and line.version == champion.number:
            chosen = line.evidence.get("test_md5", chosen)
    return chosen
