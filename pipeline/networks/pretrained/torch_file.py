"""Arrays from a file of PyTorch's, without PyTorch and without unpickling: nothing that it names is called."""

import io
import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

DTYPES: Mapping[str, np.dtype] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
DICTIONARY, TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
NUM_HEADERS = 3
"""Before the listing of the arrays: a magic number, the format's version and the sizes of C's types."""
VALUES = {"GLOBAL", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"}
CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
NOTHING = {"PROTO", "FRAME", "STOP"}
SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Storage(NamedTuple):
    """Numbers in the file that an array looks at."""

    dtype: np.dtype
    key: str


class Tensor(NamedTuple):
    """An array; strides and offset are in numbers of its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: np.ndarray) -> np.ndarray:
        """The array in memory of its own.

        Raises:
            ValueError: it is not within `numbers`.
        """
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if min(self.offset, *self.shape, *self.strides, 0) < 0 or last >= len(numbers):
            raise ValueError(f"an array of shape {self.shape} lies outside of its {len(numbers)} numbers")
        steps = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps).copy()


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
    except Exception as err:  # what was made up ends in any
        raise ValueError(f"no state_dict of PyTorch ({err})") from err


def _read_plain(file: BinaryIO) -> tuple[Mapping[str, Tensor], Mapping[str, np.ndarray]]:
    for _ in range(NUM_HEADERS):
        _Listing().read(file)
    tensors, keys = _Listing().read(file), _Listing().read(file)
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {}
    for key in keys:
        (num,) = np.frombuffer(file.read(8), "<i8")
        storages[key] = np.frombuffer(file.read(int(num) * dtypes[key].itemsize), dtypes[key])
    return tensors, storages


def _read_zip(data: bytes) -> tuple[Mapping[str, Tensor], Mapping[str, np.ndarray]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        tensors = _Listing().read(io.BytesIO(archive.read(listing)))
        folder = listing.removesuffix(".pkl")
        used = {tensor.storage for tensor in tensors.values()}
        return tensors, {one.key: np.frombuffer(archive.read(f"{folder}/{one.key}"), one.dtype) for one in used}


def _dtype_of(kind: str) -> np.dtype:
    if kind not in DTYPES:
        raise ValueError(f"it holds a {kind}, expected {' or '.join(DTYPES)}")
    return DTYPES[kind]


class _Listing:
    """The stack of Python's pickle protocol for the few of its opcodes that a `state_dict` takes."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def read(self, file: BinaryIO) -> Any:
        """The value in a file from its place on, up to the end of the value."""
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in VALUES:
                self.stack.append(argument)
            elif opcode.name in CONSTANTS:
                self.stack.append(CONSTANTS[opcode.name])
            elif opcode.name in SIZES:
                self._tuple(len(self.stack) - SIZES[opcode.name])
            elif opcode.name not in NOTHING:
                self._follow(opcode.name, argument)
        (value,) = self.stack
        return value

    def _follow(self, name: str, argument: Any) -> None:
        match name:
            case "EMPTY_DICT":
                self.stack.append({})
            case "EMPTY_LIST":
                self.stack.append([])
            case "MARK":
                self.marks.append(len(self.stack))
            case "TUPLE":
                self._tuple(self.marks.pop())
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo[argument])
            case "APPENDS":
                values = self._pop_from(self.marks.pop())
                self.stack[-1].extend(values)
            case "SETITEM" | "SETITEMS":
                values = self._pop_from(self.marks.pop() if name == "SETITEMS" else -2)
                self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case "BINPERSID":
                _, kind, key, *_ = self.stack.pop()
                self.stack.append(Storage(_dtype_of(kind), key))
            case "REDUCE":
                self._call(*self._pop_from(-2))
            case "BUILD":
                self.stack.pop()  # versions of the layers
            case _:
                raise ValueError(f"opcode {name}")

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> None:
        if function == DICTIONARY and not arguments:
            self.stack.append({})
        elif function == TENSOR:
            self.stack.append(Tensor(*arguments[:4]))
        else:
            raise ValueError(f"it names {function}, expected arrays")

    def _pop_from(self, place: int) -> list[Any]:
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def _tuple(self, place: int) -> None:
        self.stack.append(tuple(self._pop_from(place)))
