"""Tests of YAML as DVC reads it."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.disk.yaml_text import MAX_DEPTH, parse_yaml, replace_comments, replace_values, to_yaml

SCALARS = (
    *("1e-5", "1e-05", "1E5", "off", "on", "yes", "no", "~", "null", "true", "True", "1_000", ".5", "1."),
    *("0x10", "0o17", "12:30:45", "0016E5", "+1", "-.inf", "2001-01-02"),
)
TENFOLD = ", ".join(["*{0}"] * 10)
BOMB = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{TENFOLD.format(last)}]\n" for last, name in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{TENFOLD.format(last)}]}}\n" for last, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize("text", SCALARS)
def test_values_are_those_of_dvc(text: str) -> None:
    """DVC hashes the values of params.yaml and writes them to dvc.lock."""
    from dvc.utils.serialize import loads_yaml

    ours, theirs = parse_yaml(f"a: {text}"), loads_yaml(f"a: {text}")
    assert ours == theirs and type(ours["a"]) is type(theirs["a"])


def test_numbers_and_words_are_those_of_yaml_1_2() -> None:
    """A small float needs no dot; `off` and `yes` are words."""
    assert parse_yaml("[1e-5, 1e-05, off, yes, .5, 0x10, 1_000]") == [1e-5, 1e-5, "off", "yes", 0.5, 16, 1000]
    assert parse_yaml("a: 12:30:45") == {"a": "12:30:45"} and parse_yaml("") is None


def test_an_alias_stands_for_its_value() -> None:
    """Anchors and merged keys are read where they are harmless."""
    assert parse_yaml("a: &x {k: 1}\nb: *x\nc: {<<: *x, d: 2}") == {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1, "d": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 010", "line 3: 010 is octal to some programs, decimal to others; write a number without"),
        ("a: 1\nb: 2\na: 3", 'line 3: found duplicate key "a"'),
        (BOMB, "line 5: holds more than 20000 values, aliases written out"),
        (MERGED, "line 5: holds more than 20000 values, aliases written out"),
        ("a: &a [*a]", r"line 1: \*a stands for itself or for nothing; write the value out"),
        ("a: *b", r"line 1: \*b stands for itself or for nothing"),
        (
            f"a: *{'b' * 5000}",
            r"^line 1: \*b{200,300}\.\.\.b{60} stands for itself or for nothing; write the value out$",
        ),
        ("a: !!python/object/apply:os.system [ls]", "line 1: has the tag .*python/object.*; tags are not read, remove"),
        ("a: !!int ''", "line 1: has the tag"),
        ("[" * 100_000, f"line 1: is nested deeper than {MAX_DEPTH} levels"),
        ("- " * 100_000, f"line 1: is nested deeper than {MAX_DEPTH} levels"),
        ("a: b\n" * (1 << 18), "has 1310720 characters, expected at most 1048576"),
        ("a: 1\n---\nb: 2", "line 2: a second document starts; expected one in the file"),
        ("a:\n\tb: 1", "is not YAML .line 2: found character that cannot start any token"),
        ("a: \0", "is not YAML .*control characters are not allowed"),
        ("a: [", "is not YAML .line 2: "),
        ("a: 2001-99-99", "is not YAML .month must be in 1..12"),
        ("a: " + "1" * 5000, "is not YAML .Exceeds the limit"),
        ("{{a: b}: c}", "is not YAML .line 1: found unhashable key"),
        ("a: =", "is not YAML .line 1: "),
        ("a: \ud800", "is not YAML .*surrogates not allowed"),
    ],
    ids=range(21),
)
def test_what_cannot_be_trusted_is_refused_at_once(text: str, message: str) -> None:
    """The message has the line; nothing grows, recurses or takes long before."""
    started = time.process_time()
    with pytest.raises(ValueError, match=message):
        parse_yaml(text)
    assert time.process_time() - started < 0.5


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_by_us_and_by_dvc(content: Any) -> None:
    """Also texts that look like numbers, `no`, control characters and very small floats."""
    from dvc.utils.serialize import loads_yaml

    text = to_yaml(content)
    assert parse_yaml(text) == content == loads_yaml(text)


def test_a_table_in_a_key_is_refused() -> None:
    """The library has a TypeError for it."""
    with pytest.raises(ValueError, match="is not YAML"):
        parse_yaml("? [{a: 1}]\n: 2\n")


@example("0[")
@given(st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | st.booleans() | st.lists(st.integers()))
def test_a_replaced_value_is_read_and_all_else_stays(value: Any) -> None:
    """Also if its text is longer or shorter than the former; a comment stays in its column if there is room."""
    text = 'é: 1\na:\n  b: {c: "x", d: [1, 2]}   # one\n  e: 0.5    # two\n'
    for name, place in (("e", ("a", "e")), ("c", ("a", "b", "c")), ("d", ("a", "b", "d"))):
        changed = replace_values(text, {".".join(place): value})
        expected: Any = parse_yaml(text)
        (expected["a"] if name == "e" else expected["a"]["b"])[name] = value
        assert parse_yaml(changed) == expected
        assert "# one\n" in changed and changed.endswith(" # two\n") and changed.startswith("é: 1\na:\n  b: {")


ONE_LINE = (
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text("ab:#'[ {", max_size=6) | st.lists(st.integers())
)


@given(st.dictionaries(st.text("abc_", min_size=1), ONE_LINE, min_size=1, max_size=4))
def test_a_table_on_lines_of_its_own_is_replaced(value: Any) -> None:
    """What is around it stays; the comment stands in its first line."""
    text = "a:\n  b:   # one\n    c: x  # two\n    d:\n      e: [1,\n        2]  # three\n  # four\n  f: 1  # five\n"
    changed = replace_comments(replace_values(text, {"a.b": value}), {"a.b": "six"})
    assert parse_yaml(changed) == {"a": {"b": value, "f": 1}}
    assert changed.startswith("a:\n  b:   # one\n    ") and changed.endswith("\n  # four\n  f: 1  # five\n")
    assert "two" not in changed.replace(str(value), "") and changed.count(" # six\n") == 1
    assert replace_values("a:\n  b: 1", {"a": {"c": 2}}) == "a:\n  c: 2\n"


def test_a_comment_keeps_its_column() -> None:
    """If the new value leaves room for it."""
    text = "a: 0.5    # one\n"
    assert replace_values(text, {"a": 0.125}) == "a: 0.125  # one\n"
    assert replace_values(text, {"a": 0.123456789}) == "a: 0.123456789 # one\n"
    with pytest.raises(ValueError, match=r"line 2: a has several lines; write it in one, as \[1, 2\]"):
        replace_values("a:\n- 1\n- 2\n", {"a": [3]})
