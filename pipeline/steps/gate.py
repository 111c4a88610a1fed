"""Judges the scores by the floors in params; missing, nan or stale evidence rejects."""

import math
from collections.abc import Iterator

from pipeline.errors import EvidenceError
from pipeline.files import md5_of
from pipeline.manifest import read_manifest
from pipeline.model_card import MODEL
from pipeline.params import GateParams, read_params
from pipeline.program import run_stage
from pipeline.scores import SCORES, Evidence, Scores, compare_evidence, evidence_of
from pipeline.verdict import Verdict


def gate(scores: Scores, scores_md5: str, found: Evidence, limits: GateParams) -> Verdict:
    """Accepts a model whose scores reach every floor.

    Args:
        scores: of the model on the test split.
        scores_md5: of the file they were read from.
        found: evidence of the model and the test split as they are now.
        limits: the floors; a class without an IoU does not reach one.

    Returns:
        The verdict; of a rejected model with every reason, not only the first.
    """
    against = [*compare_evidence(scores.evidence, found), *_unsound(scores)]
    judged = list(_judge(scores, limits))
    against += [text for reached, text in judged if not reached]
    mean_iou = scores.mean_iou if _is_share(scores.mean_iou) else None
    reasons = tuple(against or [text for _, text in judged])
    return Verdict(not against, reasons, scores_md5, mean_iou, scores.evidence)


def main() -> None:
    """Reads scores, model and manifest, and writes the verdict; a rejected model is a result, not a failure."""
    limits = read_params().gate
    try:
        verdict = gate(Scores.read(), md5_of(SCORES), evidence_of(MODEL, read_manifest()), limits)
    except EvidenceError as err:  # evidence that is not there is a verdict too, and never an open gate
        verdict = Verdict(False, (str(err),), None, None, None)
    verdict.write()
    print(verdict)


def _unsound(scores: Scores) -> Iterator[str]:
    if scores.num_images == 0 or scores.num_pixels == 0:
        yield (
            f"scored were {scores.num_images} images with {scores.num_pixels} pixels; "
            "the test split needs labelled images, add groups or raise validate.split.test"
        )
    for name, iou in scores.iou.items():
        if not math.isnan(iou) and not _is_share(iou):
            yield f"IoU of {name} is {iou:g}, expected a share in [0, 1]; run the stage `evaluate` again"


def _judge(scores: Scores, limits: GateParams) -> Iterator[tuple[bool, str]]:
    """Whether each floor is reached, and a sentence on it."""
    floor = scores.floor
    yield _compare(
        "mean IoU", scores.mean_iou, limits.min_mean_iou, f" (always {floor.class_name}: {floor.mean_iou:.4f})"
    )
    for name, min_iou in sorted(limits.min_class_iou.items()):
        if name in scores.iou:
            yield _compare(f"IoU of {name}", scores.iou[name], min_iou, "")
        else:
            known = ", ".join(sorted(scores.iou))
            yield False, f"gate.min_class_iou names {name!r}, which is no class; known are {known}; correct params.yaml"


def _compare(name: str, value: float, floor: float, remark: str) -> tuple[bool, str]:
    if not _is_share(value):
        return (
            False,
            f"{name} is {value:g}, so the floor {floor:g} is not shown to be reached; label test images with it",
        )
    reached = value >= floor
    return reached, f"{name} {value:.6g} {'reaches' if reached else 'is below'} the floor {floor:g}{remark}"


def _is_share(value: float) -> bool:
    return 0 <= value <= 1  # nan: False


if __name__ == "__main__":
    run_stage("gate", main)
