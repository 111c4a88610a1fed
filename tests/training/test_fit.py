"""A training under way; kills, machines and bits are tests of the stage."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList
from pipeline.dataset.packed import Packed
from pipeline.errors import TrainingError
from pipeline.monitoring.live_metrics import LiveMetrics
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.checkpoints import Checkpoint
from pipeline.training.fit import Fit
from tests.training.test_trainer import batch, build_trainer

CLASSES = ClassList(("dark", "bright"), ((0, 0, 0), (200, 200, 200)), 255)
NO_CHANGE = Ranges(False, False, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0)


def start(patience: int = 0) -> Fit:
    """A training of three epochs on two images, from a seed."""
    packed = Packed(batch()["images"], batch()["masks"])
    batches = partial(EpochBatches, packed, NO_CHANGE, (16, 16), 2, 0)
    trainer = build_trainer()
    trainer.optimizer.build(trainer.trainable_variables)
    live = LiveMetrics(CLASSES, {"dark": 1, "bright": 1}, packed, 3)
    return Fit(trainer, batches, packed, 3, patience, "float32", {"cpu": "one"}, live)


def with_scores(*scores: float, patience: int = 0) -> Fit:
    """A training that has had epochs with these mean IoUs."""
    fit = start(patience)
    fit.history = [{"epoch": index + 1, "val_mean_iou": score} for index, score in enumerate(scores)]
    fit.best = [np.zeros(variable.shape) for variable in fit.trainer.network.variables]
    return fit


@pytest.mark.parametrize(
    ("scores", "best"), [((0.1, 0.3, 0.2), 2), ((0.3, 0.3), 1), ((math.nan, 0.0), 2), ((math.nan, math.nan), 1)]
)
def test_the_best_epoch_is_the_first_with_the_highest_score(scores: tuple[float, ...], best: int) -> None:
    """Nan is lower than any score; at the end the network has that epoch's weights."""
    fit = with_scores(*scores)
    assert fit.finish()["epoch"] == best
    assert not any(np.any(variable) for variable in fit.trainer.network.get_weights())


@pytest.mark.parametrize(("patience", "is_over"), [(0, False), (1, True), (2, True), (3, False)])
def test_patience_is_the_number_of_epochs_without_a_better_one(patience: int, is_over: bool) -> None:
    """Of three epochs the first was best; 0 waits for ever."""
    assert with_scores(0.3, 0.2, 0.1, patience=patience).is_over() == is_over


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    """It is named, with what to do."""
    fit = start()
    saved = fit.checkpoint()
    other = Checkpoint(saved.state[:-1], (), [], "float32", [])
    with pytest.raises(TrainingError, match="a.npz: the checkpoint is of another network; delete it"):
        fit.restore(other, tmp_path / "a.npz")


@pytest.mark.e2e
def test_a_training_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch, a checkpoint and the rest give the history and the weights of a training without a stop."""
    monkeypatch.chdir(tmp_path)
    whole, first, second = start(), start(), start()
    whole.run(tmp_path / "whole.npz")
    first.run_epoch(0)
    first.checkpoint().write(tmp_path / "first.npz")
    second.restore(Checkpoint.read(tmp_path / "first.npz"), tmp_path / "first.npz")
    second.run(tmp_path / "second.npz")
    assert second.history == whole.history and len(whole.history) == 3
    for ours, theirs in zip(second.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
