"""Train: a network on the packed arrays; the same params, data and kind of machine give the same bits, kill or not."""

import json
import math
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from pipeline.backend.devices import describe, num_threads_in_use, replicate, set_up_devices
from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.dataset.packed import Packed, read_packed
from pipeline.disk.files import check_room, check_writable, remove, write_json, written_whole
from pipeline.disk.records import write_csv
from pipeline.errors import ParamsError
from pipeline.monitoring.live_metrics import LiveMetrics
from pipeline.networks.blocks.layers import sum_by_products
from pipeline.networks.table import NETWORKS
from pipeline.params import TrainParams, read_params
from pipeline.runtime.cost import peak_mb
from pipeline.runtime.program import run, run_stage
from pipeline.runtime.stages import PARAMS, code_of
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.checkpoints import CHECKPOINTS, checkpoint_folder, only_training, read_interval_s, read_newest
from pipeline.training.class_weights import class_weights
from pipeline.training.fit import Fit
from pipeline.training.machine import has_bfloat16, kind_of_machine, sums_faster_by_products
from pipeline.training.precision import AUTO, BFLOAT16, FLOAT32, StepTimes, known_step_times, measure, settle
from pipeline.training.trainer import Trainer, build_optimizer

TRAIN = Path("work/train")
NUM_MEASURED_BATCHES = 3
SEEDS_APART = 1_000_003
"""Between the seeds of two networks, so that other trainings with seeds one apart, as `noise` has them, are others."""
TIME_STEPS = "--time-steps"
"""Argument of the program, before a folder with params.yaml and fingerprint.json: see `time_steps`."""
Summary = Mapping[str, Any]
"""Numbers for summary.json."""


def train(train_set: Packed, val_set: Packed, fingerprint: Fingerprint, params: TrainParams, out: Path) -> Summary:
    """Trains each network to the end, from the last checkpoint if one is kept.

    Writes to `out` a folder of weights for each network, in `networks`, and the history of all, in which the epochs of
    the second network follow on those of the first. The summary is that of the network that is best on `val_set`.

    Raises: see `train_network`.
    """
    _check(train_set, val_set, fingerprint, params)
    read_interval_s()  # a wrong one is refused before anything is measured
    check_writable(CHECKPOINTS)
    with only_training():
        trained = [
            train_network(train_set, val_set, fingerprint, params, number, out) for number in range(params.num_networks)
        ]
        rows = [row for one in trained for row in one.history]
        write_csv(out / "history.csv", list(rows[0]), [list(row.values()) for row in rows])
        for one in trained:  # until here, so that no network that has ended learns again after a kill
            remove(one.checkpoints)
    return summarise([one.summary for one in trained])


class Trained(NamedTuple):
    """A network that has learnt: its epochs, counted over all networks, its summary, and where its last state is."""

    history: list[dict[str, float]]
    summary: Summary
    checkpoints: Path


def train_network(
    train_set: Packed, val_set: Packed, fingerprint: Fingerprint, params: TrainParams, number: int, out: Path
) -> Trained:
    """Trains a network to the end, and writes the weights that are best on `val_set`.

    Args:
        number: of the network, from 0; its seed follows from it.
        out: see `train`.

    Raises:
        ParamsError: params and data do not go together, or the environment asks for checkpoints in a wrong way.
        TrainingError: the loss is not finite, the checkpoints are damaged, another training runs here, or the precision
            does not run on this machine.
        StageError: the disk has no room for checkpoints and weights, or cannot be written to.
    """
    params = params.model_copy(update={"seed": (params.seed + number * SEEDS_APART) % 2**32})
    gpus = set_up_devices(params.num_threads)
    check_batch_size(params.batch_size, len(gpus))
    machine = kind_of_machine(num_threads_in_use(params.num_threads), gpus)
    folder = checkpoint_folder(_recipe(fingerprint, params))
    saved = read_newest(folder)
    batches = partial(epoch_batches, train_set, fingerprint, params)
    build = partial(build_trainer, fingerprint, params, len(gpus))
    precision = saved.precision if saved else params.precision
    if precision != FLOAT32:
        first = batches(params.small_epochs)  # of whole images
        times = _measure(first, fingerprint, params, machine, build)
        precision = settle(precision, times, len(first) * params.num_epochs, len(first) * params.small_epochs)
    which = f"network {number + 1} of {params.num_networks}, " if params.num_networks > 1 else ""
    print(f"train: {which}{describe(gpus)}; {keras.backend.backend()}, {precision}", flush=True)
    before = number * params.num_epochs
    live = LiveMetrics(fingerprint.classes, fingerprint.class_pixels, val_set, params.num_epochs, before)
    patience = params.early_stopping_epochs
    fit = Fit(build(precision), batches, val_set, params.num_epochs, patience, precision, machine, live)
    if saved:
        fit.restore(saved, folder)
    check_room(CHECKPOINTS, fit.num_bytes_to_write - sum(file.stat().st_size for file in folder.glob("*")))
    fit.run(folder, read_interval_s())
    summary = write(fit, fingerprint, params, out / "networks" / f"{number + 1:02}")
    history = [{**row, "epoch": row["epoch"] + before} for row in fit.history]
    return Trained(history, summary | {"best_epoch": summary["best_epoch"] + before}, folder)


