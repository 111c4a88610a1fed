"""Makes the previous champion, or a named version, champion again, and records that in the ledger."""

from dataclasses import asdict, replace
from typing import NamedTuple

from pipeline.errors import EvidenceError, RegistryError
from pipeline.evaluation.reasons import Reason
from pipeline.ledger.aliases import Standing, check_agreement, find_number, read_standing, record
from pipeline.ledger.ledger import Line, new_line
from pipeline.promotion.decision_report import report_decision, rollback_of
from pipeline.promotion.findings import give_reason
from pipeline.promotion.wording import to_sentences
from pipeline.publishing.champion import follow_champion, show_followed
from pipeline.publishing.publication import Followed
from pipeline.registry.client import Version, find_version, list_versions, model_name
from pipeline.registry.evidence import download_verified


class Rollback(NamedTuple):
    """A rollback that was carried out.

    Attributes:
        champion: the champion now.
        previous: number of the champion before; None if there was none, or if it is the same version.
        is_named: the version was given by name, so it need not be the previous champion.
        publication: of the champion, afterwards.
    """

    champion: Version
    previous: int | None
    is_named: bool
    publication: Followed = None


def rollback(to: str | None = None) -> Rollback:
    """See `segline.rollback`."""
    standing = read_standing(completes=True)
    target = _find_target(standing) if to is None else _find_named(to, standing)
    if target.tags.get("verdict") != "accepted":
        problem = "has no accepted verdict, so it cannot be champion"
        raise EvidenceError(f"{target}: {problem}; `segline history` shows which")
    download_verified(target)
    line = move(target, standing)
    report_decision(line.number, target, rollback_of(line.number, target, line.reasons))
    before = standing.state.champion
    previous = before if before != target.number else None
    return Rollback(target, previous, is_named=to is not None, publication=follow_champion())


def show(rollback: Rollback) -> None:
    """Prints which version is champion now, and the publication if there is one.

    Raises:
        StorageError: the champion could not be published; the rollback stands.
    """
    rest = f", {model_name()}/{rollback.previous} is previous" if rollback.previous else ""
    print(f"{rollback.champion} is champion{'' if rollback.is_named else ' again'}{rest}")
    show_followed(rollback.publication)


def move(target: Version, standing: Standing) -> Line:
    """Writes a rollback to `target` into the ledger and moves the aliases; gives the line.

    Raises:
        RegistryError: another program moved the champion at the same time.
    """
    reasons = _give_reasons(target, standing)
    evidence = {**standing.acceptance, "reasons": [asdict(reason) for reason in reasons]}
    sentences = to_sentences(reasons)
    line = new_line("rollback", target.number, standing.lines, standing.found, sentences, evidence)
    effect = record(line)
    if effect.what == "void":
        raise RegistryError(f"{effect.reason}; nothing was rolled back, see `segline history` and run this again")
    return replace(line, number=effect.number)


def _give_reasons(target: Version, standing: Standing) -> list[Reason]:
    champion, alias = standing.state.champion, standing.found.champion
    if champion == target.number:
        reasons = [give_reason("champion_kept", model=str(target))]
    else:
        replaced = f"{model_name()}/{champion}" if champion else None
        reasons = [give_reason("replaced", model=str(target), replaced=replaced)]
    if standing.complaint and not _left_champions(standing):
        reasons.append(give_reason("no_champion_left"))
    elif standing.complaint and alias:
        reasons.append(give_reason("alias_moved_by_hand", alias_at=f"{model_name()}/{alias}"))
    return reasons


def _find_target(standing: Standing) -> Version:
    check_agreement(standing)
    champion, previous = find_number(standing.state.champion), standing.state.previous
    if champion is None:
        raise RegistryError("there is no champion to roll back; `segline status` shows what there is")
    if previous is None or previous == champion.number:
        raise RegistryError(
            f"{champion} is champion and no version was before it; name another with `segline rollback --to VERSION`"
        )
    return find_version(str(previous))


def _find_named(to: str, standing: Standing) -> Version:
    target = find_version(to)
    if target.name != model_name():
        raise RegistryError(f"{target}: is not a version of {model_name()}; set SEGLINE_MODEL_NAME to {target.name}")
    if target.number == standing.state.champion and standing.complaint is None:
        raise RegistryError(f"{target} is the champion already; `segline history` shows the one before")
    left = _left_champions(standing)
    if target.number not in left and (left or standing.state.champion is None):
        otherwise = f"`segline promote {target.number}` compares it with the champion"
        raise EvidenceError(
            f"{target}: never was champion, so there is nothing to go back to; {standing.complaint or otherwise}"
        )
    return target


def _left_champions(standing: Standing) -> set[int]:
    """Numbers of the champions of the ledger, former ones included, that are still in the registry."""
    start = standing.lines[0].found if standing.lines else standing.found
    champions = {start.champion, start.previous, *(effect.champion for effect in standing.state.effects)}
    return {version.number for version in list_versions() if version.number in champions}
