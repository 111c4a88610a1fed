"""Scores challenger and champion anew on today's test split and promotes the challenger if it is better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.dataset import ClassList, read_class_list
from pipeline.errors import EvidenceError, RegistryError
from pipeline.files import md5_of
from pipeline.manifest import Row, read_manifest
from pipeline.model_card import ModelCard
from pipeline.program import run
from pipeline.registry import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Version,
    download_model,
    find_alias,
    find_version,
    set_alias,
    set_tags,
)
from pipeline.scores import md5_of_test_split
from pipeline.scoring import score


@dataclass(frozen=True)
class Promotion:
    """What was decided of a challenger.

    Attributes:
        promoted: the alias `champion` was moved to it.
        reason: with the scores that decided.
        challenger: the version that was judged.
        champion: the champion before; None where there was none.
    """

    promoted: bool
    reason: str
    challenger: Version
    champion: Version | None

    def __str__(self) -> str:
        return f"{'PROMOTED' if self.promoted else 'NOT PROMOTED'}: {self.reason}"


def promote(version: str | None = None) -> Promotion:
    """Moves `champion` to a version whose mean IoU is strictly higher; the former champion becomes `previous`.

    Args:
        version: its number, or an alias; the challenger where none is given.

    Raises:
        EvidenceError: the version was not accepted by the gate, today's test split is not what the manifest says, or
            a model knows other classes.
        RegistryError: there is no such version, or someone else moved `champion` meanwhile.
    """
    challenger, champion = find_version(version or CHALLENGER), find_alias(CHAMPION)
    if champion and challenger.number == champion.number:
        decision = Promotion(False, f"{challenger} is the champion already", challenger, champion)
    else:
        if challenger.tags.get("verdict") != "accepted":
            raise EvidenceError(f"{challenger}: has no accepted verdict; expected one that `segline register` made")
        mean_ious = _score_again([challenger, champion] if champion else [challenger])
        decision = decide(challenger, champion, *mean_ious)
        _carry_out(decision)
    print(decision)
    return decision


def decide(
    challenger: Version, champion: Version | None, mean_iou: float, champion_mean_iou: float | None = None
) -> Promotion:
    """Compares two mean IoUs of the same test split; the first champion needs the gate's verdict alone."""
    found = f"{challenger} has mean IoU {mean_iou:.4f} on today's test split"
    if math.isnan(mean_iou):
        return Promotion(False, f"{found}, which shows nothing", challenger, champion)
    if champion is None or champion_mean_iou is None:
        return Promotion(True, f"{found} and is the first champion, accepted by the gate", challenger, champion)
    better = mean_iou > champion_mean_iou  # nan: False
    rest = f"the champion {champion} has {champion_mean_iou:.4f}" + ("" if better else "; it has to be beaten")
    return Promotion(better, f"{found}, {rest}", challenger, champion)


def _score_again(versions: Sequence[Version]) -> list[float]:
    """Mean IoU of each version on today's test split, which is also kept in its tags."""
    classes, rows = read_class_list(), read_manifest()
    _check_test_split(rows)
    models = [download_model(version) for version in versions]
    for version, model in zip(versions, models, strict=True):
        _check_classes(version, ModelCard.read(model).classes, classes)
    # the floor is not used here, so any class will do for it
    mean_ious = [score(model, rows, classes, classes.names[0]).mean_iou for model in models]
    for version, mean_iou in zip(versions, mean_ious, strict=True):
        set_tags(version, {"rescored_mean_iou": f"{mean_iou:.6f}", "rescored_test_md5": md5_of_test_split(rows)})
    return mean_ious


def _check_test_split(rows: Sequence[Row]) -> None:
    for row in rows:
        for path, md5 in ((row.image, row.image_md5), (row.mask, row.mask_md5)):
            if row.split == "test" and not (path.is_file() and md5_of(path) == md5):
                raise EvidenceError(f"{path}: is not the file that was validated; run `dvc repro validate` first")


def _check_classes(version: Version, known: ClassList, today: ClassList) -> None:
    if known.names != today.names:
        raise EvidenceError(
            f"{version} knows the classes {', '.join(known.names)}, today's data has {', '.join(today.names)}; only "
            "models of the same classes, in the same order, can be compared: give the models of the new classes a "
            "name of their own with SEGLINE_MODEL_NAME"
        )


def _carry_out(decision: Promotion) -> None:
    champion, challenger = decision.champion, decision.challenger
    if decision.promoted:
        now = find_alias(CHAMPION)
        if (now and now.number) != (champion and champion.number):
            raise RegistryError(
                f"{challenger} was compared with {champion or 'no champion'}, but by now the champion is "
                f"{now or 'none'}; nothing was moved, run `segline promote` again"
            )
        if champion:
            set_alias(PREVIOUS, champion)
        set_alias(CHAMPION, challenger)
    set_tags(challenger, {"decision": str(decision)})


def main() -> None:
    """Judges the challenger."""
    promote()


if __name__ == "__main__":
    run(main)
