"""The chain of a version as an SVG picture: equal chains give equal bytes, and colours follow light or dark mode."""

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from pipeline.provenance.chain import Node
from pipeline.secrets import without_secrets
from pipeline.text import shown
from pipeline.vision.charts import FONT, standalone

WIDTH, LEFT, PAD, LINE, GAP = 760, 150, 12, 18, 26
"""Pixels: of the picture; of the arcs' margin; inside a box; of a line of text; between boxes."""
LABEL, LINE_CHARS, NUM_LINES = 92, 74, 2
"""Pixels of the labels; characters of a line; lines of a fact."""
COLOURS = {"data": "series2", "stage": "series1", "model": "series2", "verdict": "good", "version": "good"}
ARC = 19  # pixels that an arc moves out for each link that it passes
STYLE = (
    f".lineage text{{font:12px {FONT};fill:var(--ink)}}.lineage .label{{fill:var(--muted)}}"
    ".lineage .name{font-weight:600;font-size:13px}.lineage .box{fill:var(--paper);stroke:var(--line)}"
    ".lineage .arc{fill:none;stroke:var(--muted);opacity:.55}"
    ".lineage .way{fill:none;stroke:var(--ink);stroke-width:1.5}"
)
HEAD = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
ARROW = f'<defs>{HEAD}<path d="M0 0L8 4L0 8z" fill="var(--ink)"/></marker></defs>'


def draw_chain(title: str, nodes: Sequence[Node], made_by: str) -> str:
    """The chain from top to bottom: a box for each link, an arrow from the one before, arcs from the others."""
    lines = [list(_lines_of(node)) for node in nodes]
    tops, top = [], GAP
    for box in lines:
        tops.append(top)
        top += _height(box) + GAP
    parts = [f"<title>{escape(shown(title))}</title><metadata>{escape(made_by)}</metadata>", f"<style>{STYLE}</style>"]
    for place, node in enumerate(nodes):
        parts += (_edge(place, source, tops, lines) for source in node.made_from)
    parts += (_box(*drawn) for drawn in zip(nodes, tops, lines, strict=True))
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" {size} role="img">'
    return standalone(f"{opening}{ARROW}{''.join(parts)}</svg>")


def _lines_of(node: Node) -> Iterator[tuple[str, str]]:
    """Label and text of each line; a label stands at the first line of its fact, and once for facts in a row."""
    last = ""
    for label, text in node.facts:
        rows = wrap(shown(without_secrets(text)), LINE_CHARS) or ["-"]
        if len(rows) > NUM_LINES:
            rows = [*rows[: NUM_LINES - 1], f"{rows[NUM_LINES - 1][: LINE_CHARS - 3]}..."]
        yield from zip(["" if label == last else shown(label), *[""] * (len(rows) - 1)], rows, strict=True)
        last = label


def _height(box: Sequence[tuple[str, str]]) -> int:
    return 2 * PAD + LINE * (1 + len(box)) - 4


def _box(node: Node, top: int, lines: Sequence[tuple[str, str]]) -> str:
    height, width = _height(lines), WIDTH - LEFT - GAP
    colour = f"var(--{COLOURS.get(node.kind, 'muted')})"
    parts = [
        f'<rect class="box" x="{LEFT}" y="{top}" width="{width}" height="{height}" rx="4"/>',
        f'<rect x="{LEFT}" y="{top}" width="5" height="{height}" rx="2" fill="{colour}"/>',
        _text(LEFT + PAD + 6, top + PAD + 11, shown(node.name), "name"),
        _text(WIDTH - GAP - PAD, top + PAD + 11, node.kind, "label", "end"),
    ]
    for row, (label, text) in enumerate(lines, start=1):
        y = top + PAD + 11 + LINE * row
        parts += [_text(LEFT + PAD + 6, y, label, "label"), _text(LEFT + PAD + 6 + LABEL, y, text)]
    return "".join(parts)


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _edge(place: int, source: int, tops: Sequence[int], lines: Sequence[Sequence[tuple[str, str]]]) -> str:
    """A straight arrow from the link directly before, else an arc through the margin."""
    if source == place - 1:
        return f'<path class="way" marker-end="url(#head)" d="M{LEFT + 40} {tops[place] - GAP}V{tops[place] - 1}"/>'
    start = tops[source] + _height(lines[source]) // 2
    end = tops[place] + _height(lines[place]) // 2 - 2 * (place - source)
    out = max(LEFT - 20 - ARC * (place - source), 8)
    return f'<path class="arc" marker-end="url(#head)" d="M{LEFT} {start}C{out} {start} {out} {end} {LEFT - 1} {end}"/>'
