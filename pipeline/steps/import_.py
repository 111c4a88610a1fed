"""Brings a labelled data set into `data/` and puts it under DVC: the drawn demo, CamVid, or a folder of one's own."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.dataset.contract import DATA, ClassList, Sample, write_contract
from pipeline.disk.files import written_whole
from pipeline.errors import DataError
from pipeline.importers.camvid import camvid_labels, list_camvid
from pipeline.importers.class_files import read_class_file
from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
from pipeline.importers.formats import IMPORTERS
from pipeline.importers.groups import to_samples
from pipeline.importers.label_map import Kind, Labels, to_ids
from pipeline.importers.mask_kind import survey_masks
from pipeline.importers.pairs import count_hidden_pictures, count_other_files, pair_files
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.vision.images import SUFFIXES, decode_image, encode_jpeg, encode_png, read_stored
from pipeline.vision.picture_files import open_picture

JPEG_QUALITY = 95
BY_GROUP = "by group"
NUM_NAMED = 10
Write = Callable[[Path, Sample], str]
"""Writes the image and the mask of a sample into a new data folder; "" or what is wrong with the image."""


@dataclass(frozen=True)
class Imported:
    """What came in.

    Attributes:
        num_samples: pairs of an image and a mask.
        num_classes: without what is ignored.
        num_by_split: samples by frozen split; under "by group" those whose split follows from their group.
        notes: what was decided on the way, for the user to read.
    """

    num_samples: int
    num_classes: int
    num_by_split: dict[str, int]
    notes: list[str]


def import_demo(seed: int = 0, num_images: int = 240, data: Path = DATA) -> Imported:
    """Draws street scenes: the same bytes for the same seed, in groups of one street each.

    Raises:
        DataError: fewer than one image, or `data` holds what would be lost.
        StageError: the disk is full.
    """
    if num_images < 1:
        raise DataError(f"{num_images} images are asked for, expected at least 1")
    _keep_old(data)
    scenes = {_scene_name(number): number for number in range(num_images)}
    samples = [Sample(name, None, None, name.split("_")[0], "") for name in sorted(scenes)]

    def draw(folder: Path, sample: Sample) -> str:
        image, mask = draw_scene(seed, sample.group, scenes[sample.name] // len(STREETS))
        (folder / "images" / f"{sample.name}.jpg").write_bytes(encode_jpeg(image, JPEG_QUALITY))
        _write_mask(folder, sample, mask)
        return ""

    return _bring_in(data, CLASSES, samples, draw, [])


def import_camvid(src: Path, data: Path = DATA) -> Imported:
    """Brings in CamVid from SegNet's layout; its own splits are frozen, void (11) is ignored.

    Raises:
        DataError: another layout, a frame that has no annotation or is no picture, an id above 11, or `data` holds what
            would be lost.
        StageError: the disk is full.
    """
    _keep_old(data)
    samples = list_camvid(src)
    labels = camvid_labels(src)
    return _bring_in_surveyed(data, labels, samples, "index", [])


def import_folder(
    images: str | Path,
    masks: str | Path,
    classes: Path,
    kind: Kind | Literal["auto"] = "auto",
    mask_suffix: str = "",
    group: str = "",
    samples: Path | None = None,
    data: Path = DATA,
) -> Imported:
    """Brings in a folder of images and one of masks.

    Args:
        images: folder, or s3://bucket/prefix.
        masks: likewise.
        classes: class file.
        kind: of the masks.
        mask_suffix: what a mask's name has beyond the image's, such as "_mask".
        group: regular expression whose first bracket is the group, searched in an image's path below the folder.
        samples: a samples.csv; it goes before `group`.
        data: where to.

    Raises:
        DataError: files are no pictures or not in pairs, masks do not keep to the class file, or `data` holds what
            would be lost.
        StorageError: the object store cannot be read.
        StageError: the disk is full.
    """
    _keep_old(data)
    labels = read_class_file(classes)
    cache = data.with_name(f".{data.name}.download")
    with _local(images, cache / "images") as image_folder, _local(masks, cache / "masks") as mask_folder:
        pairs = pair_files(image_folder, mask_folder, mask_suffix)
        rows = to_samples(pairs, group, samples)
        notes = [*labels.notes, *_notes_on(rows, count_other_files(image_folder), count_hidden_pictures(image_folder))]
        return _bring_in_surveyed(data, labels, rows, kind, notes)


def _bring_in_surveyed(
    data: Path, labels: Labels, samples: Sequence[Sample], kind: Kind | Literal["auto"], notes: list[str]
) -> Imported:
    found = survey_masks([sample.mask for sample in samples if sample.mask], labels, kind)

    def convert(folder: Path, sample: Sample) -> str:
        assert sample.image and sample.mask
        try:
            picture = open_picture(sample.image)
            decode_image(picture)
        except DataError as err:
            return str(err)
        (folder / "images" / f"{sample.name}{sample.image.suffix}").write_bytes(picture.content)
        _write_mask(folder, sample, to_ids(read_stored(sample.mask), sample.mask, found, labels))
        return ""

    if kind == "auto":
        notes = [f"masks were read as {found} masks", *notes]
    return _bring_in(data, labels.classes, samples, convert, notes)


def _bring_in(data: Path, classes: ClassList, samples: Sequence[Sample], write: Write, notes: list[str]) -> Imported:
    with _replaced(data) as folder:
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        progress = Progress("import", len(samples), "samples")
        complaints = []
        for complaint in in_threads(lambda sample: write(folder, sample), samples):
            complaints += [complaint] if complaint else []
            progress.advance()
        progress.close()
        _refuse_bad(complaints, len(samples))
        write_contract(folder, classes, samples)
    if not _is_versioned():
        notes = [*notes, f"{data} has no version yet: run `dvc init` and `dvc add {data}`"]
    by_split = Counter(sample.split or BY_GROUP for sample in samples)
    return Imported(len(samples), len(classes), dict(by_split), notes)


def _is_versioned() -> bool:
    """False outside of a DVC project: data come in, without a version, and are never replaced."""
    return Path(".dvc").is_dir()


def _keep_old(data: Path) -> None:
    """Refuses, before anything is written, to replace what nobody could have back."""
    from pipeline.importers.data_folder import check_replaceable, unversioned

    if _is_versioned():
        check_replaceable(data)
    elif data.exists() and not (data.is_dir() and not any(data.iterdir())):
        raise DataError(unversioned(data))


def _replaced(data: Path) -> AbstractContextManager[Path]:
    from pipeline.importers.data_folder import replaced

    return replaced(data) if _is_versioned() else written_whole(data)


def _scene_name(number: int) -> str:
    return f"{STREETS[number % len(STREETS)]}_{number // len(STREETS):03}"


def _write_mask(folder: Path, sample: Sample, mask: np.ndarray) -> None:
    (folder / "masks" / f"{sample.name}.png").write_bytes(encode_png(mask))


def _refuse_bad(complaints: Sequence[str], num_samples: int) -> None:
    if not complaints:
        return
    lines = "".join(f"\n  {complaint}" for complaint in complaints[:NUM_NAMED])
    more = f"\n  and {len(complaints) - NUM_NAMED} more" if len(complaints) > NUM_NAMED else ""
    raise DataError(
        f"{len(complaints)} of {num_samples} images cannot be used; nothing was written{lines}{more}\n"
        "mend them, or move them away with their masks"
    )


@contextmanager
def _local(place: str | Path, folder: Path) -> Iterator[Path]:
    """The folder itself, or a download of it for as long as it is needed; errors name the place it came from."""
    from pipeline.importers.object_store import download_folder, is_url

    url = str(place)
    if not is_url(url):
        yield Path(place)
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        download_folder(url, folder, SUFFIXES)
        yield folder
    except DataError as err:
        raise DataError(str(err).replace(str(folder), url.rstrip("/"))) from err
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def _notes_on(samples: Sequence[Sample], num_other_files: int, num_hidden: int) -> list[str]:
    notes = []
    if all(sample.group == sample.name for sample in samples):
        notes.append(
            "no groups were given: every image is a group of its own; if some show the same scene or patient, name "
            "their group with --group or --samples, so that they do not end up in train and test"
        )
    if num_other_files:
        notes.append(f"files beside the images that are no pictures were left out: {num_other_files}")
    if num_hidden:
        notes.append(f"hidden pictures, whose names begin with a dot, were left out: {num_hidden}")
    return notes


def import_data(name: str, *args: Any, data: Path = DATA, **options: Any) -> Imported:
    """Brings a data set in by the importer of a name.

    Raises:
        DataError: there is no such importer.
    """
    steps: dict[str, Callable[..., Imported]] = {"demo": import_demo, "camvid": import_camvid, "folder": import_folder}
    if name not in steps:
        raise DataError(f"{name!r}: is not a known format; known are {', '.join(steps)}")
    return steps[name](**IMPORTERS[name](*args, **options), data=data)
