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
from pipeline.training.checkpoints import NEWEST, OLDER, Checkpoint, read_newest
from pipeline.training.fit import Fit
from tests.training.test_trainer import batch, build_trainer

CLASSES = ClassList(("dark", "bright"), ((0, 0, 0), (200, 200, 200)), 255)
CHANGES = Ranges(True, True, (0.8, 1.2), 5.0, 0.1, 0.1, 0.1, 0.5, 0.2, 0.5, 0.5)


def start(patience: int = 0) -> Fit:
    """A training of three epochs of two steps each, from a seed, with an average and crops around rare classes."""
    packed = Packed(batch()["images"], batch()["masks"])
    batches = partial(EpochBatches, packed, CHANGES, (16, 16), np.ones(2), 1, 0)
    trainer = build_trainer(ema_decay=0.9, auxiliary_weight=0.4)
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
    other = Checkpoint(saved.state[:-1], (), [], [], "float32", [])
    with pytest.raises(TrainingError, match="a.npz: the checkpoint is of another network; delete it"):
        fit.restore(other, tmp_path / "a.npz")


def assert_equal(ours: Fit, theirs: Fit) -> None:
    """History, best weights and all variables are equal, bit by bit."""
    assert ours.history == theirs.history and len(theirs.history) == 3
    for mine, other in zip([*ours.variables, *ours.best], [*theirs.variables, *theirs.best], strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.e2e
@pytest.mark.parametrize("num_epochs", [0, 1])
@pytest.mark.parametrize("num_steps", [0, 1, 2])
def test_a_training_goes_on_from_its_checkpoint(
    num_epochs: int, num_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Epochs, steps of the next one, a checkpoint and the rest give the bits of a training without a stop."""
    monkeypatch.chdir(tmp_path)
    whole, first, second = start(), start(), start()
    whole.run(tmp_path / "whole", 0)
    for epoch in range(num_epochs):
        first.run_epoch(epoch)
    batches = first.batches(num_epochs)
    first.losses = [first.trainer.learn(batches[step]) for step in range(num_steps)]
    first.checkpoint().write(tmp_path / "first")
    saved = read_newest(tmp_path / "first")
    assert saved
    second.restore(saved, tmp_path / "first")
    second.run(tmp_path / "second", 0)
    assert_equal(second, whole)
    begun = f" and step {num_steps} of the next" if num_steps else ""
    assert f"train: goes on after epoch {num_epochs} of 3{begun} ({tmp_path / 'first'})\n" in capsys.readouterr().out


@pytest.mark.e2e
def test_how_often_state_is_saved_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 0 there is a checkpoint after each epoch; with next to nothing after each step as well: equal bits."""
    monkeypatch.chdir(tmp_path)
    written: list[tuple[int, int]] = []
    write = Checkpoint.write

    def note(saved: Checkpoint, folder: Path) -> None:
        written.append((len(saved.history), len(saved.losses)))
        write(saved, folder)

    monkeypatch.setattr(Checkpoint, "write", note)
    rarely, often = start(), start()
    rarely.run(tmp_path / "rarely", 0)
    assert written == [(1, 0), (2, 0), (3, 0)]
    written.clear()
    often.run(tmp_path / "often", 1e-9)
    assert written == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0)]
    assert_equal(often, rarely)


@pytest.mark.e2e
def test_the_next_checkpoint_is_due_an_interval_after_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour does not pass within three epochs, so only their ends are saved: the last two of them."""
    monkeypatch.chdir(tmp_path)
    fit = start()
    fit.run(tmp_path / "a", 3600)
    saved = [Checkpoint.read(tmp_path / "a" / name) for name in (NEWEST, OLDER)]
    assert [(len(one.history), len(one.losses)) for one in saved] == [(3, 0), (2, 0)]


@pytest.mark.e2e
def test_the_room_that_a_training_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two checkpoints, a third that is being written, and the weights: the estimate is what they take, nearly."""
    monkeypatch.chdir(tmp_path)
    fit = start()
    fit.run(tmp_path / "a", 0)
    num_bytes = [sum(array.nbytes for array in arrays) for arrays in (fit.checkpoint().state, fit.best)]
    assert fit.num_bytes_to_write == pytest.approx(3 * sum(num_bytes) + num_bytes[1], rel=0.01)
