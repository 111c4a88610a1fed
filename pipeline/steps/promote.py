"""Compares challenger and champion on today's test split, records what was decided, and moves `champion` if it may."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.dataset.manifest import read_manifest
from pipeline.errors import EvidenceError, RegistryError, RejectedError
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.ledger.aliases import Standing, check_agreement, read_standing, record
from pipeline.ledger.ledger import Kind, new_line
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.comparison import Comparison, compare, judge
from pipeline.promotion.decision_report import decision_of, report_decision
from pipeline.promotion.noise_floor import NoiseFloor, read_noise_floor
from pipeline.promotion.rescore import Rescored, rescore
from pipeline.promotion.rivals import Contest, find_contest, find_undone
from pipeline.promotion.seen_images import count_seen
from pipeline.registry.client import CHALLENGER, Version, find_alias, find_version, model_name, set_tags
from pipeline.registry.contention import write_patiently
from pipeline.registry.evidence import download_verified
from pipeline.report.place import NEWEST
from pipeline.text import printable
from pipeline.vision.confusion import mean_iou

DECISION_CHARS = 4_000
"""Of the tag `decision`, which is for a quick look; the ledger has the whole."""


@dataclass(frozen=True)
class Promotion:
    """What was decided of a challenger.

    Attributes:
        promoted: the alias `champion` was moved to it.
        reasons: with the scores that decided.
        challenger: the version that was judged.
        champion: the champion before; None where there was none.
        evidence: for the ledger, as JSON takes it.
        line: number of the ledger's line; 0 until it is written.
    """

    promoted: bool
    reasons: tuple[str, ...]
    challenger: Version
    champion: Version | None
    evidence: Mapping[str, Any]
    line: int = 0

    def __str__(self) -> str:
        return f"{'PROMOTED' if self.promoted else 'NOT PROMOTED'}: {'; '.join(self.reasons)}"


def promote(version: str | None = None) -> Promotion:
    """Moves `champion` to a version that is shown to be good enough, by the rule of the params.

    Each decision leaves a line in the ledger; what raises decides nothing and leaves none.

    Args:
        version: its number, or an alias; the challenger where none is given.

    Raises:
        RejectedError: no version is named, and the gate rejected a model after the challenger was registered.
        EvidenceError: the version was not accepted by the gate, today's test split is not what the manifest says, or
            a model knows other classes.
        ParamsError: the params are wrong.
        RegistryError: there is no such version or anchor, or `champion` was moved by hand.
    """
    params, standing = read_params().promote, read_standing(completes=True)
    check_agreement(standing)
    challenger = _find_challenger(version)
    contest = find_contest(challenger, standing, params.anchor)
    if against := _find_obstacle(contest, standing, is_named=version is not None):
        decision = Promotion(False, (against,), challenger, contest.champion, {})
    else:
        entrants = contest.entrants()
        rescored = rescore({name: download_verified(entrant) for name, entrant in entrants.items()})
        seen = {name: count_seen(entrant, read_manifest()) for name, entrant in entrants.items()}
        decision = decide(contest, rescored, params, read_noise_floor(), seen)
        for name, entrant in entrants.items():
            found = mean_iou(rescored.tables[name].pooled())
            _tag(entrant, {"rescored_mean_iou": f"{found:.6f}", "rescored_test_md5": rescored.test_md5})
    decision = carry_out(decision, standing)
    _report(decision)
    return decision


def tell(decision: Promotion) -> None:
    """Prints what was decided, and why."""
    print(printable(str(decision)))


def _find_challenger(version: str | None) -> Version:
    if version is None:
        _check_newest(find_alias(CHALLENGER))
    challenger = find_version(version or CHALLENGER)
    if challenger.name != model_name():
        raise RegistryError(
            f"{challenger}: is no version of {model_name()}; to promote it, set SEGLINE_MODEL_NAME to {challenger.name}"
        )
    if challenger.tags.get("verdict") != "accepted":
        raise EvidenceError(f"{challenger}: has no accepted verdict; expected one that `segline register` made")
    return challenger


def _check_newest(challenger: Version | None) -> None:
    """Refuses to judge an older challenger, or none, where the gate has rejected the model that is meant."""
    if not VERDICT.is_file() or (verdict := Verdict.read()).accepted:
        return
    if challenger and challenger.created and challenger.created.timestamp() >= VERDICT.stat().st_mtime:
        return
    older = (
        f"; the challenger {challenger} is older, `segline promote {challenger.number}` judges it" if challenger else ""
    )
    raise RejectedError(
        f"the gate rejected the newest model: {'; '.join(verdict.reasons)}; it was not registered, so there is nothing "
        f"new to promote: train a better one, {NEWEST} shows where this one fails{older}"
    )


def _find_obstacle(contest: Contest, standing: Standing, is_named: bool) -> str | None:
    """Why a challenger is refused without a look at it, if it is."""
    challenger, champion = contest.challenger, contest.champion
    if champion and champion.number == challenger.number:
        return f"{challenger} is the champion already"
    number = find_undone(standing.lines, standing.found).get(challenger.number)
    if number and not is_named:
        return (
            f"{challenger} was rolled back in line {number} of the ledger; `segline promote {challenger.number}`, by "
            "its number, compares it all the same"
        )
    return None


def decide(
    contest: Contest,
    rescored: Rescored,
    params: PromoteParams,
    noise: NoiseFloor | None,
    seen: Mapping[str, int | None],
) -> Promotion:
    """Applies the rule to what was found; the first champion needs the gate's verdict alone.

    Args:
        contest: who is compared with whom.
        rescored: all of them on today's test split.
        params: rule, margins and bootstrap.
        noise: what the seed alone can change; None: not measured.
        seen: today's test images that each was trained or chosen on, by name; None: not known.
    """
    against = {str(rival): _compare(contest, rescored, rival, params) for rival in _rivals(contest)}
    champion, anchor = (against.get(str(rival)) for rival in (contest.champion, contest.anchor))
    ruling = judge(
        rule=params.rule,
        margin=params.margin,
        class_margin=params.class_margin,
        against_champion=champion,
        against_anchor=anchor,
        noise_floor=noise.floor if noise else None,
        noise_rule=params.noise_floor,
    )
    mean_ious = {name: mean_iou(table.pooled()) for name, table in rescored.tables.items()}
    changed = _is_changed(contest.champion_test_md5, rescored.test_md5) if contest.champion else None
    evidence = {
        "rule": params.model_dump(mode="json"),
        "mean_ious": {name.rpartition("/")[2]: _or_none(value) for name, value in mean_ious.items()},
        "comparisons": {name.rpartition("/")[2]: _to_json(comparison) for name, comparison in against.items()},
        "champion": contest.champion and contest.champion.number,
        "anchor": contest.anchor and contest.anchor.number,
        "test_md5": rescored.test_md5,
        "champion_test_md5": contest.champion_test_md5,
        "test_split_changed": changed,
        "noise_floor": noise and asdict(noise),
        "seen": {name.rpartition("/")[2]: number for name, number in seen.items()},
    }
    is_known = not math.isnan(mean_ious[str(contest.challenger)])
    unfair = [*_judge_first(contest, rescored.test_md5), *_judge_seen(contest, seen)]
    notes = [*_describe(contest, mean_ious, changed), *_describe_seen(contest, seen), *_describe_noise(contest, noise)]
    promoted, reasons = ruling.promoted and is_known and not unfair, (*notes, *unfair, *ruling.reasons)
    return Promotion(promoted, reasons, contest.challenger, contest.champion, evidence)


def _judge_first(contest: Contest, test_md5: str) -> Iterator[str]:
    """What speaks against a first champion: the gate alone decides, so its verdict has to be of today's test split."""
    judged = contest.challenger.tags.get("test_md5")
    if contest.champion is None and judged != test_md5:
        yield (
            f"the gate judged {contest.challenger} on the test split {judged}, today's is {test_md5}; run `dvc repro` "
            "and `segline register` again"
        )


