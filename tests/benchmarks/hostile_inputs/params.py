"""Values and forms of `params.yaml`; read by a stage that is done in milliseconds."""

import re
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.serialize import load_yaml

from pipeline.params import read_params
from tests.benchmarks.hostile_inputs.case import GATE, VALIDATE, Case, Check, Command, Make, Place, Template

RUN = (GATE,)
TOGETHER = ("train.augment.crop", "gate.floors", "gate.floors_low")
REFUSED: dict[str, tuple[Any, ...]] = {
    "validate.on_error": ("skip", None, 1, []),
    "validate.split.val": (-0.1, 1.5, "0.2", float("nan"), True),
    "validate.split.test": (0.95, float("inf")),
    "validate.near_duplicates": ("maybe", 0),
    "validate.near_duplicate_bits": (-1, 65, 2.5),
    "validate.max_ignored_share": (2, "all"),
    "validate.groups_in_several_splits": ("abbey", [1], {"a": 1}),
    "preprocess.image_size": ([0, 0], [144], [144, 192, 3], [-8, 8], [144.5, 192], "144x192", [1000000, 1000000], None),
    "train.seed": (-1, 4294967296, 1.5, "0", 10**30),
    "train.num_epochs": (0, -1, "many", 1e300, 10**12),
    "train.batch_size": (0, 10**9, 2.5, None),
    "train.learning_rate": (0, -0.1, float("nan"), float("inf"), "1e-3x", 1e300, [0.1]),
    "train.warmup_epochs": (-1, 1e300),
    "train.weight_decay": (-1e-9, float("inf")),
    "train.clip_norm": (0, -1, "off"),
    "train.loss": ({}, {"soft_dice": 0}, {"soft_dcie": 1}, {"soft_dice": -0.01}, {"soft_dice": float("nan")}, 0.5),
    "train.label_smoothing": (-0.1, 0.51, float("nan"), "0.1"),
    "train.class_weights": ("sqrt", ["none"]),
    "train.ema_decay": (-0.1, 1, "0.999"),
    "train.auxiliary_weight": (-0.1, 11, "0.4"),
    "train.num_networks": (0, 1000),
    "train.small_epochs": (-1, 0.5, 10**6),
    "train.early_stopping_epochs": (-1, 0.5),
    "train.precision": ("float16", "bf16", 32),
    "train.num_threads": (0, -2, 10**9, 1.5),
    "train.network.name": ("u-net", None, 5),
    "train.network.num_levels": (0, 40, "4"),
    "train.network.width": (0, -16, 10**6),
    "train.network.dropout": (1, -0.1, 1.5),
    "train.augment.scale": ([1.5, 0.75], [0, 1], [1], 1.0, [1, 1e300]),
    "train.augment.crop": ([1000, 1000], [112], [0, 0], "full"),
    "train.augment.rotate_deg": (-1, 360, "90"),
    "train.augment.brightness": (-0.1, 2),
    "train.augment.contrast": (1, -0.2),
    "train.augment.gamma": (-0.1, 3.1, None),
    "train.augment.white_balance": (-0.1, 3.1, None),
    "train.augment.rare_class_share": (-0.1, 1.1, None),
    "train.augment.class_mix": (-0.1, 1.1, None),
    "train.augment.flip_horizontal": ("yes", 1, None),
    "export.flip": ("yes", 1, None),
    "export.num_golden_images": (0, -1, 1.5),
    "export.postprocess.open_px": (-1, 10**12, 0.5),
    "export.postprocess.min_area_px": (-5, "big"),
    "export.dense_crf.num_iterations": (-1, 10**6, 2.5),
    "export.dense_crf.position_px": (0.0, float("inf")),
    "evaluate.num_worst_overlays": (-1, 0.5),
    "evaluate.boundary_width": (0, 1, "thin"),
    "evaluate.bootstrap.num_resamples": (1, 10**9, "many"),
    "evaluate.bootstrap.confidence": (0.5, 1, 95),
    "evaluate.bootstrap.seed": (-1, 0.5),
    "gate.ceilings": ({"mean_iou": -0.1}, {"mean_iou": 1.1}, {"mean_iou": "0.7"}, {"mean_iou": float("nan")}, True),
    "gate.floors": ({"iou/no such class": 0.5}, ["road"], {"iou/road": 2}, "road", {"mean_iou/brightness/no": 0.5}),
    "gate.floors_low": ({"iou/no such class": 0.5},),
    "promote.rule": ("better", None),
    "promote.margin": (-0.1, 2),
    "promote.rare_class_margin": (-0.1, 2),
    "promote.group_margin": (-0.1, 2),
    "promote.confidence": (0.2, 1),
    "promote.anchor": ("worst", 0, -1, 1.5),
    "promote.min_units": (0, 1),
    "promote.unknown_exposure": ("allow", True),
    "promote.class_costs": ({"road": 0}, {"road": -1}, {"road": float("nan")}, {"no such class": 2}, ["road"]),
}
"""By the name of the value, which the message is to say."""
ACCEPTED: dict[str, tuple[str, ...]] = {
    "train.learning_rate": ("1e-05", "1.0e-5", "0.00001", "1E-5"),
    "train.weight_decay": ("0", "1e-08", "0.0"),
    "validate.near_duplicates": ("off", "'off'"),
    "validate.one_class_masks": ("off",),
    "train.warmup_epochs": ("0", "0.5"),
    "train.seed": ("4294967295", "0"),
    "gate.floors": ("{}", "{mean_iou: 0}", "{mean_iou: 1}"),
    "gate.floors_low": ("{}", "{mean_iou: 0.1}"),
    "promote.anchor": ("none", "7", "best"),
    "train.augment.scale": ("[1, 1]", "[0.5, 2]"),
}
"""As the file has them; DVC's reader and ours are to agree on them."""
SECTIONS = ("validate", "preprocess", "train", "export", "evaluate", "gate", "promote")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
WHOLE: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n\n",
    "only a comment": b"# nothing\n",
    "a list": b"- train\n- gate\n",
    "a number": b"7\n",
    "a text": b"train\n",
    "null": b"null\n",
    "tabs": b"train:\n\tseed: 0\n",
    "no UTF-8": b"train: \xff\xfe\n",
    "UTF-16": "train: {}\n".encode("utf-16"),
    "NUL bytes": b"\0" * 100,
    "JSON cut off": b'{"train": {"seed": 0',
    "two documents": b"train: {}\n---\ngate: {}\n",
    "an object of Python": b"train: !!python/object/apply:os.system ['touch ../outside/tree/owned']\n",
    "an unknown tag": b"train: !secret {seed: 0}\n",
    "recursion": b"train: &t\n  seed: *t\n",
    "bomb of aliases": BOMB.encode(),
    "deeply nested": b"[" * 5000 + b"]" * 5000,
    "unknown alias": b"train: *nowhere\n",
    "a megabyte of one line": b"train: " + b"x" * 1_000_000 + b"\n",
    "control characters": b"train: \x1b[31m\n",
}


