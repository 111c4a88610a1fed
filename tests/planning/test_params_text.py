"""Tests of the text of params with a plan."""

import pytest

from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import ParamsError
from pipeline.planning.params_text import is_edited, with_mark, with_plan, write_plan
from pipeline.planning.plan import Decision, Plan
from tests.conftest import ROOT

TEXT = "a: {b: 1, c: 2}  # old\nd:\n  e: [1, 2]\n"


@pytest.mark.parametrize("change", ["a: 2\n", TEXT.replace("old", "new"), f"{TEXT}#", TEXT])
def test_a_change_is_seen(change: str) -> None:
    """A comment is one too, and so is a file without the mark."""
    marked = with_mark(TEXT)
    assert not is_edited(marked) and is_edited(marked.replace(TEXT, change) if change != TEXT else TEXT)
    assert with_mark(marked) == marked


def test_the_project_comes_with_params_that_a_plan_may_replace() -> None:
    """They are those of the demo."""
    text = (ROOT / "params.yaml").read_text()
    assert not is_edited(text) and text == with_mark((ROOT / "params/demo.yaml").read_text())


def test_values_get_their_reasons() -> None:
    """A table is replaced as a whole; the rest stays."""
    plan = Plan((Decision("a", {"x": 0.5}, "because"), Decision("d.e", [3, 4], "why not")), ())
    text = write_plan(TEXT, plan)
    assert parse_yaml(text) == {"a": {"x": 0.5}, "d": {"e": [3, 4]}}
    assert text.startswith("a: {x: 0.5}      # because\n") and "# why not" in text and not is_edited(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a:\n  b: 1\n  c: 2\n", "a has several lines"), ("x: &y 1\nz: *y\na: *y\n", "write the value out")],
)
def test_values_that_cannot_be_replaced_alone_are_refused(text: str, reason: str) -> None:
    """The line is named."""
    with pytest.raises(ParamsError, match=reason):
        with_plan(text, {"a": 2})
