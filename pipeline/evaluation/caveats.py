"""What has to be said beside a score, so that nobody reads more out of it than is in it."""

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.scores import Scores
from pipeline.text import show_names

MANY_UNITS = 20
"""From as many units on a 95 % interval holds the truth in 94 % of cases; on 10 it does in 91 %, on 5 in 84 %.

Measured by the benchmark `coverage`.
"""


def few_units(interval: Interval, unit: str) -> str:
    """That an interval rests on few units, in words to put behind it; nothing where it does not or is not shown."""
    if not interval.is_shown or interval.num_units >= MANY_UNITS:
        return ""
    return f"; few {unit}s, so it is rather too narrow"


def strays(scores: Scores) -> str:
    """The classes that are predicted though no label has them; nothing where there are none."""
    if not scores.strays:
        return ""
    told = show_names(f"{name} ({count} pixel{'s' * (count != 1)})" for name, count in scores.strays.items())
    return f"predicted but in no label, so left out of the mean IoU: {told}"


def left_out(num_units: int, unit: str) -> str:
    """That groups or images of the split are no units; nothing where all are."""
    if not num_units:
        return ""
    listed = f"{num_units} {unit}{'s' * (num_units != 1)} of the test split without a counted pixel"
    return f"{listed} {'is' if num_units == 1 else 'are'} left out"
