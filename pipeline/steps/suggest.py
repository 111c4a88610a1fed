"""Suggests which images to label next, and writes them with the model's predictions for Label Studio and CVAT."""

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dataset.contract import DATA, read_class_list
from pipeline.dataset.names import check_name, same_everywhere
from pipeline.disk.files import md5_of, write_json, written_whole
from pipeline.disk.records import write_csv
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import DataError, EvidenceError, ParamsError, RegistryError
from pipeline.importers.annotations.pictures import parts_of
from pipeline.importers.groups import to_samples
from pipeline.importers.pairs import Pair
from pipeline.labelling import tools
from pipeline.labelling.known import Known, read_known
from pipeline.labelling.selection import Candidate, Suggestion, look_of, select, uncertainty_of
from pipeline.params import read_params
from pipeline.registry.client import CHAMPION, find_alias, find_version
from pipeline.registry.connection import shown_uri
from pipeline.registry.model_cache import fetch_model
from pipeline.runtime.parallel import NUM_READERS, in_threads
from pipeline.runtime.progress import progress_of
from pipeline.serving.predictor import Predictor
from pipeline.text import quoted, shown
from pipeline.vision.codec import decode_image, encode_png, write_png
from pipeline.vision.picture_files import HIGHEST, Limits, PictureFile, find_images, open_picture

NO_XML = ("\ufffe", "\uffff")
"""Characters that XML cannot hold, beside those that no name of a sample may have."""
NOT_SHOWN = (".tif", ".tiff")
"""Suffixes of pictures that browsers do not show; Label Studio gets them as PNG."""
COPIES, LIKE, DOUBLE = "whose file is in data/", "that are nearly one in data/", "whose file is in the folder twice"
TEST = "of groups of the test split, which a pre-label would bias"


class Suggestions(NamedTuple):
    """What was suggested, in order of rank.

    Attributes:
        num_images: pictures that were found.
        left_out: number of pictures by the reason why they are no candidates.
        failed: why a picture could not be used, one by one.
        skipped: files among the pictures with another suffix.
        notes: for the user.
        out: folder that was written.
    """

    suggestions: tuple[Suggestion, ...]
    num_images: int
    left_out: dict[str, int]
    failed: tuple[str, ...]
    skipped: tuple[Path, ...]
    notes: tuple[str, ...]
    out: Path


class Seen(NamedTuple):
    """A picture as it was read, or the reason why it is no candidate."""

    picture: PictureFile | None
    image: np.ndarray | None
    reason: str = ""
    error: str = ""


def suggest(num: int, images: Path, out: Path, model: str, group: str) -> Suggestions:
    """See `segline.suggest`. Of an image that is not written, some hundred bytes stay in memory."""
    if num < 1:
        raise ParamsError(f"{num} images to suggest, expected 1 or more")
    check_folders(images, out)
    found, skipped = find_images(images)
    pairs, failed = name_images(found, images)
    groups = {sample.name: sample.group for sample in to_samples(pairs, group, None)}
    folder, version = find_model(model)
    params = read_params().validate_
    max_bits = None if params.near_duplicates == "off" else params.near_duplicate_bits
    known = read_known(DATA, params.split.val, params.split.test, max_bits)
    predictor, left_out = Predictor.read(folder), Counter[str]()
    candidates = list(_candidates(pairs, groups, known, images, predictor, left_out, failed))
    if not candidates:
        raise DataError(f"{images}: nothing is left to suggest: {'; '.join(_reasons(left_out, failed))}")
    suggestions = select(candidates, num)
    _write(out, suggestions, images, predictor, version or md5_of(folder))
    notes = list(_notes(num, len(candidates), predictor))
    return Suggestions(tuple(suggestions), len(found), dict(left_out), tuple(failed), skipped, tuple(notes), out)


