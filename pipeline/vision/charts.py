"""Charts as small SVG pictures: equal numbers give equal bytes, and colours follow light or dark mode."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

COLOURS = """:root{--paper:#ffffff;--ink:#16202c;--muted:#5d6b7a;--line:#dfe5eb;--good:#1763d6;--bad:#d6331f;
--on:#ffffff;--series1:#1763d6;--series2:#d9730d;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--paper:#12171e;--ink:#e6ebf1;--muted:#93a1b0;--line:#2b343f;--good:#5b9dff;
--bad:#ff7a66;--on:#0a0f15;--series1:#6aa6ff;--series2:#ffab57}}"""
"""CSS of every chart and of the report; a page that shows a chart inline holds it once."""
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
MAX_NUMBERED = 24
"""Classes up to which the cells of a confusion matrix have room for numbers."""
LABEL_PX = 7.2
"""Width of a letter, about."""
PLOT = (52, 12, 410, 190)
"""Left, top, right and bottom of the plotted area in a chart of 420 x 230."""

Series = Mapping[str, Sequence[float]]


def standalone(chart: str) -> str:
    """A chart as a file of its own, with its colours and a background."""
    opening, content = chart.split(">", 1)
    background = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    return f"{opening}><style>{COLOURS}</style>{background}{content}\n"


def confusion_chart(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Confusion matrix (K, K) of counts, rows are targets, as percentages of each row; errors have their own colour."""
    num_classes = len(names)
    numbered = num_classes <= MAX_NUMBERED
    cell = 44 if num_classes <= 12 else 34 if numbered else 16
    margin = 34 + math.ceil(LABEL_PX * max(len(name) for name in names))
    span = cell * num_classes
    parts = [
        _text(margin + span / 2, 14, "prediction", "middle", "axis"),
        _text(14, margin + span / 2, "label", "middle", "axis", f"rotate(-90 14 {margin + span / 2:g})"),
    ]
    for index, name in enumerate(names):
        middle = margin + cell * (index + 0.5)
        parts.append(_text(margin - 8, middle + 4, name, "end"))
        parts.append(_text(middle + 4, margin - 8, name, "start", "", f"rotate(-90 {middle + 4:g} {margin - 8})"))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    parts.append(
        f'<rect x="{margin}" y="{margin}" width="{span}" height="{span}" rx="2" fill="var(--line)" opacity=".3"/>'
    )
    for row, column in np.argwhere(matrix):  # with many classes, most cells have no pixel and are left out
        title = (
            f"{names[row]} predicted as {names[column]}: {matrix[row, column]:,} pixels, {shares[row, column]:.2%} "
            f"of {names[row]}"
        )
        x, y = margin + cell * column, margin + cell * row
        parts.append(_cell(x, y, cell, shares[row, column], row == column, numbered, title))
    side = margin + span + 6
    return _svg(side, side, "Confusion matrix", parts, fixed=True)


def line_chart(title: str, epochs: Sequence[float], series: Series, mark: float | None = None) -> str:
    """Up to two curves over the N `epochs`, (N) values each, by name; a nan leaves a gap, `mark` is a vertical line."""
    values = [value for curve in series.values() for value in curve if math.isfinite(value)]
    if not values:
        return ""
    ticks = nice_ticks(min(values), max(values))
    first, last = epochs[0], epochs[-1]
    shown = [tick for tick in nice_ticks(first, last, whole=True) if first <= tick <= last] or [first]
    parts = [*_y_axis(ticks), *_x_axis(shown, first, last), _text(PLOT[2], 226, "epoch", "end", "axis")]
    if mark is not None:
        x = _scale(mark, first, last, PLOT[0], PLOT[2])
        parts.append(f'<path d="M{x:.1f} {PLOT[1]}V{PLOT[3]}" class="mark"/>')
    for number, curve in enumerate(series.values(), start=1):
        parts += _curve(epochs, curve, ticks, f"var(--series{number})")
    left = float(PLOT[0])
    for number, name in enumerate(series, start=1):
        parts.append(f'<rect x="{left:g}" y="220" width="14" height="4" rx="2" fill="var(--series{number})"/>')
        parts.append(_text(left + 20, 226, name, "start"))
        left += 40 + LABEL_PX * len(name)
    return _svg(420, 232, title, parts)


def histogram_chart(title: str, counts: Sequence[int]) -> str:
    """Number of images in each of equally wide bins of [0, 1]."""
    ticks = nice_ticks(0, max(*counts, 1), whole=True)
    parts = _y_axis(ticks) + _x_axis([tick / 5 for tick in range(6)], 0, 1, kind="")
    width = (PLOT[2] - PLOT[0]) / len(counts)
    for index, count in enumerate(counts):
        top = _scale(count, ticks[0], ticks[-1], PLOT[3], PLOT[1])
        low, high = index / len(counts), (index + 1) / len(counts)
        label = f"<title>{low:g} to {high:g}: {count} images</title>"
        parts.append(
            f'<rect x="{PLOT[0] + width * index + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
            f'height="{PLOT[3] - top:.1f}" fill="var(--series1)">{label}</rect>'
        )
    return _svg(420, 216, title, parts)


def reliability_chart(title: str, bins: Sequence[tuple[float, float, float]]) -> str:
    """Share of right pixels over the predicted probability; on the dashed diagonal the model is calibrated.

    `bins` has the mean probability, share of right pixels and share of all pixels of each; empty bins are left out.
    """
    ticks = [tick / 5 for tick in range(6)]
    parts = _y_axis(ticks) + _x_axis(ticks, 0, 1)
    parts.append(f'<path d="M{PLOT[0]} {PLOT[3]}L{PLOT[2]} {PLOT[1]}" class="mark"/>')
    places, circles = [], []
    for confidence, accuracy, share in bins:
        if share > 0:
            x, y = _scale(confidence, 0, 1, PLOT[0], PLOT[2]), _scale(accuracy, 0, 1, PLOT[3], PLOT[1])
            places.append(f"{x:.1f} {y:.1f}")
            label = f"<title>says {confidence:.0%}, right {accuracy:.0%}; {share:.1%} of the pixels</title>"
            radius = 3 + 7 * math.sqrt(min(share, 1.0))
            circles.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="var(--series1)">{label}</circle>')
    if places:
        parts.append(f'<path d="M{"L".join(places)}" stroke="var(--series1)" stroke-width="2"/>')
    parts += circles
    parts.append(_text(PLOT[2], 226, "probability of the predicted class", "end", "axis"))
    return _svg(420, 232, title, parts)


def nice_ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Three to eight round numbers, evenly spaced, the first not above `low`, the last not below `high`."""
    largest = max(abs(low), abs(high))
    span = high - low if high - low > 1e-4 * largest else largest
    rough = span / 5 if span > 1e-300 else 0.2
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    step = max(1.0, round(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [float(f"{step * index:.12g}") for index in range(first, last + 1)]


def _svg(width: float, height: float, title: str, parts: Sequence[str], fixed: bool = False) -> str:
    size = f' width="{width:g}" height="{height:g}"' if fixed else ""
    style = (
        f"<style>.chart text{{font:12px {FONT};fill:var(--ink)}}.chart .axis,.chart .tick{{fill:var(--muted)}}"
        ".chart .on{fill:var(--on)}.chart .grid{stroke:var(--line)}.chart path{fill:none}"
        ".chart .mark{stroke:var(--muted);stroke-dasharray:4 4}</style>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width:g} {height:g}"{size} role="img">'
        f"<title>{escape(title)}</title>{style}{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "", transform: str = "") -> str:
    attributes = (f' class="{kind}"' if kind else "") + (f' transform="{transform}"' if transform else "")
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{attributes}>{escape(text)}</text>'


def _cell(x: float, y: float, size: int, share: float, hit: bool, numbered: bool, title: str) -> str:
    """One cell; the square root makes small mistakes visible."""
    opacity = math.sqrt(share)
    colour = "var(--good)" if hit else "var(--bad)"
    box = f'x="{x:g}" y="{y:g}" width="{size - 1}" height="{size - 1}" rx="2"'
    parts = f'<rect {box} fill="{colour}" opacity="{opacity:.3f}"/>'
    if numbered and share >= 0.0005:
        percent = f"{100 * share:.0f}" if share >= 0.0095 else f"{100 * share:.1f}".lstrip("0")
        parts += _text(x + size / 2 - 0.5, y + size / 2 + 4, percent, "middle", "on" if opacity > 0.6 else "")
    return f"<g><title>{escape(title)}</title>{parts}</g>"


def _y_axis(ticks: Sequence[float]) -> list[str]:
    parts = []
    for tick in ticks:
        y = _scale(tick, ticks[0], ticks[-1], PLOT[3], PLOT[1])
        parts.append(f'<path d="M{PLOT[0]} {y:.1f}H{PLOT[2]}" class="grid"/>')
        parts.append(_text(PLOT[0] - 6, round(y + 4, 1), f"{tick:g}", "end", "tick"))
    return parts


def _x_axis(ticks: Sequence[float], low: float, high: float, kind: str = "tick") -> list[str]:
    places = [round(_scale(tick, low, high, PLOT[0], PLOT[2]), 1) for tick in ticks]
    return [_text(x, PLOT[3] + 18, f"{tick:g}", "middle", kind) for x, tick in zip(places, ticks, strict=True)]


def _curve(epochs: Sequence[float], values: Sequence[float], ticks: Sequence[float], colour: str) -> list[str]:
    points, path, pen = [], "", "M"
    for epoch, value in zip(epochs, values, strict=True):
        if not math.isfinite(value):
            pen = "M"
            continue
        x = _scale(epoch, epochs[0], epochs[-1], PLOT[0], PLOT[2])
        y = _scale(value, ticks[0], ticks[-1], PLOT[3], PLOT[1])
        path, pen = f"{path}{pen}{x:.1f} {y:.1f}", "L"
        title = f"<title>epoch {epoch:g}: {value:.4g}</title>"
        points.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}">{title}</circle>')
    return [f'<path d="{path}" stroke="{colour}" stroke-width="2"/>', *points]


def _scale(value: float, low: float, high: float, start: float, end: float) -> float:
    """Place of `value` between `start` and `end`; the middle if `low` equals `high`."""
    return (start + end) / 2 if high == low else start + (end - start) * (value - low) / (high - low)
