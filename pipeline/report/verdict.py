"""The head of the report: whether the model was promoted, why, and the figures that matter most."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from pipeline.evaluation.scores import Scores
from pipeline.evaluation.wording import few_units, left_out
from pipeline.report.evidence import Dossier
from pipeline.report.page import card, change, is_shown, meter, number, percent, signed
from pipeline.report.place import NEWEST


class Headline(NamedTuple):
    """The verdict in one line.

    Attributes:
        kind: "yes", "no" or "wait", the colour.
        label: in a word or two.
        text: in a line.
    """

    kind: str
    label: str
    text: str


def headline(dossier: Dossier) -> Headline:
    """The decision where there is one, else what the gate said; without a verdict it is never a good one.

    The gate's page stays as it is when more is decided, so it claims nothing that a decision could make false.
    """
    decision, verdict = dossier.decision, dossier.verdict
    if decision:
        return Headline({True: "yes", False: "no", None: "wait"}[decision.promoted], decision.label, decision.headline)
    if verdict is None:
        return Headline("no", "Not promoted", "There is no verdict of the gate on these scores")
    if not verdict.accepted:
        return Headline("no", "Not promoted", "Rejected by the gate")
    return Headline("wait", "Accepted by the gate", "Good enough to be registered")


def header(dossier: Dossier) -> str:
    """The verdict with its reasons, then the cards."""
    head = headline(dossier)
    return (
        f'<div class="verdict {head.kind}"><h1><b>{head.label}</b>{escape(head.text)}</h1>{_reasons(dossier)}</div>'
        f"{cards(dossier)}{_notes(dossier)}"
    )


def _reasons(dossier: Dossier) -> str:
    decision, verdict = dossier.decision, dossier.verdict
    parts = ""
    if decision:
        parts += _list("", decision.reasons)
    if verdict:
        says = "The gate accepted it" if verdict.accepted else "The gate rejected it"
        parts += _list(f"{says}:" if decision else "Why:", verdict.reasons)
    elif not decision:
        parts += _list(
            "Why:",
            [
                *(dossier.problems or ["the gate has written none"]),
                "run `dvc repro` to let the gate judge what lies here",
            ],
        )
    if not decision and verdict and verdict.accepted:
        parts += (
            "<p>Next: <code>segline register</code>, then <code>segline promote</code>, which puts a page with its "
            f"decision at <code>{NEWEST}</code>.</p>"
        )
    return parts


def _list(title: str, reasons: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return (f"<p><strong>{title}</strong></p>" if title and items else "") + (f"<ul>{items}</ul>" if items else "")


def cards(dossier: Dossier) -> str:
    """The figures in large type; none without scores."""
    scores, decision = dossier.scores, dossier.decision
    if scores is None:
        return ""
    parts = [_mean_iou(scores)]
    if decision and decision.difference:
        difference = decision.difference
        note = f"mean IoU, against {escape(decision.champion or 'the champion')}"
        note += f"; {signed(difference.low)} to {signed(difference.high)}" if is_shown(difference) else "; not shown"
        colour = change(difference).partition('class="')[2].partition('"')[0]
        parts.append(card("Change", f'<span class="{colour}">{signed(difference.estimate)}</span>', "", note))
    accuracy = meter(scores.pixel_accuracy, None, scores.baseline.pixel_accuracy)
    note = _floor(scores, scores.baseline.pixel_accuracy)
    parts.append(card("Pixel accuracy", number(scores.pixel_accuracy), accuracy, note))
    if math.isfinite(scores.boundary.mean_iou):
        note = f"F1 {number(scores.boundary.mean_f1)} within {scores.boundary.tolerance_px} px"
        parts.append(card("Boundary IoU", number(scores.boundary.mean_iou), meter(scores.boundary.mean_iou), note))
    if math.isfinite(scores.calibration.error):
        note = "how far its probabilities are from the truth, on average; 0 is best"
        parts.append(card("Calibration error", percent(scores.calibration.error), "", note))
    pixels = f"test images, {scores.num_pixels:,} pixels"
    parts.append(card("Scored", f"{scores.num_images:,}", "", pixels))
    return f'<div class="cards">{"".join(parts)}</div>'


def _mean_iou(scores: Scores) -> str:
    interval, floor = scores.metrics["mean_iou"].interval, scores.baseline.mean_iou
    note = _floor(scores, floor)
    if is_shown(interval):
        ends = f"{interval.low:.3f} to {interval.high:.3f}"
        unit = scores.bootstrap.unit
        note = f"{ends} ({_confidence(scores)}, {interval.num_units} {unit}s{few_units(interval, unit)}); {note}"
    if told := left_out(scores.bootstrap.num_left_out, scores.bootstrap.unit):
        note = f"{note}; {told}"
    return card("Mean IoU", number(scores.mean_iou), meter(scores.mean_iou, interval, floor), note)


def _floor(scores: Scores, score: float) -> str:
    dotted = " (dotted)" if math.isfinite(score) else ""
    return f"{number(score)} by always saying &ldquo;{escape(scores.baseline.class_name)}&rdquo;{dotted}"


def _confidence(scores: Scores) -> str:
    return f"{100 * scores.bootstrap.confidence:g}&nbsp;% interval"


def _notes(dossier: Dossier) -> str:
    """What could not be read, where the verdict does not say it already."""
    told = not dossier.decision and dossier.verdict is None
    return "" if told or not dossier.problems else _list("Left out, because it cannot be read:", dossier.problems)