def show(result: Suggestions) -> None:
    """Prints what is suggested and what was left out.

    Raises:
        DataError: some pictures could not be read; names each.
    """
    if result.skipped:
        print(f"skipped {len(result.skipped)} files that are not pictures by their suffix:")
        print("\n".join(f"  {shown(str(path))}" for path in result.skipped))
    for reason, number in sorted(result.left_out.items()):
        print(f"left out {number} of {result.num_images} images {reason}")
    for note in result.notes:
        print(note)
    print("rank uncertainty image")
    for one in result.suggestions:
        print(f"{one.rank:4} {one.candidate.uncertainty:11.3f} {shown(one.candidate.relative)}")
    print(
        f"{len(result.suggestions)} images with pre-labels in {result.out}; docs/labelling.md says how to import them"
    )
    if result.failed:
        reasons = "\n".join(f"  {reason}" for reason in result.failed)
        raise DataError(f"{len(result.failed)} of the pictures could not be read and were not judged:\n{reasons}")


def check_folders(images: Path, out: Path) -> None:
    """Refuses to write over something, or where images are searched.

    Raises:
        DataError: `images` is no folder, `out` is not empty, or is or lies in `images` or data/.
    """
    if not images.is_dir():
        raise DataError(f"{shown(str(images))}: is not a folder; expected one of images without labels")
    if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{shown(str(out))}: exists and is not an empty folder; choose a new one")
    for folder in (images, DATA):
        if Path(os.path.realpath(out)).is_relative_to(folder.resolve()):
            raise DataError(f"{shown(str(out))}: lies in {shown(str(folder))}; choose a folder outside of it")


def find_model(model: str) -> tuple[Path, str]:
    """The model's folder, and its version such as segline/3; "" if it is not a registered one.

    Raises:
        RegistryError: there is no such model.
    """
    if Path(model).is_dir():
        return Path(model), ""
    if model == CHAMPION and not find_alias(CHAMPION):
        raise RegistryError(
            f"MLflow at {shown_uri()} has no champion; make one with `segline promote`, or name another model with "
            "--model"
        )
    version = find_version(model)
    return fetch_model(version), str(version)


def name_images(found: Sequence[Path], images: Path) -> tuple[list[Pair], list[str]]:
    """The pictures with the names that an import would give them as samples; why others cannot be used."""
    pairs: dict[str, Pair] = {}
    failed = []
    for path in found:
        relative = path.relative_to(images)
        name = "__".join(parts_of(str(relative.with_suffix(""))))
        try:
            check_name(name, path)
            if any(char in name for char in NO_XML):
                raise DataError(f"{shown(str(path))}: its name has characters that XML cannot hold; rename the file")
            if other := pairs.get(same_everywhere(name)):
                raise DataError(f"{shown(str(path))}: has the same name as {shown(str(other.image))}; rename one")
            pairs[same_everywhere(name)] = Pair(name, "/".join(parts_of(str(relative))), path, path)
        except DataError as err:
            failed.append(str(err))
    return list(pairs.values()), failed


def _candidates(
    pairs: Sequence[Pair],
    groups: dict[str, str],
    known: Known,
    images: Path,
    predictor: Predictor,
    left_out: Counter[str],
    failed: list[str],
) -> Iterator[Candidate]:
    """Predicts the images that may be suggested; counts the others in `left_out`, or adds them to `failed`."""
    md5s: set[str] = set()
    limits = HIGHEST._replace(folders=(images,))
    rest = [pair for pair in pairs if not known.is_test(groups[pair.name])]
    if held_out := len(pairs) - len(rest):
        left_out[TEST] = held_out
    with progress_of("suggest", len(rest)) as advance:
        for pair, seen in zip(rest, in_threads(partial(_read, known, limits), rest, NUM_READERS), strict=True):
            advance()
            reason = seen.reason or (DOUBLE if seen.picture and seen.picture.md5 in md5s else "")
            if seen.error:
                failed.append(seen.error)
            elif reason:
                left_out[reason] += 1
            else:
                assert seen.picture and seen.image is not None
                md5s.add(md5 := seen.picture.md5)
                probs = predictor.predict(seen.image).probs
                if not math.isfinite(uncertainty := uncertainty_of(probs)):
                    raise EvidenceError(f"{predictor.folder}: gives probabilities that are not finite; train it again")
                look = look_of(seen.image, probs)
                relative = pair.image.relative_to(images).as_posix()
                yield Candidate(pair.name, relative, groups[pair.name], md5, uncertainty, look)


