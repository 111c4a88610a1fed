"""The weighted sum over the table of losses."""

import numpy as np
import pytest

from pipeline.training.losses.table import LOSSES, weighted_sum
from tests.training.losses.pixels import IGNORE, NUM_CLASSES, SHAPE, WEIGHTS

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.integers(0, NUM_CLASSES, SHAPE).astype(np.int32)
LOGITS = RANDOM.normal(0, 3, (*SHAPE, NUM_CLASSES)).astype(np.float32)


def total(weights: dict[str, float]) -> float:
    """The sum for drawn pixels."""
    return float(weighted_sum(weights, TARGETS, LOGITS, WEIGHTS, IGNORE, 0.0))


def test_each_loss_counts_by_its_weight() -> None:
    """The sum is that of weight * loss."""
    entropy, dice = (float(LOSSES[name](TARGETS, LOGITS, WEIGHTS, IGNORE)) for name in ("cross_entropy", "soft_dice"))
    assert total({"cross_entropy": 0.25, "soft_dice": 2.0}) == pytest.approx(0.25 * entropy + 2 * dice)


def test_the_order_of_the_weights_changes_no_bit() -> None:
    """The sum is in the order of the table."""
    weights = dict.fromkeys(LOSSES, 0.3)
    assert total(weights) == total(dict(reversed(weights.items())))


def test_label_smoothing_is_that_of_the_cross_entropy() -> None:
    """No other loss changes."""
    smooth = [
        float(weighted_sum({name: 1.0}, TARGETS, LOGITS, WEIGHTS, IGNORE, 0.2)) - total({name: 1.0}) for name in LOSSES
    ]
    assert [name for name, change in zip(LOSSES, smooth, strict=True) if change] == ["cross_entropy"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_weight_0_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even computed, so it costs no time and its nan does no harm."""
    alone = float(LOSSES[name](TARGETS, LOGITS, WEIGHTS, IGNORE))
    others = {other: lambda *_: pytest.fail("computed") for other in LOSSES if other != name}
    monkeypatch.setattr("pipeline.training.losses.table.LOSSES", {**LOSSES, **others})
    assert total({name: 1.0, **dict.fromkeys(others, 0.0)}) == total({name: 1.0}) == alone
