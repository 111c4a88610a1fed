"""Tests of what every error of ours has in common."""

import pytest

from pipeline import errors
from pipeline.errors import SeglineError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SeglineError)]


@pytest.mark.parametrize("kind", KINDS)
def test_message_holds_no_password_and_steers_no_terminal(kind: type[SeglineError]) -> None:
    """Whatever a message is made of, it can be printed, stored and shown; its lines stay lines."""
    err = kind("http://me:secret@host?token=abc fails\n\x1b[2J\u202e: fix that")
    assert str(err) == "http://host?token=*** fails\n\\x1b[2J\\u202e: fix that"
