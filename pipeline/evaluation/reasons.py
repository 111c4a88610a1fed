"""Reasons of the gate and of promotion: codes with values. `wording.py` of each room makes sentences of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | int | float | None
"""In a reason; JSON takes it."""
Values = Mapping[str, Any]
"""`Value` by name, for the functions that make sentences: a value of a wrong type raises TypeError or ValueError."""


@dataclass(frozen=True)
class Reason:
    """Why a model is accepted, rejected, promoted or not.

    Attributes:
        code: stable, such as "below_floor"; programs and tests compare it.
        values: by name, such as {"name": "mean_iou", "value": 0.61, "threshold": 0.7}.
    """

    code: str
    values: Mapping[str, Value]
