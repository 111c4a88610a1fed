"""Tests of schedules; tests/flows/test_retrain.py stops one that is served."""

import pytest

from flows.serve import check_schedule
from pipeline.errors import ParamsError


@pytest.mark.parametrize(
    ("cron", "timezone"), [("every day", "UTC"), ("", "UTC"), ("61 * * * *", "UTC"), ("0 3 * * *", "Mars")]
)
def test_a_schedule_that_is_none_is_refused(cron: str, timezone: str) -> None:
    """The message names both words and gives an example."""
    with pytest.raises(ParamsError, match=rf"--cron '.*' --timezone '{timezone}': is not a schedule .*'0 3 \* \* 1'"):
        check_schedule(cron, timezone)


def test_a_schedule_has_a_time_zone() -> None:
    """Any name of the time zone data base."""
    check_schedule("0 3 * * 1", "Europe/Berlin")