def build_trainer(fingerprint: Fingerprint, params: TrainParams, num_gpus: int, precision: str) -> Trainer:
    """Makes the network with random weights from the seed, its loss and its optimiser."""
    keras.utils.set_random_seed(params.seed)
    keras.mixed_precision.set_global_policy(precision)
    num_steps = fingerprint.num_images["train"] // params.batch_size
    with replicate(num_gpus):
        network = NETWORKS[params.network.name].build(**network_arguments(fingerprint, params))
        params.network.start(network)
        if not num_gpus and keras.backend.backend() == "tensorflow" and sums_faster_by_products():
            sum_by_products(network)
        weights = class_weights(fingerprint.class_pixels, params.class_weights)
        trainer = Trainer(
            *(network, weights, params.loss, params.augment.crop, fingerprint.classes.ignore_id),
            *(params.label_smoothing, params.ema_decay, params.auxiliary_weight, params.network.coarse_layers),
        )
        optimizer = build_optimizer(
            learning_rate=params.learning_rate,
            weight_decay=params.weight_decay,
            clip_norm=params.clip_norm,
            num_steps=num_steps * params.num_epochs,
            num_warmup_steps=round(num_steps * params.warmup_epochs),
        )
        # XLA pays on one GPU only: on the CPU it is 4 to 5 times slower
        trainer.compile(optimizer=optimizer, jit_compile=num_gpus == 1)
        trainer.scored.compile(jit_compile=num_gpus == 1)
        optimizer.build(trainer.trainable_variables)
    return trainer


def network_arguments(fingerprint: Fingerprint, params: TrainParams) -> dict[str, Any]:
    """The arguments of the network's `build`, as network.json keeps them for later stages."""
    return {
        **params.network.model_dump(exclude={"name"}),
        "num_classes": len(fingerprint.classes),
        "channel_mean": list(fingerprint.channel_mean),
        "channel_std": list(fingerprint.channel_std),
    }


def write(fit: Fit, fingerprint: Fingerprint, params: TrainParams, out: Path) -> dict[str, Any]:
    """Writes the best weights and the network to `out`; returns the summary."""
    out.mkdir(parents=True, exist_ok=True)
    best, network = fit.finish(), fit.trainer.network
    with written_whole(out / "model.weights.h5") as beside:
        network.save_weights(beside.with_name(".part.weights.h5"))
        beside.with_name(".part.weights.h5").rename(beside)
    description = {"name": params.network.name, "arguments": network_arguments(fingerprint, params)}
    write_json(out / "network.json", {**description, "precision": fit.precision})
    return {
        "best_epoch": best["epoch"],
        "val_mean_iou": best["val_mean_iou"],
        "num_epochs": len(fit.history),
        "num_parameters": network.count_params(),
        "backend": keras.backend.backend(),
        "precision": fit.precision,
        "precision_by": "measured" if params.precision == AUTO else "params",
        "num_machines": len(fit.machines),
        "machines": fit.machines,
    }


def summarise(summaries: Sequence[Summary]) -> Summary:
    """The summary of the network that is best on val, with the epochs, parameters and machines of all of them."""
    scores = [summary["val_mean_iou"] for summary in summaries]
    best = max(range(len(scores)), key=lambda number: -math.inf if math.isnan(scores[number]) else scores[number])
    machines = {json.dumps(machine): machine for summary in summaries for machine in summary["machines"]}
    sums = {name: sum(summary[name] for summary in summaries) for name in ("num_epochs", "num_parameters")}
    return {
        **summaries[best],
        **sums,
        "num_networks": len(summaries),
        "num_machines": len(machines),
        "machines": list(machines.values()),
    }


def check_batch_size(batch_size: int, num_gpus: int) -> None:
    """Raises `ParamsError` if the GPUs would get unequal parts of a batch."""
    if num_gpus and batch_size % num_gpus:
        raise ParamsError(
            f"params.yaml: `train.batch_size` is {batch_size}, {num_gpus} GPUs are visible; expected a multiple, "
            "or hide GPUs with CUDA_VISIBLE_DEVICES"
        )


