"""What has to be said beside a score, so that nobody reads more out of it than is in it."""

import math

from pipeline.bootstrap import Interval
from pipeline.pairs import show_names
from pipeline.scores import Scores

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
    """The classes that are predicted though no label has them, and what they cost; nothing where there are none."""
    if not scores.strays:
        return ""
    told = show_names(f"{name} ({count} pixel{'s' * (count != 1)})" for name, count in scores.strays.items())
    num_scored = sum(not math.isnan(iou) for iou in scores.iou.values())
    num_labelled = max(num_scored - len(scores.strays), 1)
    cost = scores.mean_iou * (num_scored / num_labelled - 1)
    says = "it counts as IoU 0 and costs" if len(scores.strays) == 1 else "they count as IoU 0 and cost"
    return f"predicted but in no label: {told}; {says} {cost:.2g} of mean IoU"
