"""The report with the decision on a model, stored with the model's run and as the newest report."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter

from pipeline.errors import SeglineError
from pipeline.evaluation.bootstrap import Interval
from pipeline.ledger.ledger import Aliases, read_ledger, replay
from pipeline.ledger.overrides import describe_overrides
from pipeline.promotion.data_since import data_since
from pipeline.promotion.decide import Promotion
from pipeline.promotion.wording import to_sentences
from pipeline.registry.client import Version, find_version
from pipeline.registry.runs import download_run, log_text
from pipeline.report.place import NEWEST, publish
from pipeline.report.render import Decision, render_report
from pipeline.runtime.locks import FOLDER


def decision_of(promotion: Promotion) -> Decision:
    """The decision on a challenger, as the report shows it."""
    challenger, champion, promoted = promotion.challenger, promotion.champion, promotion.promoted
    outcome = "became the champion" if promoted else "was not promoted"
    outcome += " by an override" if promotion.override else ""
    against = promotion.evidence.get("comparisons", {}).get(str(champion.number)) if champion else None
    return Decision(
        promoted=promoted,
        label="Promoted by override" if promotion.override else "Promoted" if promoted else "Not promoted",
        headline=f"{challenger} {outcome}, line {promotion.line} of the ledger",
        reasons=to_sentences(promotion.reasons),
        champion=str(champion) if champion else None,
        difference=TypeAdapter(Interval).validate_python(against) if against else None,
        confidence=against.get("confidence") if against else None,
        better_share=against.get("better_share") if against else None,
        is_weighted=bool(against and against.get("weighted_mean_ious")),
        by_class=TypeAdapter(dict[str, Interval]).validate_python(against["by_class"]) if against else {},
        tags=challenger.tags,
    )


def rollback_of(number: int, target: Version, reasons: Sequence[str]) -> Decision:
    """A rollback to a version in line `number` of the ledger, as the report shows it; a sentence for each reason."""
    headline = f"{target} became the champion by a rollback, line {number} of the ledger"
    return Decision(True, "Champion again", headline, tuple(reasons), None, None, {}, target.tags)


def report_decision(number: int, version: Version, decision: Decision) -> None:
    """Renders the report of a version again, with the decision; stores it with the version's run and as newest report.

    Its file in the run is `report/decision-NUMBER.html`, by the number of the ledger's line. A failure is a warning, as
    the decision is in the ledger.
    """
    try:
        FOLDER.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=FOLDER) as temporary:
            download_run(version.run_id, Path(temporary))
            data = data_since(find_version(decision.champion), Path(temporary)) if decision.champion else None
            lines = read_ledger()
            overrides = tuple(describe_overrides(lines, replay(lines, Aliases(None, None))))
            page = render_report(Path(temporary), replace(decision, data=data, overrides=overrides))
        publish(page)
        print(f"report: {NEWEST}")
        log_text(version.run_id, page, f"report/decision-{number}.html")
    except (SeglineError, OSError) as err:
        print(f"warning: the decision stands, its report could not be stored: {err}", file=sys.stderr)
