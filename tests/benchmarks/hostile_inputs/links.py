"""Links, FIFOs and devices where files are expected."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.hostile_inputs.case import IMPORT, VALIDATE, Case, Command, Make, Place

TARGETS = {
    "the environment": "/proc/self/environ",
    "the system's passwords": "/etc/passwd",
    "a secret outside": "../../outside/secret.txt",
    "nowhere": "nowhere.png",
    "itself": "c.png",
    "a folder outside": "../../outside/tree",
    "/dev/zero": "/dev/zero",
    "/dev/stdin": "/dev/stdin",
}
FILES = {
    "photos/c.png": IMPORT,
    "labels/c.png": IMPORT,
    "photos/extra.png": IMPORT,
    "classes.yaml": IMPORT,
    "data/images/s003.png": VALIDATE,
    "data/masks/s003.png": VALIDATE,
    "data/samples.csv": VALIDATE,
    "data/dataset.yaml": VALIDATE,
}
PREDICT = ("segline", "predict", "champion", "photos", "out")


def _template(file: str) -> str:
    return "imported" if file.startswith("data") else "labelled"


def _at(file: str, put: Callable[[Path], object]) -> Make:
    def make(place: Place) -> None:
        path = place.project / file
        path.unlink(missing_ok=True)
        put(path)

    return make


def _linked(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _folder_outside(place: Place) -> None:
    """The photos lie elsewhere, and the folder is a link to them."""
    shutil.move(place.project / "photos", place.outside / "photos")
    (place.project / "photos").symlink_to(place.outside / "photos")


def _image_outside(place: Place) -> None:
    """A link to a true photo that is not in the folder."""
    shutil.move(place.project / "photos/c.png", place.outside / "c.png")
    (place.project / "photos/c.png").symlink_to(place.outside / "c.png")


def _data_outside(place: Place) -> None:
    (place.project / "data").symlink_to(place.outside / "tree")


def _photo_of_predict(target: str) -> Make:
    def make(place: Place) -> None:
        shutil.copytree(place.project / "data/images", place.project / "photos")
        (place.project / "photos/zz.png").symlink_to(target)

    return make


def _case(name: str, template: str, make: Make, command: Command, expect: str, says: str) -> Case:
    return Case(f"links/{name}", template, make, (command,), expect, says)  # type: ignore[arg-type]


CASES = (
    *(
        _case(f"{file} to {name}", _template(file), _at(file, _linked(target)), command, "refused", Path(file).stem)
        for file, command in FILES.items()
        for name, target in TARGETS.items()
    ),
    *(
        _case(f"{file} is a FIFO", _template(file), _at(file, os.mkfifo), command, "refused", Path(file).stem)
        for file, command in FILES.items()
    ),
    *(
        _case(f"predict a link to {name}", "contest", _photo_of_predict(target), PREDICT, "refused", "zz.png")
        for name, target in TARGETS.items()
    ),
    _case("photos are a link to a folder outside", "labelled", _folder_outside, IMPORT, "either", "photos"),
    _case("a photo is a link to a photo outside", "labelled", _image_outside, IMPORT, "refused", "c.png"),
    _case("data is a link to a folder outside", "labelled", _data_outside, IMPORT, "refused", "data"),
)
