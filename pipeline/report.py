"""The evaluation report: one HTML file that needs no network, for light and dark, wide and narrow screens."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from pipeline.charts import COLOURS, FONT, confusion_chart, histogram_chart, line_chart
from pipeline.dataset import ClassList
from pipeline.scores import AVERAGES, ReportRow, Scores

NUM_MISTAKES = 8
PANEL_NAMES = ("image", "truth", "prediction", "wrong pixels")
STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 FONT;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:clamp(26px,5vw,38px);line-height:1.15;margin:.2em 0 .35em;letter-spacing:-.02em}
h2{font-size:21px;margin:2.4em 0 .5em;padding-top:.7em;border-top:1px solid var(--line);letter-spacing:-.01em}
h3{font-size:16px;margin:1.8em 0 .5em}p{margin:.4em 0 1em;max-width:70ch}
.brand,.muted,figcaption,th,.panels span,nav{color:var(--muted)}.brand{font-size:14px;font-weight:600}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px;margin:14px 0 0}a{color:var(--good)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:22px 0 0}
.card{border:1px solid var(--line);border-radius:12px;padding:14px 16px 16px}
.card b{display:block;font-size:34px;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.card small{color:var(--muted);font-size:13px;line-height:1.4;display:block}
.meter{position:relative;height:8px;border-radius:4px;background:var(--line);margin:8px 0}
.none{opacity:0}.meter i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--good)}
.meter u{position:absolute;top:-4px;bottom:-4px;width:2px;background:var(--ink)}
.scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums}
th{font-weight:500;font-size:13px;text-align:right;white-space:nowrap;vertical-align:bottom}
td{text-align:right;white-space:nowrap}td,th{padding:7px 0 7px 18px;border-bottom:1px solid var(--line)}
td:first-child,th:first-child{text-align:left;padding-left:0}tfoot tr:first-child td{border-top:2px solid var(--line)}
.facts{table-layout:auto}.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere;vertical-align:top}
.facts td:first-child{color:var(--muted);width:34%}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.chip{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:8px;vertical-align:-1px;
border:1px solid rgba(128,128,128,.6)}
.bar{display:inline-block;width:92px;height:8px;border-radius:4px;background:var(--line);margin-right:10px;overflow:hidden}
.bar i{display:block;height:100%;background:var(--good)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:26px}
.charts h3{margin:.2em 0 .4em;font-size:14px;color:var(--muted);font-weight:500}.chart{display:block;max-width:none}
.charts .chart{width:100%;max-width:420px;height:auto}
.beside{display:flex;flex-wrap:wrap;gap:0 36px;align-items:flex-start}.beside>div{max-width:calc(100% + 40px)}
.beside>div+div{flex:1 1 320px;min-width:0}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px}
figure{margin:0 0 26px}figcaption{font-size:14px;margin-bottom:6px;overflow-wrap:anywhere}figcaption b{color:var(--ink)}
.panels{display:grid;grid-template-columns:repeat(4,1fr);gap:8px}.panels img{display:block;width:100%;border-radius:6px}
.panels span{font-size:12px}@media(max-width:640px){.panels{grid-template-columns:1fr 1fr}.bar{width:48px}}
@media print{body{background:#fff}figure,.card{break-inside:avoid}}
""".replace("FONT", FONT)


@dataclass(frozen=True)
class Shown:
    """A test image that the report shows.

    Attributes:
        name: of the sample.
        group: of the sample.
        mean_iou: of this image alone; nan where every pixel is ignored.
        pixel_accuracy: likewise.
        jpegs: image, truth, prediction and difference.
    """

    name: str
    group: str
    mean_iou: float
    pixel_accuracy: float
    jpegs: tuple[bytes, ...]


