"""The decision on a challenger, as pure functions: no MLflow, no disk, no clock."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pipeline.disk.records import nan_as_null
from pipeline.errors import EvidenceError, RegistryError, RejectedError
from pipeline.evaluation.reasons import Reason, Value
from pipeline.evaluation.verdict import Verdict
from pipeline.ledger.overrides import OVERRIDE
from pipeline.promotion.claims.attempts import Attempts
from pipeline.promotion.claims.detectable import Detectable, detectable
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.findings import Limits, give_reason
from pipeline.promotion.leakage import STORED, STORED_HASHES, Exposure
from pipeline.promotion.noise_floor import NoiseFloor
from pipeline.promotion.references import References
from pipeline.promotion.rescore import Rescored
from pipeline.promotion.rules import judge
from pipeline.promotion.wording import to_sentences
from pipeline.publishing.publication import Followed
from pipeline.registry.client import Version
from pipeline.report.place import NEWEST
from pipeline.vision.confusion import mean_iou


@dataclass(frozen=True)
class Promotion:
    """The decision on a challenger.

    Attributes:
        promoted: the alias `champion` is moved to it.
        override: the reason to promote it against the rule; "": the rule decides.
        reasons: with the scores that decided.
        champion: the champion before; None: there was none.
        evidence: of the ledger's line, as JSON takes it; empty if nothing was compared.
        line: number of the ledger's line; 0 until it is written.
        publication: of the champion, afterwards.
    """

    promoted: bool
    reasons: tuple[Reason, ...]
    challenger: Version
    champion: Version | None
    evidence: Mapping[str, Any]
    line: int = 0
    publication: Followed = None
    override: str = ""

    def __str__(self) -> str:
        outcome = "PROMOTED BY OVERRIDE" if self.override else "PROMOTED" if self.promoted else "NOT PROMOTED"
        return f"{outcome}: {'; '.join(to_sentences(self.reasons))}"


@dataclass(frozen=True)
class Scored:
    """A version on today's test split.

    Attributes:
        mean_iou: in [0, 1]; nan without a counted pixel.
        exposure: to today's test images; None: not known.
        comparison: of the challenger against this version; None for the challenger itself.
    """

    version: Version
    mean_iou: float
    exposure: Exposure | None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Facts:
    """Facts that a decision follows from; champion, anchor and `champion_test_md5` are those of `References`.

    Attributes:
        anchor: the object `champion` itself if both are the same version.
        test_md5: of today's test split.
        noise: None: not measured.
        attempts: None: there is no champion to compare with.
        reach: of the comparison with the champion; None: there is none, or it has no interval.
    """

    challenger: Scored
    champion: Scored | None
    anchor: Scored | None
    test_md5: str
    champion_test_md5: str | None
    noise: NoiseFloor | None
    attempts: Attempts | None = None
    reach: Detectable | None = None

    @property
    def references(self) -> list[Scored]:
        """Champion and anchor, each version once."""
        anchor = None if self.anchor is self.champion else self.anchor
        return [scored for scored in (self.champion, anchor) if scored]

    @property
    def is_test_split_changed(self) -> bool | None:
        """None: there is no champion, or its test split is not known."""
        return None if self.champion_test_md5 is None else self.champion_test_md5 != self.test_md5


def gather_facts(
    challenger: Version,
    references: References,
    rescored: Rescored,
    exposures: Mapping[str, Exposure | None],
    noise: NoiseFloor | None,
    bootstrap: Mapping[str, Any],
) -> Facts:
    """Compares a challenger with champion and anchor; the attempts are not counted yet.

    Args:
        rescored: tables of all three, by name.
        exposures: as in `Scored`, by name.
        bootstrap: settings of `compare`.

    Raises:
        EvidenceError: the tables are of other images, masks, groups or classes.
    """
    own, tables, scored = str(challenger), rescored.tables, dict[str, Scored]()
    versions = {str(version): version for version in (challenger, references.champion, references.anchor) if version}
    for name, version in versions.items():
        against = None if name == own else compare(tables[own], tables[name], **bootstrap)
        scored[name] = Scored(version, mean_iou(tables[name].pooled()), exposures[name], against)
    champion, anchor = (scored.get(str(version)) for version in (references.champion, references.anchor))
    reach = None
    if champion and champion.comparison:
        reach = detectable(champion.comparison, (tables[own], tables[str(champion.version)]))
    return Facts(scored[own], champion, anchor, rescored.test_md5, references.champion_test_md5, noise, reach=reach)


def check_challenger(challenger: Version, name: str) -> None:
    """Checks that a version can become champion of the registered model `name`.

    Raises:
        EvidenceError: the gate did not accept the version.
        RegistryError: it is a version of another model.
    """
    if challenger.name != name:
        raise RegistryError(
            f"{challenger}: is not a version of {name}; to promote it, set SEGLINE_MODEL_NAME to {challenger.name}"
        )
    if challenger.tags.get("verdict") != "accepted":
        raise EvidenceError(
            f"{challenger}: has no accepted verdict; expected one that `segline register` made, no override replaces it"
        )


def check_newest(challenger: Version | None, verdict: Verdict, judged: datetime) -> None:
    """Checks that no newer model than the challenger was rejected, as `segline promote` means the newest model.

    Args:
        verdict: of the gate on the newest model.
        judged: time of the verdict.

    Raises:
        RejectedError: the gate rejected the newest model.
    """
    if verdict.accepted or (challenger and challenger.created and challenger.created >= judged):
        return
    older = (
        f"; the challenger {challenger} is older, `segline promote {challenger.number}` judges it" if challenger else ""
    )
    raise RejectedError(
        f"the gate rejected the newest model: {'; '.join(verdict.sentences)}; it was not registered, so there is "
        f"nothing new to promote: train a better one, {NEWEST} shows where this one fails{older}"
    )


def refuse_unseen(
    challenger: Version, champion: Version | None, demoted: Mapping[int, int], is_named: bool
) -> Promotion | None:
    """The refusal of a challenger that need not be scored; None if it has to be.

    Args:
        demoted: lines of the rollbacks by the number of the version that each demoted.
        is_named: a person named the version, which compares a demoted one again.
    """
    model, number = str(challenger), challenger.number
    if champion and champion.number == number:
        reason = give_reason("already_champion", model=model)
    elif number in demoted and not is_named:
        reason = give_reason("demoted", model=model, number=number, line=demoted[number])
    else:
        return None
    return Promotion(False, (reason,), challenger, champion, {})


def decide(facts: Facts, rule: str, limits: Limits, settings: Mapping[str, Any], *, refuses_unknown: bool) -> Promotion:
    """Applies the rule to the facts; for a first champion the gate's verdict is enough.

    Args:
        rule: a name of `RULES`.
        settings: the section `promote` of the params, for the evidence.
        refuses_unknown: an unknown exposure of the challenger speaks against it; else it is a note.
    """
    against = [scored.comparison if scored else None for scored in (facts.champion, facts.anchor)]
    ruling = judge(rule, limits, *against)
    unfair = [*_judge_first(facts), *_judge_attempts(facts), *_list_leakage("leakage", [facts.challenger])]
    leaked = [
        *_list_leakage("reference_leakage", facts.references),
        *_list_unknown("reference_exposure_unknown", facts.references),
    ]
    (unfair if refuses_unknown else leaked).extend(_list_unknown("exposure_unknown", [facts.challenger]))
    notes = [*_describe_scores(facts), *leaked, *_describe_looks(facts), *_describe_noise(facts)]
    notes += _describe_claims(facts, rule)
    promoted = ruling.promoted and not unfair and not math.isnan(facts.challenger.mean_iou)
    versions = facts.challenger.version, facts.champion.version if facts.champion else None
    return Promotion(promoted, (*notes, *unfair, *ruling.reasons), *versions, _to_evidence(facts, settings))


def override(decision: Promotion, why: str) -> Promotion:
    """Promotes against the rule for a person's reason; a challenger that the rule promotes needs no override."""
    if decision.promoted:
        return replace(decision, reasons=(*decision.reasons, give_reason("override_not_needed")))
    reasons = (give_reason("override", model=str(decision.challenger), why=why), *decision.reasons)
    return replace(
        decision, promoted=True, override=why, reasons=reasons, evidence={**decision.evidence, OVERRIDE: why}
    )


