"""The report: one HTML file that needs no network and says first what was decided on the model, and why.

It is rendered by the stage `gate` from what lies in `work/`, and again by `promote`, which knows the decision.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from pipeline.report.advice import advice, failures
from pipeline.report.evidence import Decision, Dossier, read_dossier
from pipeline.report.galleries import gallery, legend
from pipeline.report.lineage import cost, curves, lineage
from pipeline.report.page import page
from pipeline.report.place import decision_mark
from pipeline.report.scores import calibration, class_table, confusion, slices
from pipeline.report.verdict import header, headline

__all__ = ["Decision", "render_report"]

SUSPECTS = (
    "The model is sure and the label says otherwise, in the frames. Look whether the label is right: where it is not, "
    "correct the mask and run again; where it is, the model needs more images like this one."
)
WORST = "Lowest mean IoU first. Wrong pixels are red, those that are not counted are black."


def render_report(work: Path, decision: Decision | None) -> str:
    """The report on what the stages left in `work`, as one HTML page.

    What is missing or damaged is left out and named; the verdict never is. Without a decision equal files give equal
    bytes; with one the page also tells time and memory, which no two runs have in common.

    Args:
        work: folder of the stages' outputs.
        decision: what was decided after the gate; None where nothing was decided yet.
    """
    return render(read_dossier(work, decision, () if decision is None else None))


def render(dossier: Dossier) -> str:
    """The page of a dossier."""
    head = headline(dossier)
    mean_iou = dossier.scores.mean_iou if dossier.scores else math.nan
    score = "" if math.isnan(mean_iou) else f" · mean IoU {mean_iou:.3f}"
    sections = [
        ("label", "Where it fails and what to label next", _next_steps(dossier)),
        ("classes", "Classes", class_table(dossier)),
        ("confusion", "Confusion", confusion(dossier)),
        ("slices", "Groups and slices", slices(dossier)),
        ("suspects", "Suspected label errors", _gallery(dossier, "suspect", SUSPECTS)),
        ("worst", "Worst images", _gallery(dossier, "worst", WORST)),
        ("random", "Random images", _gallery(dossier, "random", "Drawn without looking: what it does as a rule.")),
        ("calibration", "Calibration", calibration(dossier)),
        ("training", "Training", curves(dossier)),
        ("lineage", "Data and lineage", lineage(dossier)),
        ("cost", "Cost", cost(dossier)),
    ]
    mark = decision_mark(dossier.verdict_md5) if dossier.decision else ""
    return page(f"{head.label}{score}", header(dossier), sections, mark)


def _next_steps(dossier: Dossier) -> str:
    fails, todo = failures(dossier), advice(dossier)
    parts = [("Where it fails", _list("ul", fails)), ("What to label next", _list("ol", todo))]
    shown = "".join(f"<div><h3>{title}</h3>{items}</div>" for title, items in parts if items)
    return f'<div class="two">{shown}</div>' if shown else ""


def _list(element: str, items: Sequence[str]) -> str:
    return f"<{element}>{''.join(f'<li>{item}</li>' for item in items)}</{element}>" if items else ""


def _gallery(dossier: Dossier, kind: str, introduction: str) -> str:
    figures = gallery(dossier, kind)
    return f'<p class="muted">{introduction}</p>{legend(dossier)}{figures}' if figures else ""