@dataclass(frozen=True)
class Report:
    """What the report tells.

    Attributes:
        scores: of the test split.
        classes: of the data set.
        matrix: (K, K) pooled counts, rows are targets.
        train_pixels: pixels of each class in the training masks, by name.
        history: a row for each epoch, as in history.csv.
        num_images_by_iou: images by their mean IoU, in equally wide bins of [0, 1].
        worst: the images with the lowest mean IoU, worst first.
        random: images drawn at random.
        facts: where data and model come from, rows of name and value by heading.
    """

    scores: Scores
    classes: ClassList
    matrix: np.ndarray
    train_pixels: Mapping[str, int]
    history: Sequence[Mapping[str, float]]
    num_images_by_iou: Sequence[int]
    worst: Sequence[Shown]
    random: Sequence[Shown]
    facts: Mapping[str, Sequence[tuple[str, str]]]

    def to_html(self) -> str:
        """The report as one self-contained page; equal content gives equal bytes."""
        sections = [
            _section("classes", "Classes", _class_table(self)),
            _section("confusion", "Confusion", _confusion(self)),
            _section("training", "Training", _curves(self.history)),
            _section("images", "Images", _images(self)),
            _section("lineage", "Data and lineage", "".join(map(_fact_table, self.facts.items()))),
        ]
        links = "".join(f'<a href="#{id_}">{id_.capitalize()}</a>' for id_ in _ids())
        title = f"Mean IoU {_number(self.scores.mean_iou)} on {self.scores.num_images:,} test images"
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="color-scheme" content="light dark"><title>{title}</title>'
            f"<style>{COLOURS}{STYLE}</style></head>\n<body><main><header>"
            f'<div class="brand">segline &middot; evaluation</div><h1>{title}</h1><p class="muted">{_INTRODUCTION}</p>'
            f"{_cards(self.scores)}<nav>{links}</nav></header>\n{''.join(sections)}</main></body></html>\n"
        )


_INTRODUCTION = (
    "The exported SavedModel was given the raw test images, and its masks were compared with the labels at the labels' "
    "own size. Pixels are pooled over the whole split; ignored pixels are never counted. Whether this is good enough "
    "is the gate's to say, after this report."
)


def _ids() -> tuple[str, ...]:
    return ("classes", "confusion", "training", "images", "lineage")


def _section(id_: str, title: str, content: str) -> str:
    return f'<section id="{id_}"><h2>{title}</h2>{content}</section>\n'


def _cards(scores: Scores) -> str:
    floor = scores.floor
    says = f"always &ldquo;{escape(floor.class_name)}&rdquo;"
    return (
        '<div class="cards">'
        + _card("Mean IoU", scores.mean_iou, floor.mean_iou, f"floor {_number(floor.mean_iou)}, {says}")
        + _card(
            "Pixel accuracy",
            scores.pixel_accuracy,
            floor.pixel_accuracy,
            f"floor {_number(floor.pixel_accuracy)}, {says}",
        )
        + _card(
            "Frequency-weighted IoU",
            scores.frequency_weighted_iou,
            math.nan,
            "each class weighs as many pixels as it has",
        )
        + f'<div class="card"><small>Scored</small><b>{scores.num_images:,}</b><div class="meter none"></div>'
        f"<small>images, {scores.num_pixels:,} pixels</small></div></div>"
    )


def _card(name: str, value: float, floor: float, note: str) -> str:
    tick = "" if math.isnan(floor) else f'<u style="left:{100 * floor:.1f}%"></u>'
    width = 0 if math.isnan(value) else 100 * value
    return (
        f'<div class="card"><small>{name}</small><b>{_number(value)}</b>'
        f'<div class="meter"><i style="width:{width:.1f}%"></i>{tick}</div><small>{note}</small></div>'
    )


def _class_table(report: Report) -> str:
    rows, scores = report.scores.classification_report, report.scores
    trained = max(sum(report.train_pixels.values()), 1)
    head = "".join(f"<th>{name}</th>" for name in ("class", "IoU", "precision", "recall", "F1", "of test", "of train"))
    body = "".join(
        f"<tr><td>{_chip(colour)}{escape(name)}</td><td>{_bar(scores.iou[name])}{_number(scores.iou[name])}</td>"
        f"{_shares(rows[name])}<td>{_percent(rows[name].support / max(scores.num_pixels, 1))}</td>"
        f"<td>{_percent(report.train_pixels.get(name, 0) / trained)}</td></tr>"
        for name, colour in zip(report.classes.names, report.classes.colours, strict=True)
    )
    iou = {"macro avg": _number(scores.mean_iou), "weighted avg": _number(scores.frequency_weighted_iou)}
    foot = "".join(
        f"<tr><td>{name.removesuffix(' avg')} average</td><td>{iou.get(name, '')}</td>{_shares(rows[name])}"
        "<td></td><td></td></tr>"
        for name in AVERAGES
    )
    return (
        '<p class="muted">IoU is intersection over union; &ldquo;of test&rdquo; and &ldquo;of train&rdquo; are shares '
        "of the labelled pixels. A dash: the class is in neither labels nor predictions, and counts in no average.</p>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>'
        "</div>"
    )


def _shares(row: ReportRow) -> str:
    return "".join(f"<td>{_number(share)}</td>" for share in (row.precision, row.recall, row.f1))