def supersede(decision: Promotion, cause: str) -> Promotion:
    """The decision if another program moved the champion before its line was written, for the ledger's `cause`."""
    champion = str(decision.champion) if decision.champion else None
    reason = give_reason("superseded", model=str(decision.challenger), champion=champion, cause=cause)
    return replace(decision, promoted=False, override="", reasons=(reason, *decision.reasons))


def _judge_first(facts: Facts) -> Iterator[Reason]:
    """Only the gate judged a first champion, so its verdict has to be on today's test split."""
    version = facts.challenger.version
    judged = version.tags.get("test_md5")
    if facts.champion is None and judged != facts.test_md5:
        yield give_reason("judged_on_other_split", model=str(version), judged=judged, today=facts.test_md5)


def _judge_attempts(facts: Facts) -> Iterator[Reason]:
    """Refuses if the level was spent on earlier attempts."""
    attempts, against = facts.attempts, facts.champion and facts.champion.comparison
    if attempts and against and attempts.are_used_up:
        renewed = attempts.allowed / against.num_units
        yield give_reason("attempts_used_up", allowed=attempts.allowed, renewed=renewed, unit=against.unit)


def _describe_claims(facts: Facts, rule: str) -> Iterator[Reason]:
    """Notes on attempts and on differences that the split can show."""
    if facts.attempts:
        yield give_reason("attempt", rule=rule, **asdict(facts.attempts))
    if facts.reach and facts.champion and (against := facts.champion.comparison):
        yield from facts.reach.reasons(against.unit, against.num_units)


