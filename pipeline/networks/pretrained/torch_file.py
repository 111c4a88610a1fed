"""Arrays from a file of PyTorch's, without PyTorch and without running what a pickle may name."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
NUM_HEADERS = 3
"""Pickles before that of the arrays: a magic number, the format's version and the sizes of C's types."""


class Storage(NamedTuple):
    """Numbers in the file that an array looks at."""

    dtype: np.dtype
    key: str


class Tensor(NamedTuple):
    """An array, its strides and offset in numbers of its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: np.ndarray) -> np.ndarray:
        """The array in memory of its own."""
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if min(self.offset, *self.shape, *self.strides, 0) < 0 or last >= len(numbers):
            raise ValueError(f"an array of shape {self.shape} lies outside of its {len(numbers)} numbers")
        steps = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps).copy()


class _Reader(pickle.Unpickler):
    """Makes nothing but dictionaries, tensors and what pickle has built in."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: Tensor(storage, offset, shape, strides)
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, expected arrays of float32 or int64")

    def persistent_load(self, pid: Any) -> Storage:
        _, dtype, key, *_ = pid
        return Storage(dtype, key)


def read_arrays(path: Path) -> Mapping[str, np.ndarray]:
    """Arrays by name from a file that `torch.save` made of a `state_dict`, in its format of today or of before 1.6.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file, or holds other things than arrays of float32 or int64.
    """
    data = path.read_bytes()
    try:
        tensors, storages = _read_zip(data) if zipfile.is_zipfile(io.BytesIO(data)) else _read_plain(io.BytesIO(data))
        return {name: tensor.array(storages[tensor.storage.key]) for name, tensor in tensors.items()}
    except Exception as err:  # a pickle that was made up ends in any
        raise ValueError(f"no state_dict of PyTorch ({err})") from err


def _read_plain(file: BinaryIO) -> tuple[Mapping[str, Tensor], Mapping[str, np.ndarray]]:
    for _ in range(NUM_HEADERS):
        _Reader(file).load()
    tensors, keys = _Reader(file).load(), _Reader(file).load()
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {}
    for key in keys:
        (num,) = np.frombuffer(file.read(8), "<i8")
        storages[key] = np.frombuffer(file.read(int(num) * dtypes[key].itemsize), dtypes[key])
    return tensors, storages


def _read_zip(data: bytes) -> tuple[Mapping[str, Tensor], Mapping[str, np.ndarray]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        tensors = _Reader(io.BytesIO(archive.read(listing))).load()
        folder = listing.removesuffix(".pkl")
        used = {tensor.storage for tensor in tensors.values()}
        return tensors, {one.key: np.frombuffer(archive.read(f"{folder}/{one.key}"), one.dtype) for one in used}
