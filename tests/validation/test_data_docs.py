"""Data Docs: the suites and results of Great Expectations as pages that are safe to open."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.errors import StageError
from pipeline.validation.data_docs import write_docs
from tests.conftest import small_files
from tests.layout import ROOT
from tests.validation.test_checks import row, table

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
INERT = {"a", "br", "div", "h4", "h5", "h6", "hr", "i", "li", "nav", "p", "span", "strong"}
INERT |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}
ATTRIBUTES = re.compile(r"class|id|hidden|href|style|(data|aria)-[a-z-]+")
FIFTY = table(*(row(str(i), i % 3 > 0, i / 50, i) for i in range(50)))
WRITE_DOCS = """
import sys
from pathlib import Path
from pipeline.validation.data_docs import write_docs
from tests.validation.test_data_docs import FIFTY
write_docs(Path(sys.argv[1]), [FIFTY])
"""
pytestmark = pytest.mark.e2e


class Page(HTMLParser):
    """Every element, attribute and text of a page's body."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.head, _, body = path.read_text().partition("<body>")
        self.feed(body.replace("</body>", "", 1).replace("</html>", "", 1))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes it."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Notes it."""
        self.text += f"{data} "

    def values(self, attribute: str) -> list[str]:
        """All values of an attribute."""
        return [value or "" for name, value in self.attributes if name == attribute]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data Docs of two tables: one with hostile names and values, and one that passes."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    hostile = table(*(row(name, on=name, count=1) for name in HOSTILE))  # type: ignore[arg-type]
    assert [one.name for one in hostile.findings()] == [*HOSTILE] * 2
    write_docs(folder, [hostile, table(row("a"), name="splits")])
    return folder


def test_pages_load_nothing_and_run_nothing(site: Path) -> None:
    """Hostile texts stay texts; a page has inert elements only, and forbids scripts; no other file is there."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) == 5 and {path for path in site.rglob("*") if path.is_file()} == pages.keys()
    for page in pages.values():
        assert page.tags <= INERT
        assert all(ATTRIBUTES.fullmatch(name) for name, _ in page.attributes)
        assert not [style for style in page.values("style") if "url(" in style]
        assert "default-src 'none'" in page.head and "://" not in page.head and "<script" not in page.head
    (result,) = [page for path, page in pages.items() if path.name == "data-samples.html"]
    assert all(result.text.count(text) == 3 for text in HOSTILE)  # a value, and a name in each of two tables


def test_links_lead_to_pages_that_are_there(site: Path) -> None:
    """A link leads to a place in its page or to a page of the site, and the index leads to every page."""
    for path in site.rglob("*.html"):
        page = Page(path)
        ids, links = page.values("id"), page.values("href")
        assert links
        assert all(link[1:] in ids if link[0] == "#" else (path.parent / link).is_file() for link in links)
    others = {path.relative_to(site).as_posix() for path in site.rglob("*/*.html")}
    assert {*Page(site / "index.html").values("href")} == others


def test_undecodable_file_names_are_escaped(tmp_path: Path) -> None:
    """A file below `data/` may have a name that is not UTF-8 or holds control characters."""
    write_docs(tmp_path / "docs", [table(row("a\udcff\x1b<b>", on=False))])
    (path,) = tmp_path.rglob("data-samples.html")
    assert r"a\udcff\x1b<b>" in Page(path).text


def test_index_says_which_suites_failed(site: Path) -> None:
    """A row for each table, in their order."""
    words = Page(site / "index.html").text.split()
    assert words[words.index("set") + 1 : words.index("Pages")] == ["failed", "samples", "passed", "splits"]


def test_pages_show_suite_and_result(tmp_path: Path) -> None:
    """The suite's page has each expectation, the result's page the share and the keys of the rows that fail."""
    write_docs(tmp_path / "docs", [table(row("a", on=False), row("b", on=None), row("c"), row("d", count=1))])
    suite = " ".join(Page(tmp_path / "docs/expectations/samples.html").text.split())
    assert "on (error): on is True" in suite and "share (warning): share is at most 0.5" in suite
    (path,) = tmp_path.rglob("data-samples.html")
    result = " ".join(Page(path).text.split())
    assert "Evaluated Expectations 3 Successful Expectations 1 Unsuccessful Expectations 2" in result
    assert "1 unexpected values found. ≈33.33% of 4 total rows." in result
    assert "Unexpected Value Count name False 1 a" in result and "Unexpected Value Count name 1 1 d" in result
    assert "Great Expectations Version 1.24.1" in result


def test_docs_are_the_same_in_another_process(tmp_path: Path) -> None:
    """The hash seed changes no byte of the pages, and nothing is written to the home folder."""
    (tmp_path / "home").mkdir()
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed, "HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", WRITE_DOCS, str(tmp_path / seed)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert md5_of(tmp_path / "1") == md5_of(tmp_path / "2")
    assert list((tmp_path / "home").iterdir()) == []


def test_docs_hold_no_time_and_no_path(tmp_path: Path) -> None:
    """Equal tables give equal bytes; no path or time is in them."""
    for folder in (tmp_path / "1", tmp_path / "2"):
        write_docs(folder, [FIFTY])
    assert md5_of(tmp_path / "1") == md5_of(tmp_path / "2")
    text = "".join(page.read_text() for page in (tmp_path / "1").rglob("*.html"))
    assert str(tmp_path) not in text and not re.search(r"20\d\d-\d\d-\d\dT|20\d{6}T", text)


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are written to their folder and nowhere else; former pages are replaced."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.html").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    write_docs(tmp_path / "docs", [table(row("a"))])
    assert (tmp_path / "docs" / "index.html").exists() and not (tmp_path / "docs" / "old.html").exists()
    assert not list((tmp_path / "temporary").iterdir())


def test_full_disk_leaves_former_pages(tmp_path: Path) -> None:
    """Pages are written whole or not at all."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.html").write_text("former")
    with small_files(4096), pytest.raises(StageError, match="docs was not written"):
        write_docs(tmp_path / "docs", [FIFTY])
    assert [path.name for path in tmp_path.rglob("*")] == ["docs", "index.html"]
