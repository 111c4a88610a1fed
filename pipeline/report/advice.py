"""Where the model fails and what to label next, as told by the evidence."""

import math
from collections.abc import Iterator
from html import escape

import numpy as np

from pipeline.evaluation.scores import Scores
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.wording import strays
from pipeline.report.evidence import Dossier
from pipeline.report.page import is_shown, number, percent

NUM_CLASSES, NUM_SLICES, NUM_SUSPECTS, NUM_NOT_SHOWN = 3, 3, 5, 5
MIN_GAP = 0.02  # of mean IoU: a slice that is nearer to the whole split is no finding
RARE = 0.01  # share of the training pixels


def failures(dossier: Dossier) -> list[str]:
    """The weakest classes, parts of the split and the most frequent mistakes, a piece of HTML each."""
    scores = dossier.scores
    if scores is None:
        return []
    lines = [
        f"<b>{escape(name)}</b> has IoU {number(scores.iou[name])}{_mistaken(dossier, name)}" for name in _weak(scores)
    ]
    lines += [
        f"{_slice_name(part.kind, part.name)}: mean IoU {number(part.mean_iou)}, {scores.mean_iou - part.mean_iou:.3f} "
        f"below the whole split ({part.num_images} image{'s' * (part.num_images != 1)})"
        for part in weak_slices(scores)
    ]
    return [*lines, *([escape(strays(scores))] if scores.strays else [])]


def advice(dossier: Dossier) -> list[str]:
    """What to label next, most urgent first, a piece of HTML each."""
    scores = dossier.scores
    if scores is None:
        return []
    return [*_not_shown(scores), *_weak_classes(dossier, scores), *_weak_parts(scores), *_suspects(dossier)]


def weak_slices(scores: Scores) -> list[Slice]:
    """Parts of the split that are clearly below the whole, worst first."""
    below = [part for part in scores.slices if part.mean_iou < scores.mean_iou - MIN_GAP]  # nan: False
    return sorted(below, key=lambda part: part.mean_iou)[:NUM_SLICES]


def mistakes(matrix: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of target and prediction that differ, most pixels first, those without a pixel left out."""
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    order = np.argsort(-wrong, axis=None, kind="stable")
    return [divmod(int(place), len(matrix)) for place in order if wrong.flat[place]]


def _weak(scores: Scores) -> list[str]:
    """The classes with the lowest IoU among those below the mean that a label has."""
    below = [name for name, iou in scores.iou.items() if iou < scores.mean_iou and name not in scores.strays]
    return sorted(below, key=lambda name: scores.iou[name])[:NUM_CLASSES]


def _mistaken(dossier: Dossier, name: str) -> str:
    """What the class is most often taken for, or what is taken for it, whichever are more pixels."""
    if dossier.matrix is None or dossier.classes is None or name not in dossier.classes.names:
        return ""
    names = dossier.classes.names
    place = names.index(name)
    pair = next((pair for pair in mistakes(dossier.matrix) if place in pair), None)
    if pair is None:
        return ""
    target, pred = pair
    num_wrong = dossier.matrix[pair]
    if target == place:
        return f"; {percent(num_wrong / dossier.matrix[place].sum())} of it is taken for {escape(names[pred])}"
    return f"; {percent(num_wrong / dossier.matrix[:, place].sum())} of what is taken for it is {escape(names[target])}"


def _not_shown(scores: Scores) -> Iterator[str]:
    """What is missing to judge the whole, or else the classes that cannot be judged; nothing without intervals."""
    known = scores.bootstrap
    if not known.unit:
        return
    if not is_shown(known.mean_iou):
        num_units = known.mean_iou.num_units
        yield (
            f"Nothing can be shown of {_count(num_units, known.unit)} in the test split, {known.min_units} are needed. "
            f"Label {_count(max(known.min_units - num_units, 1), 'more ' + known.unit)}, in the split test."
        )
        return
    hidden = [(name, interval.num_units) for name, interval in known.iou.items() if not is_shown(interval)]
    for name, num_units in hidden[:NUM_NOT_SHOWN]:
        missing = max(known.min_units - num_units, 1)
        yield (
            f"<b>{escape(name)}</b> cannot be judged: {_count(num_units, known.unit)} of the test split "
            f"{'shows' if num_units == 1 else 'show'} it, {known.min_units} are needed. Label "
            f"{_count(missing, 'more ' + known.unit)} with it, in the split test."
        )
    if len(hidden) > NUM_NOT_SHOWN:
        yield f"{_count(len(hidden) - NUM_NOT_SHOWN, 'more class', 'es')} cannot be judged either, see the table."


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{plural * (number != 1)}"


def _weak_classes(dossier: Dossier, scores: Scores) -> Iterator[str]:
    pixels = dossier.fingerprint.class_pixels if dossier.fingerprint else {}
    total = max(sum(pixels.values()), 1)
    for name in _weak(scores):
        share = pixels.get(name, math.nan) / total
        told = f"IoU {number(scores.iou[name])}" + (
            "" if math.isnan(share) else f", {percent(share)} of the train pixels"
        )
        todo = (
            "it is rare in training, so add images that show it"
            if share < RARE
            else "look at its mistakes below first; if the labels are right, add images like the worst ones"
        )
        yield f"<b>{escape(name)}</b>: {told}; {todo}."


def _weak_parts(scores: Scores) -> Iterator[str]:
    for part in weak_slices(scores):
        yield f"More images like {_slice_name(part.kind, part.name)} (mean IoU {number(part.mean_iou)}), for training."


def _suspects(dossier: Dossier) -> Iterator[str]:
    num_pixels = {name: sum(area.num_pixels for area in areas) for name, areas in dossier.suspects.items()}
    names = sorted(num_pixels, key=lambda name: (-num_pixels[name], name))  # as the pictures are
    if names:
        some = ", ".join(f"<b>{escape(name)}</b>" for name in names[:NUM_SUSPECTS])
        more = f" and {len(names) - NUM_SUSPECTS} more" if len(names) > NUM_SUSPECTS else ""
        link = '<a href="#suspects">pictures</a>' if any(p.kind == "suspect" for p in dossier.pictures) else ""
        link = f" ({link})" if link else ""
        yield f"Check the labels of {some}{more}: the model is sure of something else{link}."


def _slice_name(kind: str, name: str) -> str:
    """A part of the split as people say it."""
    told = {"group": "the group", "size": "images of size", "brightness": "images of brightness"}
    return f"{told.get(kind, escape(kind))} <b>{escape(name)}</b>"
