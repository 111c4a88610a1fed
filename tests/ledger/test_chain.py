"""Tests of the chain: no line can be changed, moved, added or deleted unnoticed."""

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.ledger.chain import START, Link, follow_chain, is_signed, read_key, sign


def write(known: list[int]) -> list[Link]:
    """Lines as their makers write them, each of whom has read the lines up to `known`."""
    links: list[Link] = []
    for number, last in enumerate(known, start=1):
        links.append(Link(number, f"content {number}", last, follow_chain(links).heads[last]))
    return links


@st.composite
def chains(draw: st.DrawFn) -> list[Link]:
    """Lines of which some were written at once; the last maker has read all."""
    known = [draw(st.integers(0, number)) for number in range(draw(st.integers(2, 9)))]
    return write([*known, len(known)])


@given(chains())
def test_chain_that_nobody_touched(links: list[Link]) -> None:
    """Whoever writes at once, nothing is found, and every beginning has the heads of the whole."""
    chain = follow_chain(links)
    assert chain.findings == [] and chain.notes == []
    assert follow_chain(links[:-1]).heads == {n: head for n, head in chain.heads.items() if n < len(links)}


@given(chains(), st.data())
def test_nothing_goes_unnoticed(links: list[Link], data: st.DataObject) -> None:
    """A changed, deleted, exchanged or added line before the last is found, whichever it is."""
    at = data.draw(st.integers(0, len(links) - 2))
    other = data.draw(st.integers(0, len(links) - 2).filter(lambda index: index != at))
    harm = data.draw(st.sampled_from(("change", "delete", "exchange", "begin anew")))
    forged = list(links)
    if harm == "change":
        forged[at] = replace(links[at], digest="other")
    elif harm == "delete":
        del forged[at]
    elif harm == "exchange":
        forged[at] = replace(links[other], number=links[at].number)
        forged[other] = replace(links[at], number=links[other].number)
    else:
        forged = [replace(links[0], digest="other"), *links[1:]]
    assert follow_chain(forged).findings


@given(chains(), st.integers(1, 5))
def test_end_that_is_cut_off_shows_by_a_head_that_was_seen(links: list[Link], num_lines: int) -> None:
    """A shorter ledger has not the last head, even after others have written again."""
    last, head = len(links), follow_chain(links).heads[len(links)]
    cut = links[: -min(num_lines, last)]
    assert follow_chain(cut).heads.get(last) != head
    more = [*cut, Link(last, "new content", len(cut), follow_chain(cut).heads[len(cut)])]
    assert follow_chain(more).heads.get(last) != head


@pytest.mark.parametrize(
    ("harm", "findings"),
    [
        (
            lambda x: [x[0], replace(x[1], digest="?"), *x[2:]],
            ["line 2 was changed, moved or deleted: line 3 holds another hash"],
        ),
        (lambda x: [x[0], *x[2:]], ["line 2 is not there: deleted in MLflow"]),
        (lambda x: [x[0], *x[3:]], ["lines 2 to 3 are not there: deleted in MLflow"]),
        (lambda x: [*x, replace(x[1], number=6)], []),
        (
            lambda x: [*x, Link(6, "forged", 5, None)],
            ["line 6 holds no hash of the lines before it, which do: it is forged, or of an old segline"],
        ),
        (
            lambda x: [*x, Link(6, "forged", 2, START)],
            ["line 6 holds a hash that the lines before it never had: it was moved, copied or forged"],
        ),
        (lambda x: [x[0], Link(2, "?", 0, None, damage="line 2 cannot be read"), *x[2:]], ["line 2 cannot be read"]),
        (
            lambda x: [x[0], replace(x[2], number=2), replace(x[1], number=3), *x[3:]],
            [
                "line 2 says that it was written after line 2: it was moved, copied or forged",
                "one of the lines 2 to 3 was changed, moved or deleted: line 4 holds another hash",
            ],
        ),
    ],
)
def test_findings_say_which_line_and_what(harm, findings) -> None:  # type: ignore[no-untyped-def]
    """Each change is told once, by the number of the line."""
    assert follow_chain(harm(write([0, 1, 2, 3, 4]))).findings == findings


def test_lines_from_before_the_chain() -> None:
    """Old lines have no link, may have gaps, and are covered by the first line that has one."""
    old = [Link(1, "one", 0, None), Link(3, "three", 1, None)]
    new = Link(4, "four", 3, follow_chain(old).heads[3])
    chain = follow_chain([*old, new])
    assert chain.findings == [] and chain.notes == ["line 2 is not there: deleted in MLflow"]
    assert follow_chain([replace(old[0], digest="?"), old[1], new]).findings == [
        "one of the lines 1 to 3 was changed, moved or deleted: line 4 holds another hash"
    ]


def test_acceptance_covers_what_was_gone_before_it() -> None:
    """Lines that were cut off before a line that accepts that are not told for ever; those that its maker knew are."""
    links = write([0, 1, 2])
    accepting = Link(6, "back", 3, follow_chain(links).heads[3], is_acceptance=True)
    assert follow_chain([*links, accepting]).findings == []
    assert follow_chain([*links[:2], accepting]).findings == ["line 3 is not there: deleted in MLflow"]


def test_huge_numbers_cost_nothing() -> None:
    """A version far away from the others is a gap, not a loop."""
    assert follow_chain([*write([0]), Link(2**31, "far", 2**31 - 1, "x")]).findings == [
        f"lines 2 to {2**31 - 1} are not there: deleted in MLflow"
    ]


def test_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable goes before a file, whose last line break is no part of the key; without either there is none."""
    assert read_key() is None
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("SEGLINE_LEDGER_KEY_FILE", str(tmp_path / "key"))
    assert read_key() == b"from a file"
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "from a variable")
    assert read_key() == b"from a variable"


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot be read .No such file"), ("\n", "is empty; expected a key")]
)
def test_key_that_is_not_there(text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is named and holds no key is no reason to go on without one."""
    if text is not None:
        (tmp_path / "key").write_text(text)
    monkeypatch.setenv("SEGLINE_LEDGER_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(RegistryError, match=f"SEGLINE_LEDGER_KEY_FILE is .*key: {message}"):
        read_key()


def test_signature() -> None:
    """HMAC-SHA256, as any other program computes it; of another text, key or kind it is none."""
    assert sign(b"key", "text") == hmac.new(b"key", b"text", hashlib.sha256).hexdigest()
    assert is_signed(b"key", "text", sign(b"key", "text"))
    for key, text, signature in ((b"other", "text", sign(b"key", "text")), (b"key", "?", sign(b"key", "text"))):
        assert not is_signed(key, text, signature)
    assert not any(is_signed(b"key", "text", signature) for signature in ("", "\ud800", "ä" * 64))
