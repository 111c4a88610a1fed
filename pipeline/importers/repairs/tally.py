"""Counts of what masks hold once they are class ids, and what `validate` would refuse in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pipeline.dataset.contract import Sample
from pipeline.importers.label_map import IGNORE_ID, Labels
from pipeline.importers.repairs.command import Command, counted, name_some, refusal
from pipeline.importers.unused import only

MAX_IGNORED_SHARE = 0.95
"""Default of `validate.max_ignored_share`."""


@dataclass
class Tally:
    """Counts over all masks.

    Attributes:
        pixels: (256,) pixels by class id.
        num_moved: pixels that got the nearest declared colour.
        unlabelled: masks that are ignored nearly everywhere.
        like_binary: masks of class 0 and ignored pixels alone, with the largest share of them that is ignored.
        most_ignored: largest ignored share of a mask that holds another class than 0.
    """

    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    num_moved: int = 0
    unlabelled: list[Path] = field(default_factory=list)
    like_binary: dict[Path, float] = field(default_factory=dict)
    most_ignored: float = 0.0

    def add(self, path: Path, pixels: np.ndarray, num_moved: int) -> None:
        """Adds a mask: (256,) pixels by class id."""
        self.pixels += pixels
        self.num_moved += num_moved
        ignored = float(pixels[IGNORE_ID] / max(pixels.sum(), 1))
        if ignored > MAX_IGNORED_SHARE:
            self.unlabelled.append(path)
        if pixels[1:IGNORE_ID].any():
            self.most_ignored = max(self.most_ignored, ignored)
        elif pixels[0] and ignored:
            self.like_binary[path] = ignored


def skip_unlabelled(
    samples: Sequence[Sample], tally: Tally, unlabelled: str, command: Command
) -> tuple[list[Sample], list[str]]:
    """The samples whose masks are labelled, and a note on the others.

    Raises:
        DataError: masks are ignored nearly everywhere, and they are not to be skipped; or no mask is left.
    """
    bad = set(tally.unlabelled)
    left = [sample for sample in samples if sample.mask not in bad]
    names = name_some(map(str, bad))
    what = f"{counted(len(bad), 'mask')} of {len(samples)}"
    if bad and (unlabelled != "skip" or not left):
        raise refusal(
            f"{what} are ignored on more than {MAX_IGNORED_SHARE:.0%} of their pixels, which `validate` refuses: "
            f"{names}; label more of them, or leave them out with their images",
            command.but(unlabelled="skip") if left else command.but(),
        )
    return left, [f"images left out because their masks are ignored nearly everywhere: {len(bad)}"] if bad else []


def note_like_binary(tally: Tally, labels: Labels, command: Command) -> list[str]:
    """A note on masks that `validate` takes for masks of 0 and 255.

    Raises:
        DataError: all masks are such, so that 255 is nearly certainly a class.
    """
    bad = [str(path) for path, ignored in tally.like_binary.items() if ignored > tally.most_ignored]
    if not bad or len(labels.classes) < 2:
        return []
    if not tally.pixels[1:IGNORE_ID].any():
        is_binary = len(labels.classes) == 2
        raise refusal(
            f"{counted(len(bad), 'mask')} hold {labels.classes.names[0]!r} and ignored pixels alone: {name_some(bad)}; "
            "if the ignored value stands for a class, "
            + (
                "read the masks as binary"
                if is_binary
                else f"give it to that class in {labels.source}, as `value: 255`"
            ),
            command.but(kind="binary") if is_binary else command.but(),
        )
    return [
        f"masks of {labels.classes.names[0]!r} and more ignored pixels than other masks have, which `validate` takes "
        f"for masks of 0 and 255: {name_some(bad)}; if they are right, set validate.binary_looking_masks in "
        "params.yaml to warning"
    ]


def drop_unused(labels: Labels, tally: Tally, unused_classes: str, command: Command) -> tuple[Labels, list[str]]:
    """Labels without the classes that no mask holds, and a note that names them.

    Raises:
        DataError: a class is in no mask, and such classes are not to be dropped.
    """
    names = labels.classes.names
    used = [id_ for id_ in range(len(names)) if tally.pixels[id_]]
    if len(used) == len(names):
        return labels, []
    unused = [names[id_] for id_ in range(len(names)) if id_ not in used]
    if unused_classes != "drop" or len(used) < 2:
        raise refusal(
            f"{len(unused)} of {len(names)} classes are in no mask, so that they cannot be learned: "
            f"{name_some(unused)}; correct {labels.source} if their value or colour is wrong"
            f"{', or drop them' if len(used) > 1 else ''}",
            command.but(unused_classes="drop") if len(used) > 1 else command.but(),
        )
    new_ids = {id_: place for place, id_ in enumerate(used)}
    return replace(
        labels,
        classes=only(labels.classes, used),
        by_value={value: new_ids.get(id_, IGNORE_ID) for value, id_ in labels.by_value.items()},
        by_colour={code: new_ids.get(id_, IGNORE_ID) for code, id_ in labels.by_colour.items()},
    ), [f"classes that no mask holds were dropped, the others have new ids: {name_some(unused)}"]
