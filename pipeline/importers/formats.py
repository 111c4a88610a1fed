"""The table of importers: `segline import NAME` calls the function of that name.

The parameters of a function are the words and options of its command, its docstring is the help. The command's help
loads this file and the importers in it, so they import heavy libraries inside their functions.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from pipeline.importers.annotations.cityscapes import cityscapes
from pipeline.importers.annotations.coco import coco
from pipeline.importers.annotations.cvat import cvat
from pipeline.importers.annotations.instances import instances
from pipeline.importers.annotations.label_studio import label_studio
from pipeline.importers.annotations.labelme import labelme
from pipeline.importers.annotations.matlab import matlab
from pipeline.importers.annotations.voc import voc
from pipeline.importers.camvid import camvid
from pipeline.importers.demo.data_set import demo
from pipeline.importers.folder import folder
from pipeline.importers.source import Source

IMPORTERS: dict[str, Callable[..., Source | AbstractContextManager[Source]]] = {
    "demo": demo,
    "camvid": camvid,
    "folder": folder,
    "coco": coco,
    "voc": voc,
    "cityscapes": cityscapes,
    "labelme": labelme,
    "cvat": cvat,
    "label-studio": label_studio,
    "instances": instances,
    "matlab": matlab,
}
"""An importer that must clean up, after a download for example, is a context manager."""
