"""The report with the decision on a model in it: stored with the model's run, and beside the project."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.bootstrap import Interval
from pipeline.registry import Version, opened
from pipeline.report import Decision, render_report

DECISION_REPORT = Path(".segline/decision.html")


def write_decision_report(
    number: int,
    challenger: Version,
    champion: Version | None,
    promoted: bool,
    reasons: Sequence[str],
    evidence: Mapping[str, Any],
) -> Path:
    """Renders the report anew from what was registered with a challenger, and gives the file of it on this machine.

    With the challenger's run it is stored as `report/decision-LINE.html`, by the number of the ledger's line, so that
    a later decision writes over none.

    Args:
        number: of the ledger's line.
        challenger: that was judged.
        champion: that it was compared with.
        promoted: it is the champion now.
        reasons: a sentence each.
        evidence: of the ledger's line.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    against = evidence.get("comparisons", {}).get(str(champion.number)) if champion else None
    decision = Decision(
        promoted=promoted,
        headline=f"{challenger} {'is the champion' if promoted else 'was not promoted'}",
        reasons=tuple(reasons),
        champion=str(champion) if champion else None,
        difference=Interval.from_dict(against) if against else None,
        by_class={name: Interval.from_dict(found) for name, found in against["by_class"].items()} if against else {},
        tags=challenger.tags,
    )
    DECISION_REPORT.parent.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=DECISION_REPORT.parent) as temporary:  # of several at once each has its own
        with opened() as (mlflow, _):
            mlflow.artifacts.download_artifacts(run_id=challenger.run_id, dst_path=temporary)
        page = render_report(Path(temporary), decision)
        beside = Path(temporary) / DECISION_REPORT.name
        beside.write_text(page, encoding="utf-8")
        beside.replace(DECISION_REPORT)
    with opened() as (_, client):
        client.log_text(challenger.run_id, page, f"report/decision-{number}.html")
    return DECISION_REPORT
