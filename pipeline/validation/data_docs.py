"""Data Docs made safe and self-contained: pages of plain HTML that load nothing and run nothing.

Great Expectations writes values into its pages as they are, and has them load scripts and styles from the internet.
Here each page is written anew from the elements and attributes that are known to be harmless.
"""

import re
import shutil
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from pathlib import Path

KEPT = {"a", "b", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "i", "li", "nav", "ol", "p", "pre"}
KEPT |= {"small", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
DROPPED = ("button", "footer", "form", "head", "label", "script", "style", "title")
"""Left out with all that is in them; of other elements the content stays."""
ATTRIBUTES = ("class", "hidden", "id")
LINK = re.compile(r"#[\w-]+|(\.\./)*(\w[\w.-]*/)*\w[\w.-]*\.html")
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 0 auto; padding: 0 1.5rem 3rem }}
a {{ color: #0b5cad }}
ol, ul {{ padding-left: 1.2rem }}
h4, h5 {{ font-size: 1.2rem; margin: 1.5rem 0 .3rem }}
h6 {{ font-size: 1rem; margin: 1rem 0 .3rem }}
table {{ border-collapse: collapse; margin: .5rem 0 }}
td, th {{ border: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top }}
td, th {{ overflow-wrap: anywhere }}
th {{ background: #f5f5f5; overflow-wrap: normal }}
code {{ overflow-wrap: anywhere; font-size: .85rem }}
.ge-breadcrumbs, .ge-navigation-sidebar-content {{ display: flex; flex-wrap: wrap; gap: 0 1.2rem; list-style: none }}
.ge-breadcrumbs {{ padding: .8rem 0; border-bottom: 1px solid #ddd }}
.ge-section {{ border-top: 1px solid #ddd; margin-top: 1rem }}
.card-header, .card.mb-3 {{ display: none }}
.collapse {{ display: none }}
.collapse:target {{ display: block }}
.fa-check-circle::before {{ content: "\\2713"; color: #1a7f37; font-style: normal }}
.fa-times::before {{ content: "\\2717"; color: #b3261e; font-style: normal }}
.fa-exclamation-triangle::before {{ content: "!"; color: #b3261e; font-style: normal }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #181818; color: #ddd }} a {{ color: #7ab7ff }} th {{ background: #262626 }}
  td, th, .ge-section, .ge-breadcrumbs {{ border-color: #444 }}
}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def make_self_contained(site: Path, passed: Mapping[str, bool]) -> None:
    """Writes each page of a site of Data Docs anew, and an index of its own; fonts, pictures and scripts are removed.

    Args:
        site: folder of the site.
        passed: whether all was as expected, by the name of the suite.
    """
    pages = sorted(page for page in site.rglob("*.html") if page.parent != site)
    for page in pages:
        page.write_text(without_scripts(page.read_text(), page.stem))
    shutil.rmtree(site / "static")
    links = [page.relative_to(site).as_posix() for page in pages]
    (site / "index.html").write_text(HEAD.format(title="Data Docs", body=_index(links, passed)))


def without_scripts(text: str, title: str) -> str:
    """A page of harmless elements with the text and the inner links of another page."""
    page = _Page()
    page.feed(text)
    page.close()
    return HEAD.format(title=escape(title), body="".join(page.parts))


class _Page(HTMLParser):
    """Collects what is kept of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            self.depth += 1
        elif tag in KEPT and not self.depth:
            kept = "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if _is_harmless(name, value))
            self.parts.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED:
            self.depth = max(0, self.depth - 1)
        elif tag in KEPT and not self.depth:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.parts.append(escape(data))


def _is_harmless(name: str, value: str | None) -> bool:
    return name in ATTRIBUTES or (name == "href" and LINK.fullmatch(value or "") is not None)


def _index(links: list[str], passed: Mapping[str, bool]) -> str:
    words = {True: '<i class="fa-check-circle"></i> passed', False: '<i class="fa-times"></i> failed'}
    rows = "".join(f"<tr><td>{words[well]}</td><td>{escape(suite)}</td></tr>" for suite, well in passed.items())
    items = "".join(f'<li><a href="{escape(link)}">{escape(link)}</a></li>' for link in links)
    return f"<h4>What was expected of the data set</h4>\n<table>{rows}</table>\n<h6>Pages</h6>\n<ul>{items}</ul>"
