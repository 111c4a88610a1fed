"""Names of samples, groups, options and folders."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.hostile_inputs.case import IMPORT, VALIDATE, Case, Make, Place, nothing
from tests.benchmarks.hostile_inputs.data import is_valid, void

ODD_NAMES = {
    "leading blank": b" x",
    "trailing blank": b"x ",
    "tab": b"x\ty",
    "CR": b"x\ry",
    "LF": b"x\ny",
    "ESC": b"x\x1b[31my",
    "DEL": b"x\x7fy",
    "no UTF-8": b"x\xff\xfey",
    "surrogate": b"x\xed\xa0\x80y",
    "right to left": "x\u202egnp.y".encode(),
    "zero width": "x\u200by".encode(),
    "251 characters": b"x" * 251,
    "Chinese": "照片".encode(),
    "decomposed": "e\u0301".encode(),
    "emoji": "🙂".encode(),
    "quotes": b"x'\"y",
    "comma": b"x,y",
    "semicolon": b"x;y",
    "formula": b"=1+1",
    "percent": b"x%20y",
    "hash": b"x#y?z",
    "dollar": b"$(touch owned)",
    "backslash": b"x\\y",
    "colon": b"x:y",
    "star": b"x*[y]",
    "minus": b"-rf",
    "tilde": b"~root",
    "markup": b"<svg onload=alert(1)>",
    "rich": b"[red]x",
    "format": b"%s%n{0}",
    "dot": b".x",
    "two dots": b"..x",
    "CON": b"CON",
    "null": b"null",
    "nan": b"nan",
    "001": b"001",
}
OPTIONS = {
    "group that is no expression": ("--group", "("),
    "group without a bracket": ("--group", "[a-z]"),
    "group that matches nothing": ("--group", "(zzz)"),
    "group that is empty": ("--group", "()"),
    "group that explodes": ("--group", "((a+)+)+$b"),
    "suffix that nobody has": ("--mask-suffix", "_nobody"),
    "samples that are not there": ("--samples", "nowhere.csv"),
    "samples that are a folder": ("--samples", "photos"),
    "kind that is unknown": ("--kind", "best"),
    "kind colour without colours": ("--kind", "colour"),
}


def _renamed(template: str, name: bytes) -> Make:
    """Renames an image and its mask."""
    sides = ("photos", "labels") if template == "labelled" else ("data/images", "data/masks")
    old = "c.png" if template == "labelled" else "s003.png"

    def make(place: Place) -> None:
        for side in sides:
            (place.project / side / old).rename(place.project / side / os.fsdecode(name + b".png"))

    return make


def _has(number: int) -> Callable[[Path], str]:
    """Whether data/ has so many images and masks."""

    def check(project: Path) -> str:
        numbers = [len(list((project / "data" / side).iterdir())) for side in ("images", "masks")]
        return "" if numbers == [number, number] else f"data/ has {numbers} images and masks"

    return check


def _moved(name: str) -> Make:
    """Puts a link-free copy of the photos into a folder of another name."""
    return lambda place: void((place.project / "photos").rename(place.project / name))


CASES = (
    *(
        Case(
            f"names/import {name}",
            "labelled",
            _renamed("labelled", text),
            (IMPORT,),
            "either",
            ".",
            _has(4 if text.startswith(b".") else 5),  # a hidden file is left out, and a note says so
        )
        for name, text in ODD_NAMES.items()
        if len(text) < 252
    ),
    *(
        Case(f"names/validate {name}", "imported", _renamed("imported", text), (VALIDATE,), "either", ".", is_valid)
        for name, text in ODD_NAMES.items()
        if len(text) < 252
    ),
    *(
        Case(
            f"names/option: {name}",
            "labelled",
            nothing,
            ((*IMPORT, *words),),
            says=r"group|suffix|samples|kind|colour|photos",
        )
        for name, words in OPTIONS.items()
    ),
    Case(
        "names/folder with a blank",
        "labelled",
        _moved("my photos"),
        ((*IMPORT[:3], "my photos", *IMPORT[4:]),),
        "accepted",
    ),
    Case(
        "names/folder with %20 and ?",
        "labelled",
        _moved("a%20b?c"),
        ((*IMPORT[:3], "a%20b?c", *IMPORT[4:]),),
        "accepted",
    ),
    Case(
        "names/folder that is not there", "labelled", nothing, ((*IMPORT[:3], "nowhere", *IMPORT[4:]),), says="nowhere"
    ),
    Case(
        "names/folder that is a file",
        "labelled",
        nothing,
        ((*IMPORT[:3], "params.yaml", *IMPORT[4:]),),
        says="params.yaml",
    ),
    Case("names/folder that is empty text", "labelled", nothing, ((*IMPORT[:3], "", *IMPORT[4:]),), says="."),
    Case(
        "names/folder data itself",
        "imported",
        nothing,
        (("segline", "import", "folder", "data/images", "data/masks", "--classes", "data/dataset.yaml"),),
        "either",
        "data",
    ),
    Case("names/no images drawn", "empty", nothing, (("segline", "import", "demo", "--num-images", "0"),), says="0"),
    Case(
        "names/images by text", "empty", nothing, (("segline", "import", "demo", "--num-images", "many"),), says="many"
    ),
    Case(
        "names/seed negative",
        "empty",
        nothing,
        (("segline", "import", "demo", "--num-images", "2", "--seed", "-1"),),
        "either",
        "seed|-1",
    ),
    Case("names/unknown command", "empty", nothing, (("segline", "delete"),), says="delete"),
    Case("names/no command", "empty", nothing, (("segline",),), says="COMMAND"),
    Case(
        "names/bucket without name",
        "labelled",
        nothing,
        (("segline", "import", "folder", "s3://", "labels", "--classes", "classes.yaml"),),
        says="s3",
    ),
)