def _with(key: str, value: Any) -> Make:
    def make(place: Place) -> None:
        path = place.project / "params.yaml"
        content = section = yaml.safe_load(path.read_text())
        *parents, last = key.split(".")
        for parent in parents:
            section = section[parent]
        section[last] = value
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    return make


def _first_to_refuse(key: str, value: Any) -> tuple[Template, Make, tuple[Command, ...]]:
    """What does not go with other params or the data is refused by the first stage, a wrong value by each."""
    return ("imported", _with(key, value), (VALIDATE,)) if key in TOGETHER else ("gated", _with(key, value), RUN)


def _line(key: str, text: str) -> Make:
    """Replaces the text after the last word of `key`, as a person does who edits the file."""

    def make(place: Place) -> None:
        path, name = place.project / "params.yaml", key.rpartition(".")[2]
        new, count = re.subn(rf"^( +{name}:)[^\n]*$", rf"\g<1> {text}", path.read_text(), flags=re.MULTILINE)
        assert count >= 1, key
        path.write_text(new)

    return make


def _whole(content: bytes) -> Make:
    return lambda place: void((place.project / "params.yaml").write_bytes(content))


def _appended(text: str) -> Make:
    def make(place: Place) -> None:
        with (place.project / "params.yaml").open("a") as file:
            file.write(text)

    return make


def _without(section: str) -> Make:
    def make(place: Place) -> None:
        path = place.project / "params.yaml"
        content = yaml.safe_load(path.read_text())
        del content[section]
        path.write_text(yaml.safe_dump(content))

    return make


def _as_dvc_reads(key: str) -> Check:
    def check(project: Path) -> str:
        theirs: Any = load_yaml(str(project / "params.yaml"))
        ours: Any = read_params(project / "params.yaml")
        for part in key.split("."):
            theirs = theirs[part]
            ours = getattr(ours, "validate_" if part == "validate" else part)
        theirs = tuple(theirs) if isinstance(theirs, list) else theirs
        return "" if ours == theirs else f"read as {ours!r}, DVC reads {theirs!r}"

    return check


def void(_: object) -> None:
    """Nothing, for an expression whose value is of no use."""


def _short(value: Any) -> str:
    return repr(value)[:40]


CASES = (
    *(
        Case(f"params/{key}={_short(value)}", *_first_to_refuse(key, value), says=key.rpartition(".")[2])
        for key, values in REFUSED.items()
        for value in values
    ),
    *(
        Case(
            f"params/{key} written {text}",
            "gated",
            _line(key, text),
            RUN,
            expect="accepted",
            check=_as_dvc_reads(key),
        )
        for key, texts in ACCEPTED.items()
        for text in texts
    ),
    *(Case(f"params/file: {name}", "gated", _whole(text), RUN, says="params.yaml") for name, text in WHOLE.items()),
    *(Case(f"params/no section {name}", "gated", _without(name), RUN, says=name) for name in SECTIONS),
    Case("params/unknown section", "gated", _appended("\nextra:\n  a: 1\n"), RUN, says="extra"),
    Case("params/duplicate section", "gated", _appended("\ngate:\n  floors: {}\n"), RUN, says="gate"),
    Case("params/duplicate key", "gated", _line("train.seed", "0\n  seed: 1"), RUN, says="seed"),
    Case("params/octal 010", "gated", _line("train.num_epochs", "010"), RUN, says="num_epochs|010"),
    Case("params/sexagesimal 1:30", "gated", _line("train.num_epochs", "1:30"), RUN, says="num_epochs"),
    Case("params/date", "gated", _line("train.num_epochs", "2026-01-01"), RUN, says="num_epochs"),
    Case("params/missing file", "gated", lambda place: (place.project / "params.yaml").unlink(), RUN, says="params"),
    Case("params/unknown key nested", "gated", _line("network.width", "16\n    widht: 8"), RUN, says="widht"),
)
