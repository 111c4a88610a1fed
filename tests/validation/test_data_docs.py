"""Tests of making Data Docs self-contained."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validation.data_docs import ATTRIBUTES, KEPT, make_self_contained, without_scripts
from pipeline.validation.expectations import Judge
from tests.validation.test_expectations import CHECKS, row

HOSTILE = (
    "<svg onload=alert(1)>",
    "\"'><script>alert(1)</script>",
    "<img src=//x onerror=alert(1)>",
    "</div></body></html><iframe src=https://x.example>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=//x.example/a.html>x</a>",
    "$x ${y} $$ {{ 7*7 }} {% x %} %s",
    "&lt;b&gt;",
)
FRAME = {"html", "head", "meta", "title", "style", "body"}


class Seen(HTMLParser):
    """Every element, attribute and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text.partition("<body>")[2])
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes it."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Notes it."""
        self.text += data


def check_harmless(text: str) -> Seen:
    """Holds that a page has known elements only, refers to pages beside it only, and forbids scripts."""
    seen = Seen(text)
    assert seen.tags <= {*KEPT}
    links = [value or "" for name, value in seen.attributes if name == "href"]
    assert {name for name, _ in seen.attributes} <= {*ATTRIBUTES, "href"}
    assert all(
        link.startswith("#") or (link.endswith(".html") and ":" not in link and "//" not in link) for link in links
    )
    head = text.partition("<body>")[0]
    assert "default-src 'none'" in head and "://" not in head and "<script" not in head and "<link" not in head
    return seen


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data Docs of a table with hostile names and values."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    judge = Judge()
    columns = {"class": "<b>"} | {text: text for text in HOSTILE}
    rows = [row(name, on=False, count=1) | columns for name in HOSTILE]
    assert [one.name for one in judge.judge("samples", rows, "name", CHECKS)] == [*HOSTILE] * 2
    judge.write_docs(folder)
    return folder


def test_pages_load_nothing_and_run_nothing(site: Path) -> None:
    """Hostile names are text; no page has a script, a style sheet, a font or a picture from elsewhere, or any file."""
    pages = {page: check_harmless(page.read_text()) for page in site.rglob("*.html")}
    assert len(pages) == 3 and {path for path in site.rglob("*") if path.is_file()} == pages.keys()
    (result,) = [seen for page, seen in pages.items() if page.name == "data-samples.html"]
    assert all(name in result.text for name in HOSTILE)


def test_links_lead_to_pages_that_are_there(site: Path) -> None:
    """Of the site, and to places in the page."""
    for page in site.rglob("*.html"):
        seen = Seen(page.read_text())
        ids = {value for name, value in seen.attributes if name == "id"}
        links = [value or "" for name, value in seen.attributes if name == "href"]
        assert links
        assert all(link[1:] in ids if link[0] == "#" else (page.parent / link).is_file() for link in links)


def test_the_index_tells_what_failed(tmp_path: Path) -> None:
    """Suites by their names, whether they passed, and the pages."""
    (tmp_path / "static/fonts").mkdir(parents=True)
    (tmp_path / "samples.html").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/samples.html").write_text("<p>hello")
    make_self_contained(tmp_path, {"samples": True, "<b>": False})
    index = (tmp_path / "index.html").read_text()
    assert "passed</td><td>samples" in index and "failed</td><td>&lt;b&gt;" in index
    assert '<li><a href="a/samples.html">' in index and not (tmp_path / "static").exists()


@given(text=st.text(alphabet=st.sampled_from("<>/\"'=&;:#! abcdefsrhgivon\n")) | st.sampled_from(HOSTILE))
def test_whatever_comes_in_what_comes_out_is_harmless(text: str) -> None:
    """Also of markup that is broken."""
    check_harmless(without_scripts(f"<div>{text}</div>", "page"))
