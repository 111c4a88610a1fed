"""The precision that a training computes in: that of the params or, for `auto`, the clearly faster one on this machine.

On a processor for which the backend has no bfloat16 operations, a step in bfloat16 takes fifty times as long, or fails.
So both are measured in a process of their own, which is ended when it takes too long.
"""

import hashlib
import itertools
import json
import multiprocessing
import os
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.disk.files import check_writable
from pipeline.disk.records import read_record, write_record
from pipeline.errors import EvidenceError, TrainingError
from pipeline.runtime.progress import duration
from pipeline.training.checkpoints import CHECKPOINTS

AUTO, FLOAT32, BFLOAT16 = "auto", "float32", "mixed_bfloat16"
STEP_TIMES = Path(".segline/precision")
FASTER = 0.9
"""Part of float32's step time that bfloat16 must stay below. A processor with bfloat16 operations takes 0.58 to 0.81 of
it, one that emulates them 2 or more. So two measurements on one machine give one choice."""
NUM_STEPS, BUDGET_S = 5, 10.0
PATIENCE = 2.0
"""The first step in bfloat16 may take so many times as long as the first in float32; both hold the same preparation."""
NO_INSTRUCTIONS = "this processor has no instructions for it"
MAX_REASON_CHARS = 200
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Build = Callable[[str], Any]
"""Makes the trainer for a precision; can be pickled."""


@dataclass(frozen=True)
class StepTimes:
    """Seconds of a training step, the median of a few.

    Attributes:
        float32_s: in float32.
        bfloat16_s: in mixed_bfloat16; None: it failed, or its first step was stopped as too slow.
        failure: why the step in mixed_bfloat16 failed; None if it did not.
        first_s: seconds to make the network and of the first step, in float32; 0: not known.
    """

    float32_s: Seconds
    bfloat16_s: Seconds | None
    failure: str | None
    first_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @property
    def faster(self) -> str:
        """The precision that `auto` stands for."""
        is_faster = self.bfloat16_s is not None and self.bfloat16_s < FASTER * self.float32_s
        return BFLOAT16 if is_faster else FLOAT32

    def __str__(self) -> str:
        float32 = f"a step takes {self.float32_s:.3f} s in {FLOAT32}"
        if self.failure == NO_INSTRUCTIONS:
            return f"{float32}; {self.failure.replace('it', BFLOAT16)}"
        if self.failure is not None:
            return f"{float32}, {BFLOAT16} fails ({self.failure})"
        if self.bfloat16_s is None:
            return f"{float32}, {BFLOAT16} was stopped as much slower"
        return f"{float32}, {self.bfloat16_s:.3f} s in {BFLOAT16}"


def settle(wanted: str, times: StepTimes | None, num_steps: int, num_small_steps: int = 0) -> str:
    """The precision to train in if `wanted` is not float32; prints how fast both are on this machine.

    Args:
        wanted: `auto` or `mixed_bfloat16`.
        times: step times of this machine; None: float32 failed, so nothing is known.
        num_steps: steps of the whole training.
        num_small_steps: those of them with images of half of the size, a quarter of the pixels.

    Raises:
        TrainingError: `mixed_bfloat16` is wanted and does not run on this machine.
    """
    if wanted != AUTO:
        if times and times.failure is not None:
            raise TrainingError(
                f"{wanted} does not run on this machine ({times.failure}); set train.precision to {FLOAT32}; a "
                f"training that began in it goes on where it began ({CHECKPOINTS}/)"
            )
        if times and (times.bfloat16_s is None or times.bfloat16_s > times.float32_s):
            print(f"train: warning: {wanted} is slower on this machine than {FLOAT32}: {times}", flush=True)
        return wanted
    precision = times.faster if times else FLOAT32
    print(f"train: precision {precision}, measured: {times or 'a step fails'}", flush=True)
    if times:
        step_s = times.bfloat16_s if precision == BFLOAT16 and times.bfloat16_s else times.float32_s
        whole = duration((num_steps - 0.75 * num_small_steps) * step_s)
        print(f"train: {num_steps} steps will take about {whole}, validation comes on top", flush=True)
    return precision