def _confusion(report: Report) -> str:
    names, matrix = report.classes.names, report.matrix
    mistakes = np.where(np.eye(len(names), dtype=bool), 0, matrix)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:NUM_MISTAKES]
    pairs = [divmod(int(place), len(names)) for place in order if mistakes.flat[place]]
    wrong, support = max(int(mistakes.sum()), 1), matrix.sum(axis=1)
    rows = "".join(
        f"<tr><td>{escape(names[target])} &rarr; {escape(names[pred])}</td>"
        f"<td>{_percent(mistakes[target, pred] / wrong)}</td>"
        f"<td>{_percent(mistakes[target, pred] / support[target])}</td></tr>"
        for target, pred in pairs
    )
    table = (
        '<h3>Most frequent mistakes</h3><div class="scroll"><table><thead><tr><th>label &rarr; prediction</th>'
        f"<th>of wrong pixels</th><th>of the label</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return (
        '<p class="muted">Percent of the pixels of each target class; the diagonal is right.</p>'
        f'<div class="beside"><div class="scroll">{confusion_chart(matrix, names)}</div>'
        f"<div>{table if rows else ''}</div></div>"
    )


def _curves(history: Sequence[Mapping[str, float]]) -> str:
    if not history:
        return '<p class="muted">No history of the training lies beside this model.</p>'
    columns = {name: [row.get(name, math.nan) for row in history] for name in history[0]}
    epochs = columns["epoch"]
    best = _best_epoch(history)
    groups = {
        "Loss": {"train": "loss", "val": "val_loss"},
        "Scores on val, at the working size": {"mean IoU": "val_mean_iou", "pixel accuracy": "val_pixel_accuracy"},
        "Learning rate": {"learning rate": "learning_rate"},
    }
    charts = ""
    for title, wanted in groups.items():
        series = {name: columns[column] for name, column in wanted.items() if column in columns}
        if chart := line_chart(title, epochs, series, best):
            charts += f"<div><h3>{title}</h3>{chart}</div>"
    note = "" if best is None else f'<p class="muted">The weights are those of epoch {best:g}, the dashed line.</p>'
    return f'{note}<div class="charts">{charts}</div>'


def _best_epoch(history: Sequence[Mapping[str, float]]) -> float | None:
    scored = [row for row in history if math.isfinite(row.get("val_mean_iou", math.nan))]
    return max(scored, key=lambda row: row["val_mean_iou"])["epoch"] if scored else None


def _images(report: Report) -> str:
    pairs = zip(report.classes.names, report.classes.colours, strict=True)
    legend = "".join(f"<span>{_chip(colour)}{escape(name)}</span>" for name, colour in pairs)
    parts = [
        '<div class="charts"><div><h3>Test images by their own mean IoU</h3>'
        f"{histogram_chart('Test images by their own mean IoU', report.num_images_by_iou)}</div></div>",
        f'<div class="legend">{legend}</div>' if report.worst or report.random else "",
    ]
    for title, images in (("Worst", report.worst), ("Random", report.random)):
        if images:
            parts.append(
                f"<h3>{title}</h3>" + "".join(_figure(rank, image) for rank, image in enumerate(images, start=1))
            )
    return "".join(parts)


def _figure(rank: int, image: Shown) -> str:
    group = "" if image.group == image.name else f" &middot; {escape(image.group)}"
    panels = "".join(
        f'<div><img alt="{name} of {escape(image.name)}" loading="lazy" '
        f'src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"><span>{name}</span></div>'
        for name, jpeg in zip(PANEL_NAMES, image.jpegs, strict=True)
    )
    return (
        f"<figure><figcaption>{rank}. <b>{escape(image.name)}</b>{group} &middot; mean IoU {_number(image.mean_iou)} "
        f'&middot; accuracy {_number(image.pixel_accuracy)}</figcaption><div class="panels">{panels}</div></figure>'
    )


def _fact_table(item: tuple[str, Sequence[tuple[str, str]]]) -> str:
    heading, facts = item
    rows = "".join(f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>" for name, value in facts)
    return f'<h3>{escape(heading)}</h3><table class="facts"><tbody>{rows}</tbody></table>' if rows else ""


def _chip(colour: tuple[int, int, int]) -> str:
    return f'<span class="chip" style="background:rgb{colour}"></span>'


def _bar(share: float) -> str:
    return f'<span class="bar"><i style="width:{0 if math.isnan(share) else 100 * share:.1f}%"></i></span>'


def _number(share: float) -> str:
    return "&ndash;" if math.isnan(share) else f"{share:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.0005 else "&lt;0.1%"
