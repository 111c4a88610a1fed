"""Tests of the names that users give."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.names import MAX_CHARS, check_class_names, check_name, clean_name, problem_of, same_everywhere
from pipeline.errors import DataError
from pipeline.text import quoted

ODD: dict[str, list[object]] = {
    "is not text; write it in quotes": [None, 5, ["sky"], 1.5, True],
    "is empty": ["", " ", "\t"],
    "begins or ends with a blank": [" sky", "sky ", "sky\n", "\u00a0sky"],
    "cannot be printed": ["sk\ry", "a\x1b[31mb", "a\0b", "a\u202eb", "\ud800", "a\u2028b"],
    "expected at most 200": ["x" * (MAX_CHARS + 1)],
}


@pytest.mark.parametrize(("problem", "name"), [(problem, name) for problem, names in ODD.items() for name in names])
def test_an_odd_name_is_refused_in_printable_words(problem: str, name: object) -> None:
    """The message says what is odd, and can be printed itself."""
    with pytest.raises(DataError, match=problem) as caught:
        check_class_names(["road", name], "dataset.yaml")
    assert str(caught.value).startswith("dataset.yaml: class name ") and str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["no", "straße", "a b", "<b>", "天空", "x" * MAX_CHARS, "a>b", "👍"])
def test_any_other_text_is_a_name(name: str) -> None:
    """Letters of all scripts, signs and inner blanks do no harm; markup is escaped where it is shown."""
    assert problem_of(name) is None
    check_class_names([name], "dataset.yaml")


def test_names_that_differ_in_case_only_are_refused() -> None:
    """Nobody could tell them apart in a report."""
    with pytest.raises(DataError, match="class names 'Car' and 'car' differ in case only; rename one"):
        check_class_names(["Car", "car"], "dataset.yaml")


def test_names_of_averages_are_refused() -> None:
    """The report has rows of these names already."""
    with pytest.raises(DataError, match="'Macro avg' is that of an average in the report; rename the class"):
        check_class_names(["Macro avg"], "dataset.yaml")


def test_a_long_name_is_cut_in_a_message() -> None:
    """A message stays readable."""
    assert quoted("x" * 999) == "'" + "x" * 59 + "..."


@pytest.mark.parametrize(
    "name",
    ["a", "-rf", "CON", "süß", "a b", "50%?#", "<svg onload=alert(1)>", "shot at 3\u202fPM", "..a", "$x{y}", "x" * 240],
)
def test_names_that_any_machine_can_hold(name: str) -> None:
    """Odd names are names."""
    check_name(name, Path("x.png"))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (" a", "begins or ends with a blank"),
        ("a\u00a0", "begins or ends with a blank"),
        ("a\r", "has control characters"),
        ("a\nb", "has control characters"),
        ("\x1b[31m", "has control characters"),
        ("a\u2028b", "has control characters"),
        ("\udcff", "has control characters, line breaks or bytes that are not UTF-8"),
        ("x" * 241, "has 241 bytes, expected at most 240"),
        ("é" * 121, "has 242 bytes"),
    ],
)
def test_names_that_are_refused(name: str, fault: str) -> None:
    """The message has the reason, and the name in a form that can be printed."""
    with pytest.raises(DataError, match=fault) as caught:
        check_name(name, Path(f"{name}.png"))
    assert str(caught.value).isprintable()


def test_names_that_are_one_elsewhere() -> None:
    """Case and the two ways to write an accent make no difference on other machines."""
    names = ("\u00c9a", "E\u0301A", "\u00e9a", "e\u0301a")
    assert len({same_everywhere(name) for name in names}) == 1
    assert same_everywhere("ea") != same_everywhere(names[0])


@given(st.text())
def test_names_are_what_mlflow_takes(name: str) -> None:
    """Any class name becomes letters, digits, spaces and . _ - of the same number."""
    cleaned = clean_name(name)
    assert cleaned not in (".", "..") and len(cleaned) == min(len(name), 250)
    assert all(char.isalnum() or char in "_ .-" for char in cleaned)


@pytest.mark.parametrize(
    ("name", "cleaned"), [("..", "__"), (".", "_"), ("a/../b", "a_.._b"), ("<b>", "_b_"), ("v1.5", "v1.5")]
)
def test_a_metric_is_neither_a_path_nor_markup(name: str, cleaned: str) -> None:
    """MLflow refuses a name that is a folder's."""
    assert clean_name(name) == cleaned
