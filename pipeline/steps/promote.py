"""Compares challenger and champion on today's test split, records the decision, and moves `champion` if it may."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from pipeline.errors import ParamsError
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.ledger.aliases import Standing, check_agreement, read_standing, record
from pipeline.ledger.ledger import Kind, new_line
from pipeline.params import Params, read_params
from pipeline.promotion.claims.attempts import count_attempts
from pipeline.promotion.decide import (
    Facts,
    Promotion,
    check_challenger,
    check_newest,
    decide,
    gather_facts,
    refuse_unseen,
    supersede,
)
from pipeline.promotion.decide import override as override_rule
from pipeline.promotion.decision_report import decision_of, report_decision
from pipeline.promotion.leakage import find_exposure, read_today
from pipeline.promotion.noise_floor import read_noise_floor
from pipeline.promotion.references import References, find_demoted, find_references
from pipeline.promotion.rescore import rescore
from pipeline.promotion.wording import to_sentences
from pipeline.publishing.champion import follow_champion, show_followed
from pipeline.registry.client import (
    CHALLENGER,
    Version,
    find_alias,
    find_version,
    model_name,
    set_tags,
    write_patiently,
)
from pipeline.registry.evidence import download_verified
from pipeline.text import printable

DECISION_CHARS = 4_000
"""Of the tag `decision`, which is an excerpt; the ledger has the whole decision."""


def promote(version: str | None = None, override: str | None = None) -> Promotion:
    """See `segline.promote`."""
    why = None if override is None else _read_why(override)
    all_params, standing = read_params(), read_standing(completes=True)
    params = all_params.promote
    check_agreement(standing)
    challenger = _read_challenger(version)
    references = find_references(challenger, standing, params.anchor)
    demoted = find_demoted(standing.lines, standing.found)
    decision = refuse_unseen(challenger, references.champion, demoted, is_named=bool(version or why))
    if decision is None:
        facts = _count_attempts(_read_facts(challenger, references, all_params), standing, params.attempts)
        limits = params.limits(facts.noise.floor if facts.noise else None)
        refuses = params.unknown_exposure == "refuse"
        decision = decide(facts, params.rule, limits, params.model_dump(mode="json"), refuses_unknown=refuses)
        decision = override_rule(decision, why) if why else decision
        for scored in (facts.challenger, *facts.references):
            tags = {"rescored_mean_iou": f"{scored.mean_iou:.6f}", "rescored_test_md5": facts.test_md5}
            _tag(scored.version, tags)
    decision = carry_out(decision, standing)
    if decision.evidence:  # models were compared
        report_decision(decision.line, decision.challenger, decision_of(decision))
    return replace(decision, publication=follow_champion())


def show(decision: Promotion) -> None:
    """Prints a decision, its reasons, and the publication if there is one.

    Raises:
        StorageError: the champion could not be published; the decision stands.
    """
    print(printable(str(decision)))
    show_followed(decision.publication)


def _read_why(override: str) -> str:
    """The reason of an override in a line."""
    if why := " ".join(override.split()):
        return why
    raise ParamsError(
        "--override has no reason, expected why the rule is wrong here; ledger, status and reports show it for ever"
    )


def _read_challenger(version: str | None) -> Version:
    if version is None and VERDICT.is_file():
        judged = datetime.fromtimestamp(VERDICT.stat().st_mtime, UTC)
        check_newest(find_alias(CHALLENGER), Verdict.read(), judged)
    challenger = find_version(version or CHALLENGER)
    check_challenger(challenger, model_name())
    return challenger


def _read_facts(challenger: Version, references: References, params: Params) -> Facts:
    versions = {str(one): one for one in (challenger, references.champion, references.anchor) if one}
    rescored = rescore({name: download_verified(one) for name, one in versions.items()})
    today = read_today(params.validate_.look_bits, params.validate_.groups_in_several_splits)
    exposures = {name: find_exposure(one, today) for name, one in versions.items()}
    return gather_facts(challenger, references, rescored, exposures, read_noise_floor(), params.promote.comparison())


def _count_attempts(facts: Facts, standing: Standing, allowed: int) -> Facts:
    if not (facts.champion and facts.champion.comparison and facts.champion.comparison.difference.is_shown):
        return facts
    pair = facts.challenger.version.number, facts.champion.version.number, facts.test_md5
    return replace(facts, attempts=count_attempts(standing.lines, pair, facts.champion.comparison, allowed))


def carry_out(decision: Promotion, standing: Standing) -> Promotion:
    """Writes a decision into the ledger and moves the aliases; of two concurrent ones one takes effect.

    Returns:
        The decision with its line; not promoted, with the reason, if the champion has changed since `standing`.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    challenger, reasons = decision.challenger, decision.reasons
    evidence = {**decision.evidence, "reasons": [asdict(reason) for reason in reasons]}
    kind: Kind = "override" if decision.override else "promote" if decision.promoted else "refuse"
    line = new_line(kind, challenger.number, standing.lines, standing.found, to_sentences(reasons), evidence)
    effect = record(line)
    decision = replace(decision, line=effect.number)
    if effect.what == "void":
        decision = supersede(decision, effect.reason)
    _tag(challenger, {"decision": str(decision)[:DECISION_CHARS]})
    return decision


def _tag(version: Version, tags: Mapping[str, str]) -> None:
    """Another promotion may tag the same version at this moment."""
    write_patiently(f"a tag of {version}", lambda: set_tags(version, tags))