def _read(known: Known, limits: Limits, pair: Pair) -> Seen:
    try:
        picture = open_picture(pair.image, limits)
        if picture.md5 in known.md5s:
            return Seen(None, None, reason=COPIES)
        image = decode_image(picture)
        return Seen(None, None, reason=LIKE) if known.has_like(image) else Seen(picture, image)
    except DataError as err:
        return Seen(None, None, error=str(err))


def _write(out: Path, suggestions: Sequence[Suggestion], images: Path, predictor: Predictor, version: str) -> None:
    """Reads and predicts the chosen images once more, one at a time, and writes all files or none."""
    classes = predictor.card.classes
    written = [_written_name(one.candidate.relative) for one in suggestions]
    numbers = {name: number for number, name in enumerate(sorted(written))}
    with written_whole(out) as part, ExitStack() as files:
        part.mkdir()
        studio, cvat = (
            files.enter_context((part / name).open("w", encoding="utf-8")) for name in ("label_studio.json", "cvat.xml")
        )
        cvat.write(tools.cvat_head(classes))
        for one, name in zip(suggestions, written, strict=True):
            picture = open_picture(images / one.candidate.relative)
            if picture.md5 != one.candidate.md5:
                raise DataError(f"{shown(str(picture.path))}: has changed since it was judged; run the command again")
            image = decode_image(picture)
            mask = predictor.predict(image).mask
            copy = part / "images" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(picture.content if name == one.candidate.relative else encode_png(image))
            write_png((part / "masks" / name).with_suffix(".png"), mask)
            task = tools.label_studio_task(name, mask, classes, version, one.candidate.uncertainty)
            studio.write(("[" if one.rank == 1 else ",\n") + json.dumps(task))
            cvat.write(tools.cvat_image(numbers[name], name, mask, classes))
        studio.write("]\n")
        cvat.write(tools.CVAT_END)
        files.close()
        (part / "label_config.xml").write_text(tools.label_studio_config(classes), encoding="utf-8")
        write_json(part / "labels.json", tools.cvat_labels(classes))
        (part / "classes.yaml").write_text(to_yaml(tools.class_file(classes)), encoding="utf-8")
        columns = ("name", "group", "uncertainty", "rank", "image", "why")
        write_csv(part / "suggestions.csv", columns, map(_row, suggestions, written))


def _row(one: Suggestion, written: str) -> tuple[str, ...]:
    candidate = one.candidate
    return candidate.name, candidate.group, f"{candidate.uncertainty:.6f}", str(one.rank), f"images/{written}", one.why


def _written_name(relative: str) -> str:
    path = Path(relative)
    return path.with_suffix(".png").as_posix() if path.suffix.lower() in NOT_SHOWN else relative


def _reasons(left_out: Counter[str], failed: Sequence[str]) -> list[str]:
    reasons = [f"{number} images {reason}" for reason, number in sorted(left_out.items())]
    return [*reasons, *failed[:1]] + ([f"{len(failed)} could not be read in all"] if len(failed) > 1 else [])


def _notes(num: int, num_candidates: int, predictor: Predictor) -> Iterator[str]:
    if num_candidates < num:
        yield f"only {num_candidates} of the {num} images that were asked for are left: all of them are suggested"
    names = read_class_list(DATA).names
    if lacking := [name for name in names if name not in predictor.card.classes.names]:
        yield (
            f"the model does not know {len(lacking)} classes of data/, the first is {quoted(lacking[0])}: add them to "
            "the labels in the tool"
        )
