"""Tests of the names of samples."""

from pathlib import Path

import pytest

from pipeline.dataset.sample_names import check_name, same_everywhere
from pipeline.errors import DataError


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
        ("\udcff", "has control characters, line breaks or bytes that are no UTF-8"),
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
