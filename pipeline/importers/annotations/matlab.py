"""The importer of label maps in MATLAB's files, of all versions."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import examples
from pipeline.importers.source import Source, copy_image, write_mask
from pipeline.text import quoted, shown

if TYPE_CHECKING:
    import numpy as np

    from pipeline.dataset.contract import Sample

MAX_BYTES, CHUNK_BYTES = 1 << 31, 1 << 20
HEADER_BYTES, COMPRESSED = 128, 15
"""Of version 5: the header's size, and the type of a compressed variable."""
HDF5 = b"\x89HDF\r\n\x1a\n"
HDF5_PLACES = (0, 512)
"""Where HDF5 begins: MATLAB 7.3 writes 512 bytes in front."""


def matlab(
    images: Path, masks: Path, *, classes: Path, variable: str = "", group: str = "", samples: Path | None = None
) -> Source:
    """Bring in images with label maps in .mat files, paired by name; a value that no class has is an error.

    Example of the command: segline import matlab img cls --classes classes.txt --variable GTcls.Segmentation

    Args:
        images: folder of images.
        masks: folder of .mat files named as the images.
        classes: class file; it says which value each class has.
        variable: name of the label map, with dots for fields of a structure, as in GTcls.Segmentation; of a cell the
            first entry is taken. Without one, the only variable.
        group: regular expression; its first bracket is the group in the image's path.
        samples: CSV: name and, optional, group, split; has precedence over --group.

    Raises:
        DataError: an image has no label map or the other way round, or a label map cannot be read or does not fit.
    """
    from pipeline.importers.class_files import read_class_file
    from pipeline.importers.groups import groups_note, to_samples
    from pipeline.importers.label_map import to_ids

    labels = read_class_file(classes)
    rows = to_samples(pairs := _pairs(images, masks), group, samples)
    read_label_map(pairs[0].mask, variable)  # a wrong variable is told at once

    def convert(folder: Path, sample: "Sample") -> None:
        assert sample.mask
        codes = read_label_map(sample.mask, variable)
        size = copy_image(folder, sample)
        if codes.shape != size:
            raise DataError(
                f"{sample.mask}: label map is {codes.shape}, image is {size} (height, width); export it again"
            )
        write_mask(folder, sample, to_ids(codes, sample.mask, "index", labels))

    return Source(labels.classes, rows, convert, [*labels.notes, *groups_note(rows)])


def _pairs(images: Path, masks: Path) -> list[Any]:
    from pipeline.disk.regular_files import check_place
    from pipeline.importers.annotations.pictures import Pictures

    pictures = Pictures(images)
    paths = sorted(masks.rglob("*.mat"))
    if not paths:
        raise DataError(f"{masks}: found no .mat file; expected one for each image, of the same name")
    image_of = pictures.by_stem()
    mask_of = {path.relative_to(masks).with_suffix("").as_posix(): path for path in paths}
    lonely = [image_of[stem] for stem in image_of if stem not in mask_of]
    lonely += [f"{stem}.mat" for stem in mask_of if stem not in image_of]
    if lonely:
        raise DataError(
            f"{masks}: {len(lonely)} of {len(image_of)} images and {len(mask_of)} .mat files have no partner of the "
            f"same name: {examples(lonely)}; add what is missing, or move the others away"
        )
    for path in paths:
        check_place(path, (masks,))
    return [pictures.pair(image_of[stem], mask_of[stem]) for stem in sorted(mask_of)]


def read_label_map(path: Path, variable: str) -> "np.ndarray":
    """A label map (H, W) int64 from a .mat file.

    Raises:
        DataError: the file cannot be read, has no such variable, or the variable is no label map of whole numbers.
    """
    import numpy as np

    from pipeline.disk.regular_files import read_regular
    from pipeline.vision.picture_files import HIGHEST

    content = read_regular(path, MAX_BYTES)
    is_hdf5 = any(content[place : place + len(HDF5)] == HDF5 for place in HDF5_PLACES)
    with _damaged(path):
        value = _from_hdf5(path, content, variable) if is_hdf5 else _from_version_5(path, content, variable)
    if value.ndim != 2 or value.dtype.kind not in "buif" or not 0 < value.size <= HIGHEST.max_image_px:
        raise DataError(
            f"{path}: {quoted(variable) if variable else 'the variable'} is {value.dtype} of {value.shape}, expected a "
            "label map of numbers (height, width); name another with --variable"
        )
    codes = np.asarray(value, np.float64)
    if not (np.isfinite(codes).all() and (codes == np.rint(codes)).all() and np.abs(codes).max() < 1 << 31):
        raise DataError(f"{path}: has values that are not whole numbers, expected one for each class; export it again")
    return codes.astype(np.int64)


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Translates the errors that the readers raise for damaged files."""
    try:
        yield
    except DataError:
        raise
    except Exception as err:  # scipy and h5py raise errors of many kinds
        raise DataError(f"{path}: cannot be read as a .mat file ({shown(str(err))}); save it again") from err


def _choose(path: Path, names: list[str], variable: str) -> tuple[str, list[str]]:
    """The variable's name and the fields below it."""
    first, *fields = variable.split(".") if variable or len(names) != 1 else names
    if first not in names:
        what = f"no variable {quoted(first)}" if first else f"{len(names)} variables"
        raise DataError(f"{path}: has {what}, it holds {examples(sorted(names))}; name the label map with --variable")
    return first, fields


