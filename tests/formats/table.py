"""The table of writers: each format that `segline import` reads beside folders of masks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.formats.areas import write_coco, write_cvat, write_label_studio, write_labelme
from tests.formats.files import write_cityscapes, write_instances, write_matlab, write_voc

Writer = Callable[[Path, Mapping[str, np.ndarray], Mapping[str, np.ndarray], Sequence[str]], list[str]]
WRITERS: dict[str, Writer] = {
    "coco": write_coco,
    "voc": write_voc,
    "cityscapes": write_cityscapes,
    "labelme": write_labelme,
    "cvat": write_cvat,
    "label-studio": write_label_studio,
    "instances": write_instances,
    "matlab": write_matlab,
}
TOLERANCE = 0.002
"""Of a class's share of the pixels, where areas became outlines."""
