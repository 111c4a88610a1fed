"""Classes of a format's own list that no mask of a set holds: no model can learn them, and `validate` refuses them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.text import show_names

if TYPE_CHECKING:
    from pipeline.dataset.contract import ClassList


def drop_unused_classes(masks: Path, classes: "ClassList") -> "tuple[ClassList, list[str]]":
    """Gives the classes that a folder of written masks holds new ids in the masks, and a note that names the others.

    All stay if only one would be left. As soon as each class has been seen, no more masks are read.
    """
    import numpy as np

    from pipeline.vision.codec import read_mask, write_png

    files, is_used = sorted(masks.iterdir()), np.zeros(256, bool)
    for file in files:
        is_used[np.unique(read_mask(file))] = True
        if is_used[: len(classes)].all():
            return classes, []
    used = np.flatnonzero(is_used[: len(classes)])
    if len(used) < 2:
        return classes, []
    new_ids = np.full(256, classes.ignore_id, np.uint8)
    new_ids[used] = np.arange(len(used))
    for file in files:
        write_png(file, new_ids[read_mask(file)])
    unused = show_names(name for id_, name in enumerate(classes.names) if not is_used[id_])
    return only(classes, used), [f"classes that no mask holds were left out, the others have new ids: {unused}"]


def only(classes: "ClassList", ids: Iterable[int]) -> "ClassList":
    """The classes of these ids, which become 0, 1, ... in their order."""
    from pipeline.dataset.contract import ClassList

    kept = [*ids]
    return ClassList(
        tuple(classes.names[id_] for id_ in kept), tuple(classes.colours[id_] for id_ in kept), classes.ignore_id
    )
