"""A rule of promotion: the challenger's mean IoU is higher, by whatever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.evaluation.reasons import Reason
from pipeline.promotion.findings import Finding, Limits

if TYPE_CHECKING:
    from pipeline.promotion.comparison import Comparison


def higher(against: Comparison, limits: Limits) -> Iterator[Finding]:
    """The estimate of the difference is above 0; nan is not."""
    difference = against.difference.estimate
    yield Finding(difference > 0, Reason("higher", {"difference": difference}))
