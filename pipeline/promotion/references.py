"""The models that a challenger is compared with, read from the ledger: the champion and the anchor."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RegistryError
from pipeline.ledger.aliases import Standing, find_number
from pipeline.ledger.ledger import Aliases, Line, replay
from pipeline.registry.client import Version, list_versions, model_name


@dataclass(frozen=True)
class References:
    """The models that a challenger is compared with.

    Attributes:
        champion: None: there is none.
        anchor: bounds the losses of many promotions; None: there is none, or it is the challenger itself.
        champion_test_md5: of the test split by which the champion was chosen; None: not known.
    """

    champion: Version | None
    anchor: Version | None
    champion_test_md5: str | None


def find_references(challenger: Version, standing: Standing, anchor: str | int) -> References:
    """Reads champion and anchor.

    Args:
        anchor: "best", "none" or the number of a version.

    Raises:
        RegistryError: the anchor is not in the registry any more.
    """
    champion = find_number(standing.state.champion)
    existing = {version.number for version in list_versions()}
    best = find_best(standing.lines, standing.found, existing) if anchor == "best" else None
    number = best if isinstance(anchor, str) else anchor
    version = find_number(number)
    if number and version is None:
        raise RegistryError(
            f"the anchor {model_name()}/{number} is not in the registry any more; name another version in "
            "promote.anchor of params.yaml, or none"
        )
    if version and version.number == challenger.number:
        version = None
    return References(champion, version, _find_test_md5(standing, champion))


def find_best(lines: Sequence[Line], found: Aliases, existing: Collection[int]) -> int | None:
    """The best version ever promoted: the first champion, then each that is superior to the best so far.

    Superiority is read from the evidence of the two on one test split, by interval and test. With point estimates a
    slightly worse model would win by luck now and then, and the losses would add up. A version that was demoted or
    deleted is skipped. One that an override made champion counts for nothing, unless a promotion did so too.

    Args:
        existing: numbers of the versions that are in the registry.
    """
    counted = set(existing) - find_demoted(lines, found).keys()
    start = lines[0].found.champion if lines else found.champion
    best = start if start in counted else None
    overridden = set[int]()
    for line, effect in zip(lines, replay(lines, found).effects, strict=True):
        is_promoted = effect.what == "promoted"
        if effect.what == "override":
            overridden.add(line.version)
        can_be_first = is_promoted or (effect.what == "rolled back" and line.version not in overridden)
        is_better = can_be_first if best is None else is_promoted and _is_superior(line.evidence, best)
        if is_better and line.version in counted:
            best = line.version
    return best


def find_demoted(lines: Sequence[Line], found: Aliases) -> dict[int, int]:
    """Versions that a rollback demoted, each with the number of that line.

    A rollback demotes the champion if it goes back to a version that was promoted earlier. A rollback to a later
    champion undoes another rollback, so it demotes none. A version that becomes champion again is not demoted any more,
    but an override takes back no rollback before it.
    """
    start = lines[0].found if lines else found
    champion, crowned_in = start.champion, {start.previous: -1, start.champion: 0}
    demoted = defaultdict[int, list[int]](list)  # line of each rollback that counts
    for line, effect in zip(lines, replay(lines, found).effects, strict=True):
        if effect.what in ("promoted", "override"):
            crowned_in[line.version] = line.number
        if effect.what == "promoted":
            demoted[line.version].clear()
        elif effect.what == "rolled back":
            back_to = crowned_in.setdefault(line.version, line.number)
            if champion is not None and back_to < crowned_in[champion]:
                demoted[champion].append(line.number)
            demoted[line.version] = [number for number in demoted[line.version] if number < back_to]
        champion = effect.champion
    return {version: numbers[-1] for version, numbers in demoted.items() if numbers}


def _is_superior(evidence: Mapping[str, Any], other: int | None) -> bool:
    against = evidence.get("comparisons", {}).get(str(other), {})
    low, p_value, confidence = (against.get(name) for name in ("low", "p_value", "confidence"))
    return None not in (low, p_value, confidence) and low > 0 and p_value <= 1 - confidence


def _find_test_md5(standing: Standing, champion: Version | None) -> str | None:
    """MD5 of the test split on which the champion was promoted, else on which it was registered."""
    if champion is None:
        return None
    chosen = champion.tags.get("test_md5")
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        if effect.what in ("promoted", "override") and line.version == champion.number:
            chosen = line.evidence.get("test_md5", chosen)
    return chosen
