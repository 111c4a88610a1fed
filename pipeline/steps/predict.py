"""Predicts masks for pictures that have none: an index PNG and an overlay for each, and `prediction.json`."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.disk.files import md5_of, write_json, written_whole
from pipeline.errors import DataError
from pipeline.evaluation.overlays import legend, overlay
from pipeline.runtime.parallel import NUM_READERS, in_threads
from pipeline.runtime.progress import progress_of
from pipeline.serving.predictor import Predictor
from pipeline.text import shown
from pipeline.vision.codec import decode_image, encode_jpeg, write_png
from pipeline.vision.picture_files import HIGHEST, Limits, find_images, open_picture

RECORD = "prediction.json"
"""Names the ids and the model; only a folder with this file is written to again."""
LEGEND = "legend.svg"
DONE = "predicted.jsonl"
"""A line for each written mask: MD5s of model and picture, and its path. The next call leaves it as it is."""
JPEG_QUALITY = 90
MAX_NAME_BYTES = 249  # file systems take 255; a mask is first written with "." before its name and ".part" after it


class PredictSummary(NamedTuple):
    """The result for all pictures.

    Attributes:
        num_images: number of pictures that have a mask now.
        failed: pictures that could not be read, each with the reason.
        skipped: files among the pictures with another suffix.
        out: folder that was written to.
    """

    num_images: int
    failed: tuple[tuple[Path, str], ...]
    skipped: tuple[Path, ...]
    out: Path


class Job(NamedTuple):
    """A picture, and the PNG of class ids and the JPEG that are written for it."""

    image: Path
    mask: Path
    overlay: Path


def predict(model_folder: Path, images: Path, out: Path) -> PredictSummary:
    """Writes `masks/NAME.png` and `overlays/NAME.jpg` for a picture or a folder of them; see `segline.predict`.

    A mask is written whole or not at all. One that this model wrote for this picture already, as its MD5 says, is left
    as it is, so a call that was stopped goes on. Memory does not grow with the number of pictures.
    """
    pictures, skipped = find_images(images)
    jobs = plan_jobs(pictures, images if images.is_dir() else images.parent, out)
    check_out(jobs, images, out)
    predictor = Predictor.read(model_folder)
    model_md5 = begin(out, predictor)
    done = read_done(out, model_md5)
    limits = HIGHEST._replace(folders=(images,) if images.is_dir() else ())
    failed = []
    with progress_of("predict", len(jobs)) as advance, (out / DONE).open("a", encoding="utf-8", buffering=1) as lines:
        lines.write("\n")  # ends a line that a kill cut off
        pictures_read = in_threads(partial(_read, limits, done), jobs, NUM_READERS)
        for job, picture in zip(jobs, pictures_read, strict=True):
            if isinstance(picture, DataError):
                failed.append((job.image, str(picture)))
            elif picture:
                image, md5 = picture
                name = job.mask.relative_to(out).as_posix()
                lines.write(json.dumps([model_md5, "", name]) + "\n")  # what an earlier line says is over
                _write(job, image, predictor)
                lines.write(json.dumps([model_md5, md5, name]) + "\n")
            advance()
    return PredictSummary(len(jobs) - len(failed), tuple(failed), skipped, out)


def _read(limits: Limits, done: Mapping[str, str], job: Job) -> tuple[np.ndarray, str] | None | DataError:
    """A picture and its MD5, None if its mask is written already, or why it cannot be read."""
    try:
        file = open_picture(job.image, limits)
        if done.get(str(job.mask)) == file.md5 and job.mask.is_file() and job.overlay.is_file():
            return None
        return decode_image(file), file.md5
    except DataError as err:
        return err


def _write(job: Job, image: np.ndarray, predictor: Predictor) -> None:
    mask = predictor.predict(image).mask
    write_png(job.mask, mask)
    with written_whole(job.overlay) as part:
        part.write_bytes(encode_jpeg(overlay(image, mask, predictor.card.classes), JPEG_QUALITY))


def read_done(out: Path, model_md5: str) -> dict[str, str]:
    """MD5 of the picture of each mask that a model has written; lines that are not whole are left out."""
    path, done = out / DONE, {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        with suppress(ValueError, TypeError):
            model, md5, mask = json.loads(line)
            done[str(out / mask)] = md5 if model == model_md5 else ""
    return done


def show(summary: PredictSummary) -> None:
    """Prints what became of the pictures.

    Raises:
        DataError: some could not be read; names each.
    """
    if summary.skipped:
        print(f"skipped {len(summary.skipped)} files that are not pictures by their suffix:")
        print("\n".join(f"  {shown(str(path))}" for path in summary.skipped))
    out = summary.out
    print(f"{summary.num_images} masks in {out / 'masks'}, overlays in {out / 'overlays'}, ids in {out / RECORD}")
    if summary.failed:
        reasons = "\n".join(f"  {reason}" for _, reason in summary.failed)
        raise DataError(f"{len(summary.failed)} of the pictures could not be read and have no mask:\n{reasons}")


def plan_jobs(pictures: Sequence[Path], folder: Path, out: Path) -> list[Job]:
    """The files to write for each picture: its path below `folder`, with another suffix.

    Raises:
        DataError: two pictures would be written as one file, or a name is too long to be written.
    """
    jobs: dict[Path, Job] = {}
    for image in pictures:
        name = image.relative_to(folder)
        job = Job(image, out / "masks" / name.with_suffix(".png"), out / "overlays" / name.with_suffix(".jpg"))
        if job.mask in jobs:
            both = f"{shown(str(image))}: and {shown(str(jobs[job.mask].image))}"
            raise DataError(f"{both} would both be written as {shown(str(job.mask))}; rename one")
        if len(os.fsencode(job.mask.name)) > MAX_NAME_BYTES:
            raise DataError(
                f"{shown(str(image))}: its name is too long to write {shown(job.mask.name)}, expected at most "
                f"{MAX_NAME_BYTES} bytes; rename it"
            )
        jobs[job.mask] = job
    return list(jobs.values())


def check_out(jobs: Sequence[Job], images: Path, out: Path) -> None:
    """Refuses an output folder where writing would harm what is there.

    Raises:
        DataError: it is a file, lies in the folder of the pictures, or holds files that prediction did not write.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file; expected a folder to write masks/ and overlays/ to")
    if images.is_dir() and Path(os.path.realpath(out)).is_relative_to(images.resolve()):
        raise DataError(
            f"{out}: lies in {images}, so the next run would take masks for pictures; choose a folder outside of it"
        )
    _refuse_links_out(jobs, out)
    inputs = {Path(os.path.realpath(job.image)) for job in jobs}
    for path in (path for job in jobs for path in (job.mask, job.overlay)):
        if Path(os.path.realpath(path)) in inputs:
            raise DataError(f"{path}: is one of the pictures and would be replaced; choose another folder than {out}")
        if path.exists() and not (out / RECORD).exists():
            raise DataError(
                f"{path}: exists, and {out} has no {RECORD}, so prediction did not write it; choose another folder"
            )


