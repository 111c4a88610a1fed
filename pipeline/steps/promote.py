"""Compares challenger and champion on today's test split, records what was decided, and moves `champion` if it may."""

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.aliases import Standing, check_agreement, find_number, read_standing, record
from pipeline.comparison import Comparison, compare, judge
from pipeline.confusion import mean_iou
from pipeline.contention import write_patiently
from pipeline.decision_report import write_decision_report
from pipeline.errors import EvidenceError, RegistryError
from pipeline.ledger import Kind, find_best, new_line
from pipeline.noise_floor import NoiseFloor, read_noise_floor
from pipeline.params import PromoteParams, read_params
from pipeline.program import run
from pipeline.registry import CHALLENGER, Version, download_model, find_version, model_name, set_tags
from pipeline.rescoring import Rescored, rescore

DECISION_CHARS = 4_000
"""Of the tag `decision`, which is for a quick look; the ledger has the whole."""


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


@dataclass(frozen=True)
class Promotion:
    """What was decided of a challenger.

    Attributes:
        promoted: the alias `champion` was moved to it.
        reasons: with the scores that decided.
        challenger: the version that was judged.
        champion: the champion before; None where there was none.
        evidence: for the ledger, as JSON takes it.
    """

    promoted: bool
    reasons: tuple[str, ...]
    challenger: Version
    champion: Version | None
    evidence: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{'PROMOTED' if self.promoted else 'NOT PROMOTED'}: {'; '.join(self.reasons)}"


def promote(version: str | None = None) -> Promotion:
    """Moves `champion` to a version that is shown to be good enough, by the rule of the params.

    Each decision leaves a line in the ledger; what raises decides nothing and leaves none.

    Args:
        version: its number, or an alias; the challenger where none is given.

    Raises:
        EvidenceError: the version was not accepted by the gate, today's test split is not what the manifest says, or
            a model knows other classes.
        ParamsError: the params are wrong.
        RegistryError: there is no such version or anchor, or `champion` was moved by hand.
    """
    params, standing = read_params().promote, read_standing()
    check_agreement(standing)
    challenger = _find_challenger(version)
    contest = find_contest(challenger, standing, params.anchor)
    if against := _find_obstacle(contest, standing, is_named=version is not None):
        decision = Promotion(False, (against,), challenger, contest.champion, {})
    else:
        entrants = contest.entrants()
        rescored = rescore({name: download_model(entrant) for name, entrant in entrants.items()})
        decision = decide(contest, rescored, params, read_noise_floor())
        for name, entrant in entrants.items():
            found = mean_iou(rescored.tables[name].pooled())
            _tag(entrant, {"rescored_mean_iou": f"{found:.6f}", "rescored_test_md5": rescored.test_md5})
    decision = carry_out(decision, standing)
    print(decision)
    _report(decision)
    return decision


def _find_challenger(version: str | None) -> Version:
    challenger = find_version(version or CHALLENGER)
    if challenger.name != model_name():
        raise RegistryError(
            f"{challenger}: is no version of {model_name()}; to promote it, set SEGLINE_MODEL_NAME to {challenger.name}"
        )
    if challenger.tags.get("verdict") != "accepted":
        raise EvidenceError(f"{challenger}: has no accepted verdict; expected one that `segline register` made")
    return challenger


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
    best = find_best(standing.lines, standing.found) if anchor == "best" else None
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


def _find_test_md5(standing: Standing, champion: Version | None) -> str | None:
    """Of the test split on which the champion was promoted, else on which it was registered."""
    if champion is None:
        return None
    chosen = champion.tags.get("test_md5")
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        if effect.what == "promoted" and line.version == champion.number:
            chosen = line.evidence.get("test_md5", chosen)
    return chosen


def _find_obstacle(contest: Contest, standing: Standing, is_named: bool) -> str | None:
    """Why a challenger is refused without a look at it, if it is."""
    challenger, champion = contest.challenger, contest.champion
    if champion and champion.number == challenger.number:
        return f"{challenger} is the champion already"
    number = standing.state.undone.get(challenger.number)
    if number and not is_named:
        return (
            f"{challenger} was rolled back in line {number} of the ledger; `segline promote {challenger.number}`, by "
            "its number, compares it all the same"
        )
    return None


def decide(contest: Contest, rescored: Rescored, params: PromoteParams, noise: NoiseFloor | None) -> Promotion:
    """Applies the rule to what was found; the first champion needs the gate's verdict alone.

    Args:
        contest: who is compared with whom.
        rescored: all of them on today's test split.
        params: rule, margins and bootstrap.
        noise: the difference that counts for nothing; None: not measured.
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
    }
    is_known = not math.isnan(mean_ious[str(contest.challenger)])
    reasons = (*_describe(contest, mean_ious, changed), *ruling.reasons)
    return Promotion(ruling.promoted and is_known, reasons, contest.challenger, contest.champion, evidence)


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
        yield f"{found} and is the first champion, accepted by the gate"
    else:
        best = f", the anchor {anchor} {mean_ious[str(anchor)]:.4f}" if anchor and str(anchor) != str(champion) else ""
        yield f"{found}, the champion {champion} has {mean_ious[str(champion)]:.4f}{best}"
    if changed:
        yield "the test split changed since the champion was chosen, all were scored on today's"


def _to_json(comparison: Comparison) -> dict[str, Any]:
    return {
        **comparison.difference.to_dict(),
        "p_value": _or_none(comparison.p_value),
        "confidence": comparison.confidence,
        "unit": comparison.unit,
        "by_class": {name: interval.to_dict() for name, interval in comparison.by_class.items()},
    }


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def carry_out(decision: Promotion, standing: Standing) -> Promotion:
    """Writes a decision into the ledger and moves the aliases; of two at once one wins.

    Args:
        decision: promoted or not.
        standing: of ledger and aliases when the decision was made.

    Returns:
        The decision; not promoted, and why, where the champion has changed since.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    challenger = decision.challenger
    kind: Kind = "promote" if decision.promoted else "refuse"
    line = new_line(kind, challenger.number, standing.lines, standing.found, decision.reasons, decision.evidence)
    effect = record(line)
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
    """Renders the report again where models were compared; the decision stands whether or not that goes well."""
    if not decision.evidence:
        return
    try:
        found = decision.challenger, decision.champion, decision.promoted, decision.reasons, decision.evidence
        print(f"report: {write_decision_report(*found)}")
    except RegistryError as err:
        print(f"warning: the decision stands, its report could not be stored: {err}", file=sys.stderr)


def main() -> None:
    """Judges the challenger."""
    promote()


if __name__ == "__main__":
    run(main)