def _list_leakage(code: str, models: Iterable[Scored]) -> Iterator[Reason]:
    for scored in models:
        if scored.exposure and scored.exposure.num_images:
            yield give_reason(code, model=str(scored.version), **scored.exposure._asdict())


def _list_unknown(code: str, models: Iterable[Scored]) -> Iterator[Reason]:
    for scored in models:
        if scored.exposure is None:
            yield give_reason(code, model=str(scored.version), file=STORED)


def _describe_looks(facts: Facts) -> Iterator[Reason]:
    """A note on each model whose training images could not be compared with the test images by their looks."""
    for scored in (facts.challenger, *facts.references):
        if scored.exposure and scored.exposure.alike is None:
            yield give_reason("looks_not_compared", model=str(scored.version), file=STORED_HASHES)


def _describe_scores(facts: Facts) -> Iterator[Reason]:
    challenger, champion = facts.challenger, facts.champion
    values: dict[str, Value] = {"model": str(challenger.version), "mean_iou": challenger.mean_iou}
    if math.isnan(challenger.mean_iou):
        yield give_reason("no_score", model=str(challenger.version))
    elif champion is None:
        yield give_reason("score", **values)
    else:
        values |= {"champion": str(champion.version), "champion_mean_iou": champion.mean_iou}
        if facts.anchor and facts.anchor is not champion:
            values |= {"anchor": str(facts.anchor.version), "anchor_mean_iou": facts.anchor.mean_iou}
            yield give_reason("scores_with_anchor", **values)
        else:
            yield give_reason("scores", **values)
    if facts.is_test_split_changed:
        yield give_reason("test_split_changed")


def _describe_noise(facts: Facts) -> Iterator[Reason]:
    """A note if the noise floor was measured on other data or params than the challenger's."""
    if not (facts.noise and facts.champion):
        return
    measured = {"data": facts.noise.data_md5, "params": facts.noise.params_md5}
    tags = facts.challenger.version.tags
    if others := next((name for name, md5 in measured.items() if md5 != tags.get(f"{name}_md5")), None):
        yield give_reason("noise_floor_of_others", differs=others)


def _to_evidence(facts: Facts, settings: Mapping[str, Any]) -> dict[str, Any]:
    models = {str(scored.version.number): scored for scored in (facts.challenger, *facts.references)}
    return {
        "rule": settings,
        "mean_ious": nan_as_null({number: scored.mean_iou for number, scored in models.items()}),
        "comparisons": {number: one.comparison.to_dict() for number, one in models.items() if one.comparison},
        "champion": facts.champion and facts.champion.version.number,
        "anchor": facts.anchor and facts.anchor.version.number,
        "test_md5": facts.test_md5,
        "champion_test_md5": facts.champion_test_md5,
        "test_split_changed": facts.is_test_split_changed,
        "noise_floor": facts.noise and asdict(facts.noise),
        "attempts": nan_as_null(facts.attempts and asdict(facts.attempts)),
        "detectable": nan_as_null(facts.reach and asdict(facts.reach)),
        "seen": {number: scored.exposure and scored.exposure._asdict() for number, scored in models.items()},
    }