def _refuse_links_out(jobs: Sequence[Job], out: Path) -> None:
    """A link in the output folder must not lead masks out of it."""
    top = os.path.realpath(out)
    targets = {path for job in jobs for path in (job.mask, job.overlay)}
    folders = {folder for path in targets for folder in path.parents if folder.is_relative_to(out)}
    for folder in sorted(folders):
        if not Path(os.path.realpath(folder)).is_relative_to(top) or (os.path.lexists(folder) and not folder.is_dir()):
            raise DataError(
                f"{shown(str(folder))}: is a file or a link out of {out}; remove it, or choose another folder"
            )
    if occupied := sorted(path for path in (*targets, out / RECORD, out / LEGEND, out / DONE) if path.is_dir()):
        raise DataError(f"{shown(str(occupied[0]))}: is a folder, expected none; choose another folder than {out}")


def begin(out: Path, predictor: Predictor) -> str:
    """Writes the record and the legend, which explain the ids; gives the MD5 of the model.

    Raises:
        DataError: nothing can be written to `out`.
    """
    classes, model_md5 = predictor.card.classes, md5_of(predictor.folder)
    try:
        write_json(out / RECORD, classes.to_dict() | {"model_md5": model_md5})
        with written_whole(out / LEGEND) as part:
            part.write_text(legend(classes))
    except OSError as err:
        raise DataError(f"{out}: cannot be written to ({err.strerror}); choose another folder") from err
    return model_md5
