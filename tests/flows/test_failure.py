"""Tests of flows/failure.py."""

import logging

import pytest

from flows import failure
from pipeline.errors import StageError

ADDRESS = "http://me:word@host/path"


def test_an_error_of_ours_is_its_sentence() -> None:
    """Nothing else is logged."""
    assert failure.failed(StageError(f"{ADDRESS} fails")).message == "http://host/path fails"


def test_an_unforeseen_error_is_logged_without_secrets(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback is kept; the state has the error alone."""
    monkeypatch.setattr(failure, "get_run_logger", lambda: logging.getLogger("run"))
    try:
        raise ConnectionError(f"{ADDRESS} is odd")
    except ConnectionError as err:
        state = failure.failed(err)
    assert state.name == "Failed" and state.message == "ConnectionError: http://host/path is odd"
    assert "test_failure.py" in caplog.text and "word" not in caplog.text
