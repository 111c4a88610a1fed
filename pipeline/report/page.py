"""The page of the report and the small parts that its sections are made of; no network, light and dark, paper too."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from pipeline.evaluation.bootstrap import Interval
from pipeline.vision.charts import COLOURS, FONT

STYLE = """
*{box-sizing:border-box}
:root{--yes:#12733a;--yesbg:#e3f4e9;--no:#b3261e;--nobg:#fbe9e7;--wait:#8a5a00;--waitbg:#fdf1d8}
@media(prefers-color-scheme:dark){:root{--yes:#6fd898;--yesbg:#15301f;--no:#ff9d90;--nobg:#3a1a17;--wait:#f0c060;
--waitbg:#352a10}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 FONT;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:clamp(24px,4.6vw,34px);line-height:1.2;margin:.35em 0 .4em;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:21px;margin:2.4em 0 .5em;padding-top:.7em;border-top:1px solid var(--line);letter-spacing:-.01em}
h3{font-size:16px;margin:1.6em 0 .5em}p{margin:.4em 0 1em;max-width:72ch}
.brand,.muted,figcaption,th,.panels span,nav{color:var(--muted)}.brand{font-size:14px;font-weight:600}
.verdict{border-radius:14px;padding:18px 22px 8px;margin:12px 0 0;border:1px solid;overflow-wrap:anywhere}
.verdict h1{margin:0 0 .35em}
.verdict p{margin:.6em 0 0}.verdict p+ul{margin-top:.1em}.verdict p:last-child{margin-bottom:1em}
.verdict p,.verdict ul{color:var(--ink)}
.verdict h1 b{display:block;font-size:14px;letter-spacing:.08em;text-transform:uppercase;margin-bottom:2px}
.yes{background:var(--yesbg);border-color:var(--yes)}.yes h1,.better{color:var(--yes)}
.no{background:var(--nobg);border-color:var(--no)}.no h1,.worse{color:var(--no)}
.wait{background:var(--waitbg);border-color:var(--wait)}.wait h1{color:var(--wait)}
ul,ol{padding-left:1.25em;margin:.4em 0 1em}li{margin:.25em 0;max-width:76ch;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px;margin:18px 0 0}a{color:var(--good)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:20px 0 0}
.card{border:1px solid var(--line);border-radius:12px;padding:14px 16px 16px;min-width:0}
.card b{display:block;font-size:31px;line-height:1.25;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.card small{color:var(--muted);font-size:13px;line-height:1.4;display:block;overflow-wrap:anywhere}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:0 40px}.two>div{min-width:0}
.two h3{margin-top:.8em}
.meter,.bar{position:relative;height:8px;border-radius:4px;background:var(--line)}
.meter{margin:8px 0}.bar{display:inline-block;width:84px;margin-right:10px}
.meter i,.bar i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--good)}
.meter u,.bar u{position:absolute;top:-3px;bottom:-3px;border:solid var(--ink);border-width:0 2px;min-width:2px}
.meter u:after,.bar u:after{content:"";position:absolute;left:0;right:0;top:6px;border-top:2px solid var(--ink)}
.meter s,.bar s{position:absolute;top:-4px;bottom:-4px;border-left:2px dotted var(--muted)}
.scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums}
th{font-weight:500;font-size:13px;line-height:1.25;text-align:right;vertical-align:bottom}
td{text-align:right;white-space:nowrap}td small{color:var(--muted);font-size:13px}
td,th{padding:7px 0 7px 14px;border-bottom:1px solid var(--line)}
td:first-child,th:first-child{text-align:left;padding-left:0}
.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere;vertical-align:top}
.facts td:first-child{color:var(--muted);width:34%}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.chip{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:8px;vertical-align:-1px;
border:1px solid rgba(128,128,128,.6)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:26px}
.charts h3{margin:.2em 0 .4em;font-size:14px;color:var(--muted);font-weight:500}.chart{display:block;max-width:none}
.charts .chart,.two .chart{width:100%;max-width:420px;height:auto}
.beside{display:flex;flex-wrap:wrap;gap:0 36px;align-items:flex-start}.beside>div{max-width:calc(100% + 40px)}
.beside>div+div{flex:1 1 320px;min-width:0}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px;margin-bottom:14px}
figure{margin:0 0 26px}figcaption{font-size:14px;margin-bottom:6px;overflow-wrap:anywhere}figcaption b{color:var(--ink)}
.panels{display:grid;grid-template-columns:repeat(4,1fr);gap:8px}.panels svg{display:block;width:100%;height:auto}
.panels span{font-size:12px}
@media(max-width:640px){.panels{grid-template-columns:1fr 1fr}.bar{width:56px}.verdict{padding:14px 16px 4px}
td small{display:block}}
@media print{:root{--paper:#fff;--ink:#111;--muted:#555;--line:#ccc;--good:#1763d6;--bad:#d6331f;--on:#fff;
--series1:#1763d6;--series2:#d9730d;--yes:#12733a;--yesbg:#fff;--no:#b3261e;--nobg:#fff;--wait:#8a5a00;--waitbg:#fff}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{font-size:11pt}main{max-width:none;padding:0}nav{display:none}
figure,.card,tr,.verdict,.charts>div,.two>div,li{break-inside:avoid}h2,h3,h2+p,.legend,figcaption{break-after:avoid}
h2{margin-top:1.4em}
.scroll{overflow:visible}table{font-size:8.5pt}th,td small{font-size:7.5pt}td,th{padding:4px 0 4px 6px}
.bar{width:36px;margin-right:6px}td small{display:block}
.scroll>.chart{max-width:100%;height:auto}}
""".replace("FONT", FONT)


def page(title: str, header: str, sections: Iterable[tuple[str, str, str]], mark: str = "") -> str:
    """The whole page; a section without content is left out, and so is the link to it.

    Args:
        title: of the window.
        header: HTML of what comes first.
        sections: id, heading and HTML of each, in order.
        mark: HTML for the page's head, which nobody sees.
    """
    shown = [(id_, heading, content) for id_, heading, content in sections if content]
    links = "".join(f'<a href="#{id_}">{escape(heading)}</a>' for id_, heading, _ in shown)
    bodies = "".join(
        f'<section id="{id_}"><h2>{escape(heading)}</h2>{content}</section>\n' for id_, heading, content in shown
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">{mark}<title>{escape(title)}</title>'
        f"<style>{COLOURS}{STYLE}</style></head>\n<body><main>"
        f'<header><div class="brand">segline &middot; report</div>{header}<nav>{links}</nav></header>\n'
        f"{bodies}</main></body></html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], foot: Iterable[Sequence[str]] = ()) -> str:
    """A table that scrolls by itself where it is too wide; cells are HTML; nothing where there are no rows."""
    body, end = ("".join(_row(cells) for cells in part) for part in (rows, foot))
    names = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody><tfoot>{end}</tfoot></table>'
        "</div>"
        if body
        else ""
    )


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, both plain text; nothing where there are none."""
    body = "".join(f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>" for name, value in rows)
    return f'<table class="facts"><tbody>{body}</tbody></table>' if body else ""


def card(name: str, value: str, meter_html: str, note: str) -> str:
    """A figure in large type; all four are HTML."""
    return f'<div class="card"><small>{name}</small><b>{value}</b>{meter_html}<small>{note}</small></div>'


def meter(share: float, interval: Interval | None = None, floor: float = math.nan, kind: str = "meter") -> str:
    """A bar filled up to `share`, with the interval as a whisker and the floor as a dotted line."""
    parts = f'<i style="width:{_place(share):.1f}%"></i>'
    if interval and is_shown(interval):
        low, high = _place(interval.low), _place(interval.high)
        parts += f'<u style="left:{low:.1f}%;width:{high - low:.1f}%"></u>'
    if not math.isnan(floor):
        parts += f'<s style="left:{_place(floor):.1f}%"></s>'
    element = "div" if kind == "meter" else "span"
    return f'<{element} class="{kind}">{parts}</{element}>'


def _place(share: float) -> float:
    return 0.0 if math.isnan(share) else 100 * min(max(share, 0.0), 1.0)


def chip(colour: tuple[int, int, int]) -> str:
    """A small square of a class's colour."""
    return f'<span class="chip" style="background:rgb{tuple(colour)}"></span>'


def is_shown(interval: Interval | None) -> bool:
    """True where there were units enough for an interval."""
    return interval is not None and interval.is_shown


def number(share: float) -> str:
    """Three decimals; a dash for nan."""
    return "&ndash;" if math.isnan(share) else f"{share:.3f}"


def span(interval: Interval | None, unit: str) -> str:
    """Both ends of an interval, or that it is not shown and by how many units."""
    if interval is None:
        return ""
    if not is_shown(interval):
        return f"<small>not shown, {interval.num_units} {unit}{'s' * (interval.num_units != 1)}</small>"
    return f"<small>{interval.low:.3f}&nbsp;to&nbsp;{interval.high:.3f}</small>"


def change(interval: Interval | None) -> str:
    """A difference with its interval, coloured where the interval leaves no doubt of the sign."""
    if interval is None or math.isnan(interval.estimate):
        return "&ndash;"
    if not is_shown(interval):
        return f"{signed(interval.estimate)} <small>not shown</small>"
    kind = "better" if interval.low > 0 else "worse" if interval.high < 0 else "muted"
    ends = f"{signed(interval.low)}&nbsp;to&nbsp;{signed(interval.high)}"
    return f'<span class="{kind}">{signed(interval.estimate)}</span> <small>{ends}</small>'


def signed(value: float) -> str:
    """Three decimals with a sign."""
    return f"{value:+.3f}".replace("-", "&minus;")


def percent(share: float) -> str:
    """One decimal; what is less than half of that but more than none says so."""
    if math.isnan(share):
        return "&ndash;"
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.0005 else "&lt;0.1%"
