"""Tests of text from outside as it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import MAX_SHOWN, printable, shown, some


@given(st.text(st.characters(), max_size=400))
def test_what_is_shown_is_one_printable_line_of_bounded_length(text: str) -> None:
    """Any text, surrogates included, becomes printable and encodable and is no longer than the limit."""
    line = shown(text)
    assert line.isprintable()
    assert len(line) <= MAX_SHOWN
    line.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("car 1.png", "car 1.png"),
        ("süß/道路.png", "süß/道路.png"),
        ("a\nb\r", "a\\nb\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff.png", "\\udcff.png"),
    ],
)
def test_only_what_cannot_be_printed_is_escaped(text: str, line: str) -> None:
    """Plain and foreign letters stay; controls, bidirectional marks and undecodable bytes become escapes."""
    assert shown(text) == line


def test_a_long_text_keeps_its_ends() -> None:
    """The beginning and the end of a long path are shown."""
    assert shown("a" * 500 + "/b.png").startswith("aaa")
    assert shown("a" * 500 + "/b.png").endswith("/b.png")


@given(st.text(st.characters(), max_size=400))
def test_a_long_message_is_whole_and_printable(text: str) -> None:
    """Nothing is cut, lines stay lines, and each is printable."""
    assert all(line.isprintable() for line in printable(text).split("\n"))
    assert printable(text).count("\n") == text.count("\n") and len(printable(text)) >= len(text)
    assert printable("a\n  \x1b[2Jb\r") == "a\n  \\x1b[2Jb\\r"


@pytest.mark.parametrize(
    ("phrases", "text"),
    [("", ""), ("ba", "b, a"), ("abcde", "a, b, c, d, e"), ("abcdefg", "a, b, c, d, e and 2 more")],
)
def test_the_first_phrases_are_named_in_their_order(phrases: str, text: str) -> None:
    """Up to five, and the number of the others."""
    assert some(list(phrases)) == text
