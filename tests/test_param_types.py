"""Sections of params and the types of their values."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.param_types import Section, Share, Whole


class Example(Section):
    """A section."""

    number: Whole
    share: Share


@pytest.mark.parametrize("number", [2, 2.0])
def test_a_whole_float_is_a_whole_number(number: Any) -> None:
    """It becomes an integer."""
    example = Example(number=number, share=0.5)
    assert example.number == 2 and isinstance(example.number, int)


@pytest.mark.parametrize("change", [{"number": 2.5}, {"number": True}, {"share": math.nan}, {"share": 2}, {"other": 1}])
def test_a_section_is_strict(change: dict[str, Any]) -> None:
    """Fractions, truth values, nan, values out of range and unknown names are refused."""
    with pytest.raises(ValidationError, match=next(iter(change))):
        Example(**{"number": 2, "share": 0.5, **change})