def _judge_seen(contest: Contest, seen: Mapping[str, int | None]) -> Iterator[str]:
    """What speaks against a challenger that knows the test images."""
    if number := seen[str(contest.challenger)]:
        yield (
            f"{contest.challenger} was trained or chosen on {number} of today's test images, so its score flatters; "
            "train it anew on today's splits"
        )


def _describe_seen(contest: Contest, seen: Mapping[str, int | None]) -> Iterator[str]:
    for rival in map(str, _rivals(contest)):
        if number := seen[rival]:
            yield (
                f"{rival} was trained or chosen on {number} of today's test images, so its score flatters and is hard "
                "to beat; set validate.split once, and then leave it"
            )


def _describe_noise(contest: Contest, noise: NoiseFloor | None) -> Iterator[str]:
    tags = contest.challenger.tags
    measured_on = {"data": noise.data_md5, "params": noise.params_md5} if noise and contest.champion else {}
    if others := next((what for what, md5 in measured_on.items() if md5 != tags.get(f"{what}_md5")), None):
        yield f"the noise floor is of other {others} than the challenger's; `segline noise` measures it anew"


def _rivals(contest: Contest) -> list[Version]:
    return [version for name, version in contest.entrants().items() if name != str(contest.challenger)]


def _compare(contest: Contest, rescored: Rescored, rival: Version, params: PromoteParams) -> Comparison:
    return compare(
        rescored.tables[str(contest.challenger)],
        rescored.tables[str(rival)],
        unit=params.unit,
        num_resamples=params.num_resamples,
        seed=params.seed,
        confidence=params.confidence,
        min_units=params.min_units,
    )


