"""The door to TensorFlow for training: devices, determinism, fused operations and TensorBoard."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import: otherwise our warnings are lost among its own

import tensorflow as tf
from tensorboard.plugins.image.metadata import create_summary_metadata


def set_up_devices(num_threads: int) -> list[str]:
    """Pins threads and operations, on which the bits of a result depend, and lets GPU memory grow as needed.

    Operations run one after the other, with `num_threads` threads each on the CPU; gives the visible GPUs with their
    kinds.
    """
    tf.config.threading.set_intra_op_parallelism_threads(num_threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    kinds = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return [f"{kind} ({gpu.name})" for kind, gpu in zip(kinds, gpus, strict=True)]


def use_cpu_only() -> None:
    """Hides the GPUs from this process."""
    tf.config.set_visible_devices([], "GPU")


def replicate(num_gpus: int) -> contextlib.AbstractContextManager[Any]:
    """The scope for variables: of several GPUs each gets a copy."""
    return tf.distribute.MirroredStrategy().scope() if num_gpus > 1 else contextlib.nullcontext()


def share_out(trainer: Any, batch: Mapping[str, Any]) -> Any:
    """Splits the arrays (N, ...) of a batch among the GPUs that hold a copy of the trainer's variables."""
    strategy = trainer.distribute_strategy
    num_parts = strategy.num_replicas_in_sync
    if num_parts == 1:
        return batch
    return {
        name: strategy.experimental_distribute_values_from_function(
            lambda at, array=array: tf.constant(array[at.replica_id_in_sync_group :: num_parts])
        )
        for name, array in batch.items()
    }


def fused_batch_norm(
    x: Any, gamma: Any, beta: Any, epsilon: float, moments: tuple[Any, Any] | None = None
) -> tuple[Any, Any, Any]:
    """Batch normalisation in one operation.

    Args:
        x: (N, H, W, C), any float type.
        gamma: (C,) float32 scale.
        beta: (C,) float32 shift.
        epsilon: added to the variance.
        moments: (C,) float32 mean and variance to normalise by; None: those of the batch.

    Returns:
        The normalised x, and the mean and unbiased variance that it was normalised by, (C,) float32 each.
    """
    empty = tf.constant([], tf.float32)
    mean, variance = moments or (empty, empty)
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.convert_to_tensor(gamma),
        offset=tf.convert_to_tensor(beta),
        mean=tf.convert_to_tensor(mean),
        variance=tf.convert_to_tensor(variance),
        epsilon=epsilon,
        is_training=moments is None,
    )
    return y, mean, variance


def is_replicated() -> bool:
    """Whether this code runs for one of several copies of the variables."""
    return bool(tf.distribute.has_strategy())


def adam_step(variable: Any, momentum: Any, velocity: Any, gradient: Any, rates: Mapping[str, Any]) -> None:
    """Adam's step of one variable (Kingma and Ba, 2015, end of section 2) in one operation.

    Args:
        variable: to be changed.
        momentum: moving average of the gradient, of its shape.
        velocity: that of its square.
        gradient: of its shape.
        rates: scalars `lr`, `beta1`, `beta2`, `epsilon`, and the powers of both betas after this step, `beta1_power`
            and `beta2_power`.
    """
    handles = {"var": variable.handle, "m": momentum.handle, "v": velocity.handle}
    scalars = {name: tf.cast(rate, variable.dtype) for name, rate in rates.items()}  # other types end the process
    tf.raw_ops.ResourceApplyAdam(**handles, **scalars, grad=tf.cast(gradient, variable.dtype))


def convolve(x: Any, kernel: Any) -> Any:
    """Convolution of stride 1, zeros beyond the edges, whose kernel's gradient is one matrix product a kernel row.

    On processors with AVX2 and no AVX-512 that takes a half to a third of the time of TensorFlow's own operation
    (benchmark `kernel_gradient`).

    Args:
        x: (N, H, W, C) float32.
        kernel: (h, w, C, F) float32.

    Returns:
        (N, H, W, F).
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def compute(x: Any, kernel: Any) -> tuple[Any, Any]:
        def gradient(dy: Any) -> tuple[Any, Any]:
            dx = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x), filter=kernel, out_backprop=dy, strides=[1, 1, 1, 1], padding="SAME"
            )
            return dx, kernel_gradient(x, dy, kernel.shape)

        return tf.nn.conv2d(x, kernel, 1, "SAME"), gradient

    return compute(x, tf.convert_to_tensor(kernel))


def kernel_gradient(x: Any, dy: Any, shape: tuple[int, int, int, int]) -> Any:
    """Sum over the pixels of x at each place of the kernel times dy: of a whole row of the kernel at once."""
    high, wide, channels, features = shape
    width = tf.shape(x)[2]
    above, left = (high - 1) // 2, (wide - 1) // 2
    padded = tf.pad(x, [[0, 0], [above, high - 1 - above], [left, wide - 1 - left], [0, 0]])
    seen = tf.concat([padded[:, :, at : at + width] for at in range(wide)], -1)  # (N, H + h - 1, W, w C)
    seen = tf.reshape(seen, [-1, wide * channels])
    dy = tf.reshape(tf.pad(dy, [[0, 0], [0, high - 1], [0, 0], [0, 0]]), [-1, features])  # as many rows of pixels
    num = tf.shape(dy)[0] - (high - 1) * width  # the last rows are zeros
    products = [tf.matmul(seen[at * width : at * width + num], dy[:num], transpose_a=True) for at in range(high)]
    return tf.reshape(tf.stack(products), shape)


class TensorBoardLog:
    """Scalars and pictures by epoch for TensorBoard, in a folder of event files; warns once if it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.writer: Any = None
        with self._optional():
            self.writer = tf.summary.create_file_writer(str(folder))

    def write(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Adds the scalars of an epoch and flushes."""
        if self.writer:
            with self._optional(), self.writer.as_default():
                for name, value in scalars.items():
                    tf.summary.scalar(name, value, step=epoch)
                self.writer.flush()

    def write_picture(self, name: str, png: bytes, size: tuple[int, int], epoch: int) -> None:
        """Adds a PNG of the `size` (height, width) as it is: `tf.summary.image` would encode it again."""
        if self.writer:
            with self._optional(), self.writer.as_default():
                width_first = [str(size[1]).encode(), str(size[0]).encode(), png]
                metadata = create_summary_metadata(display_name=None, description=None)
                tf.summary.write(name, tf.constant(width_first), epoch, metadata)
                self.writer.flush()

    def close(self) -> None:
        """Closes the event file."""
        if self.writer:
            with self._optional():
                self.writer.close()

    @contextlib.contextmanager
    def _optional(self) -> Iterator[None]:
        try:
            yield
        except (OSError, tf.errors.OpError) as err:
            self.writer = None
            reason = str(err).partition("\n")[0]
            print(f"warning: training goes on without TensorBoard's files: {reason}", file=sys.stderr, flush=True)