def _field(path: Path, names: list[str], name: str) -> str:
    if name not in names:
        raise DataError(f"{path}: has no field {quoted(name)} but {examples(sorted(names))}; correct --variable")
    return name


def _refuse_structure(path: Path, place: list[str], names: list[str]) -> None:
    if names:
        fields = [".".join([*place, field]) for field in sorted(names)]
        raise DataError(f"{path}: has a structure, expected a label map; name a field: --variable {examples(fields)}")


def _from_version_5(path: Path, content: bytes, variable: str) -> "np.ndarray":
    import io

    from scipy.io import loadmat, whosmat

    _check_inflated(path, content)
    name, fields = _choose(path, [name for name, _, _ in whosmat(io.BytesIO(content))], variable)
    value = _first(loadmat(io.BytesIO(content), variable_names=[name])[name])
    for field in fields:
        value = _first(value[_field(path, list(value.dtype.names or ()), field)])
    _refuse_structure(path, [name, *fields], list(value.dtype.names or ()))
    return value


def _first(value: Any) -> "np.ndarray":
    """The first entry of a cell, of a cell in a cell, and so on; an array is itself."""
    import numpy as np

    while value.dtype == object and value.size:
        value = np.asarray(value.flat[0])
    return np.asarray(value)


def _check_inflated(path: Path, content: bytes) -> None:
    """Raises if compressed variables of a version 5 file would fill the memory (MAT-File Format, MathWorks)."""
    order = ">" if content[126:128] == b"MI" else "<"
    place, size = HEADER_BYTES, 0
    while place + 8 <= len(content) and size <= MAX_BYTES:
        kind, num_bytes = struct.unpack_from(f"{order}II", content, place)
        rest, inflated = content[place + 8 : place + 8 + num_bytes], zlib.decompressobj()
        while kind == COMPRESSED and rest and size <= MAX_BYTES:
            size += len(inflated.decompress(rest, CHUNK_BYTES))
            rest = inflated.unconsumed_tail
        place += 8 + num_bytes
    if size > MAX_BYTES:
        raise DataError(f"{path}: inflates to more than {MAX_BYTES:,} bytes, the limit; cut the label map into tiles")


def _from_hdf5(path: Path, content: bytes, variable: str) -> "np.ndarray":
    """MATLAB writes columns as rows: the array is turned. A link or storage in another file is not followed."""
    import io

    import h5py
    import numpy as np

    with h5py.File(io.BytesIO(content), "r") as file:
        name, fields = _choose(path, [name for name in file if not name.startswith("#")], variable)
        place: Any = file
        for part in [name, *fields]:
            if not isinstance(place.get(_field(path, list(place), part), getlink=True), h5py.HardLink):
                raise DataError(f"{path}: {quoted(part)} is a link to another place; save the label map itself")
            place = place[part]
            while isinstance(place, h5py.Dataset) and place.dtype == h5py.ref_dtype and place.size:
                place = file[place[(0,) * place.ndim]]
        _refuse_structure(path, [name, *fields], list(place) if isinstance(place, h5py.Group) else [])
        if not isinstance(place, h5py.Dataset) or place.external or place.is_virtual:
            raise DataError(f"{path}: {quoted(variable)} is no array in this file; name the label map with --variable")
        if place.size > MAX_BYTES // 8:
            raise DataError(f"{path}: {quoted(variable)} is of {place.shape}, which is too large; cut it into tiles")
        return np.asarray(place[()]).T
