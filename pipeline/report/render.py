"""Renders the report: one HTML file that needs no network and begins with the decision and its reasons.

The stage `gate` renders it from the files in `work/`. `promote` renders it again with its decision.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.evaluation.scores import Scores
from pipeline.evaluation.wording import few_units, left_out, strays, words
from pipeline.report.advice import shortages, suspected_images, weak_classes, weak_slices
from pipeline.report.evidence import Decision, ModelEvidence, read_evidence
from pipeline.report.galleries import gallery
from pipeline.report.lineage import cost_rows, curves, lineage
from pipeline.report.place import NEWEST
from pipeline.report.scores import class_rows, count_images, metrics, mistake_rows, reliability, slices_by_kind
from pipeline.runtime.progress import duration
from pipeline.vision.charts import COLOURS, confusion_chart, histogram_chart, line_chart, reliability_chart

__all__ = ["Decision", "render_report"]

TEMPLATES = Path(__file__).with_name("templates")
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def render_report(work: Path, decision: Decision | None) -> str:
    """Renders the report on the stages' files in `work`; `decision` is None before there is one."""
    return render(read_evidence(work, decision, () if decision is None else None))


def render(evidence: ModelEvidence) -> str:
    """Renders the report on a model as one HTML page. Equal evidence gives equal bytes."""
    scores = evidence.scores
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            vars(evidence) | (_score_tables(evidence, scores) if scores else {}),
            suspected=suspected_images(evidence.suspects),
            mistakes=mistake_rows(evidence),
            galleries={kind: gallery(evidence, kind) for kind in ("suspect", "worst", "random")},
            curves=curves(evidence.history),
            lineage=lineage(evidence),
            costs=cost_rows(evidence),
        )
    )


def _score_tables(evidence: ModelEvidence, scores: Scores) -> dict[str, Any]:
    bootstrap, interval = scores.bootstrap, scores.metrics["mean_iou"].interval
    return {
        "metrics": metrics(scores),
        "caveats": (few_units(interval, bootstrap.unit), left_out(bootstrap.num_left_out, bootstrap.unit)),
        "weak_classes": weak_classes(evidence, scores),
        "weak_slices": weak_slices(scores),
        "strays": words(reason) if (reason := strays(scores.strays)) else "",
        "shortages": shortages(scores),
        "class_rows": class_rows(evidence, scores),
        "slices_by_kind": slices_by_kind(scores),
        "counts": count_images(evidence),
        "reliability": reliability(scores),
    }


@cache
def environment() -> Environment:
    """Jinja's environment: values are escaped, and a name that is not defined raises UndefinedError."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.tests |= {"nan": math.isnan, "finite": math.isfinite}
    jinja.filters |= {item.__name__: item for item in (number, signed, percent, whole, width, duration)}
    jinja.globals |= {
        "NEWEST": NEWEST,
        "COLOURS": COLOURS,
        "NAN": math.nan,
        **{chart.__name__: chart for chart in (confusion_chart, histogram_chart, line_chart, reliability_chart)},
    }
    return jinja


def number(share: float) -> str:
    """Three decimals; a dash for nan."""
    return DASH if math.isnan(share) else f"{share:.3f}"


def signed(value: float) -> str:
    """Three decimals with a sign."""
    return f"{value:+.3f}".replace("-", MINUS)


def percent(share: float) -> str:
    """One decimal; a dash for nan. A share that would be rounded to zero is "<0.1%"."""
    if math.isnan(share):
        return DASH
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.0005 else "<0.1%"


def whole(value: float) -> str:
    """No decimals, a comma between thousands."""
    return f"{value:,.0f}"


def width(share: float) -> float:
    """Percent of a bar's width, in [0, 100]; 0 for nan."""
    return 0.0 if math.isnan(share) else 100 * min(max(share, 0.0), 1.0)