def known_step_times(
    identity: Any, measure_now: Callable[[], StepTimes | None], folder: Path = STEP_TIMES
) -> StepTimes | None:
    """The times that are kept in `folder`, so that the choice stays; else those measured now, kept if not None.

    `identity` is all that the times follow from, as JSON can hold it.

    Raises:
        StageError: nothing can be written to `folder`; before anything is measured.
    """
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    path = folder / f"{digest[:16]}.json"
    try:
        return read_record(path, StepTimes, "the stage `train`")
    except EvidenceError:
        check_writable(folder)
        times = measure_now()
    if times:
        write_record(path, times)
    return times


def measure(
    build: Build, batches: Sequence[Mapping[str, Any]], num_threads: int, with_bfloat16: bool = True
) -> StepTimes | None:
    """Measures steps on one or more batches in both precisions, in turn, in a process of their own.

    Returns None if not even float32 runs, which the training itself will report.

    Args:
        with_bfloat16: False on a processor without instructions for it: only float32 is measured.
    """
    spawn = multiprocessing.get_context("spawn")  # a fork would share the backend's threads and devices
    receiver, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_measure, args=(build, batches, num_threads, sender), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child inherits that: Ctrl-C is for this process
    child.start()
    signal.signal(signal.SIGINT, before)
    sender.close()
    try:
        return _listen(receiver, with_bfloat16)
    finally:
        child.kill()
        child.join()
        receiver.close()


def _listen(receiver: Connection, with_bfloat16: bool) -> StepTimes | None:
    """Reads what `_measure` sends: of float32 its first step and the next, of bfloat16 its first, then both in turn."""
    alone = _receive(receiver)
    if isinstance(alone, str):
        return None
    first_s, step_s = alone
    if not with_bfloat16:
        return StepTimes(step_s, None, NO_INSTRUCTIONS, first_s)
    if not receiver.poll(PATIENCE * first_s):
        return StepTimes(step_s, None, None, first_s)
    for _ in range(2):
        in_turn = _receive(receiver)
        if isinstance(in_turn, str):
            return StepTimes(step_s, None, in_turn, first_s)
    float32_s, bfloat16_s = in_turn
    return StepTimes(float32_s, bfloat16_s, None, first_s)


def _receive(receiver: Connection) -> Any:
    """The next message; a text is the reason why there is no other."""
    try:
        return receiver.recv()
    except EOFError:
        return "its process was ended by the system"


def _measure(build: Build, batches: Sequence[Mapping[str, Any]], num_threads: int, sender: Connection) -> None:
    """The program of the measuring process; it prints nothing and sends its results."""
    from pipeline.backend.devices import set_up_devices

    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        set_up_devices(num_threads)
        float32, first_s = _start(build, FLOAT32, batches)
        sender.send((first_s, *_time_in_turn([float32], batches)))
        bfloat16, first_s = _start(build, BFLOAT16, batches)
        sender.send(first_s)
        sender.send(_time_in_turn([float32, bfloat16], batches))
    except Exception as err:  # every error of a backend is a result
        sender.send(_reason(err))


def _start(build: Build, precision: str, batches: Sequence[Mapping[str, Any]]) -> tuple[Any, float]:
    """A trainer that has learnt from one batch, and the seconds that this took with all preparation."""
    started = time.monotonic()
    trainer = build(precision)
    trainer.learn(batches[0])
    return trainer, time.monotonic() - started


def _time_in_turn(trainers: Sequence[Any], batches: Sequence[Mapping[str, Any]]) -> tuple[float, ...]:
    """Median seconds of a step of each trainer; they take turns, so that other work on the machine slows all alike."""
    seconds: list[list[float]] = [[] for _ in trainers]
    started = time.monotonic()
    for batch in itertools.islice(itertools.cycle(batches), NUM_STEPS):
        for trainer, own_seconds in zip(trainers, seconds, strict=True):
            step_started = time.monotonic()
            trainer.learn(batch)
            own_seconds.append(time.monotonic() - step_started)
        if time.monotonic() - started > BUDGET_S:
            break
    return tuple(statistics.median(own_seconds) for own_seconds in seconds)


def _reason(err: Exception) -> str:
    """The line of an error that names the cause: TensorFlow puts it last, before the nodes of the graph."""
    lines = [line.strip() for line in str(err).splitlines()]
    reasons = [line for line in lines if line and not line.startswith("[[")]
    return (reasons or [type(err).__name__])[-1][:MAX_REASON_CHARS]
