"""Reasons of the gate and of promotion: a code with its values. `wording.py` of each room makes sentences of them."""

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | None
"""Of a reason; JSON takes it."""


@dataclass(frozen=True)
class Reason:
    """Why a model is accepted, rejected, promoted or not.

    Attributes:
        code: stable, such as "below_threshold"; programs and tests compare it.
        values: by name, such as {"metric": "mean_iou", "value": 0.61, "threshold": 0.7}.
    """

    code: str
    values: Mapping[str, Value]