def _is_changed(chosen: str | None, today: str) -> bool | None:
    return None if chosen is None else chosen != today


def _describe(contest: Contest, mean_ious: Mapping[str, float], changed: bool | None) -> Iterator[str]:
    challenger, champion, anchor = contest.challenger, contest.champion, contest.anchor
    found = f"{challenger} has mean IoU {mean_ious[str(challenger)]:.4f} on today's test split"
    if math.isnan(mean_ious[str(challenger)]):
        yield f"{found}, which shows nothing"
    elif champion is None:
        yield found
    else:
        best = f", the anchor {anchor} {mean_ious[str(anchor)]:.4f}" if anchor and str(anchor) != str(champion) else ""
        yield f"{found}, the champion {champion} has {mean_ious[str(champion)]:.4f}{best}"
    if changed:
        yield "the test split changed since the champion was chosen, all were scored on today's"


def _to_json(comparison: Comparison) -> dict[str, Any]:
    return {
        **comparison.difference.to_dict(),
        "mean_ious": [_or_none(value) for value in (comparison.challenger_mean_iou, comparison.champion_mean_iou)],
        "p_value": _or_none(comparison.p_value),
        "p_value_worse": _or_none(comparison.p_value_worse),
        "confidence": comparison.confidence,
        "unit": comparison.unit,
        "by_class": {name: interval.to_dict() for name, interval in comparison.by_class.items()},
        "unlabelled": list(comparison.unlabelled),
    }


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def carry_out(decision: Promotion, standing: Standing) -> Promotion:
    """Writes a decision into the ledger and moves the aliases; of two at once one wins.

    Args:
        decision: promoted or not.
        standing: of ledger and aliases when the decision was made.

    Returns:
        The decision with its line; not promoted, and why, where the champion has changed since.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    challenger = decision.challenger
    kind: Kind = "promote" if decision.promoted else "refuse"
    line = new_line(kind, challenger.number, standing.lines, standing.found, decision.reasons, decision.evidence)
    effect = record(line)
    decision = replace(decision, line=effect.number)
    if effect.what == "void":
        against = f"it was compared with {decision.champion or 'no champion'}, but {effect.reason}"
        again = "nothing was moved, run `segline promote` again"
        decision = replace(decision, promoted=False, reasons=(f"{challenger}: {against}; {again}", *decision.reasons))
    _tag(challenger, {"decision": str(decision)[:DECISION_CHARS]})
    return decision


def _tag(version: Version, tags: Mapping[str, str]) -> None:
    """Another promotion may tag the same version at this moment."""
    write_patiently(f"a tag of {version}", lambda: set_tags(version, tags))


def _report(decision: Promotion) -> None:
    """Renders the report again where models were compared."""
    if decision.evidence:
        models = decision.challenger, decision.champion
        told = decision_of(decision.line, *models, decision.promoted, decision.reasons, decision.evidence)
        report_decision(decision.line, decision.challenger, told)