def _check(train_set: Packed, val_set: Packed, fingerprint: Fingerprint, params: TrainParams) -> None:
    if len(train_set) < params.batch_size:
        raise ParamsError(
            f"params.yaml: `train.batch_size` is {params.batch_size}, train has {len(train_set)} images; lower it"
        )
    if not len(val_set):
        raise ParamsError("val has no image, so no epoch can be called the best; raise validate.split.val")
    crop, size = params.augment.crop, fingerprint.size
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ParamsError(
            f"params.yaml: `train.augment.crop` is {list(crop)}, images are packed at {list(size)} "
            "(preprocess.image_size); the crop must fit in"
        )


def epoch_batches(packed: Packed, fingerprint: Fingerprint, params: TrainParams, epoch: int) -> EpochBatches:
    """Those of an epoch, counted from 0."""
    ranges = Ranges(**params.augment.model_dump(exclude={"crop"}))
    rarity = class_weights(fingerprint.class_pixels, "inverse_sqrt")
    return EpochBatches(
        *(packed, ranges, params.augment.crop, rarity, params.batch_size, params.seed, epoch, params.small_epochs)
    )


def _measure(
    batches: EpochBatches,
    fingerprint: Fingerprint,
    params: TrainParams,
    machine: Mapping[str, str],
    build: Callable[[str], Trainer],
) -> StepTimes | None:
    """Times of a step in both precisions, measured now or by an earlier training of this kind on such a machine."""
    shape = params.model_dump(mode="json", include={"network", "augment", "batch_size"})
    with_bfloat16 = params.precision != AUTO or "gpus" in machine or has_bfloat16()
    identity = [machine, keras.backend.backend(), fingerprint.size, len(fingerprint.classes), shape, with_bfloat16]
    some = [batches[step] for step in range(min(NUM_MEASURED_BATCHES, len(batches)))]
    return known_step_times(identity, partial(measure, build, some, params.num_threads, with_bfloat16))


def _recipe(fingerprint: Fingerprint, params: TrainParams) -> dict[str, Any]:
    """All that the weights follow from but the machine; a checkpoint of another recipe is not continued."""
    return {
        "params": params.model_dump(mode="json", exclude={"num_threads"}),  # a fact of the machine
        "data": fingerprint.arrays_md5,
        "classes": fingerprint.classes.to_dict(),
        "backend": keras.backend.backend(),
        "code": code_of("train"),
    }


def time_steps(fingerprint: Fingerprint, params: TrainParams) -> dict[str, Any]:
    """Times steps on made-up images, before there are packed ones; the training finds the times and measures no more.

    Returns:
        `gpus`, their names; `step_s`, seconds of a step in the precision that `auto` stands for, None if it failed;
        `start_s`, seconds until the first step has ended;
        `peak_mb`, the most memory of a child of this process, which measures if the times are not known.
    """
    gpus = set_up_devices(params.num_threads)
    random, shape = np.random.default_rng(0), (params.batch_size, *fingerprint.size)
    images = random.integers(0, 256, (*shape, 3), np.uint8)
    made_up = Packed(images, random.integers(0, len(fingerprint.classes), shape, np.uint8))
    batches = epoch_batches(made_up, fingerprint, params, params.small_epochs)
    machine = kind_of_machine(num_threads_in_use(params.num_threads), gpus)
    times = _measure(batches, fingerprint, params, machine, partial(build_trainer, fingerprint, params, len(gpus)))
    step_s = None if times is None else times.bfloat16_s if times.faster == BFLOAT16 else times.float32_s
    start_s = times.first_s if times else 0.0
    return {"gpus": gpus, "step_s": step_s, "start_s": start_s, "peak_mb": peak_mb(resource.RUSAGE_CHILDREN)}


def main() -> Summary:
    """Trains on what `preprocess` packed; returns the summary."""
    fingerprint = Fingerprint.read(FINGERPRINT)
    fingerprint.check_size(read_params().preprocess.image_size)
    summary = train(read_packed("train"), read_packed("val"), fingerprint, read_params().train, TRAIN)
    of_all = f" of {summary['num_networks']} networks" if summary["num_networks"] > 1 else ""
    print(f"best epoch{of_all}: {summary['best_epoch']}, val mean IoU {summary['val_mean_iou']:.4f}")
    return summary


if __name__ == "__main__" and sys.argv[1:2] == [TIME_STEPS]:
    place = Path(sys.argv[2])
    times = partial(time_steps, Fingerprint.read(place / FINGERPRINT.name), read_params(place / PARAMS).train)
    run(lambda: print(json.dumps(times())))
    sys.exit()

if __name__ == "__main__":
    run_stage("train", main)
