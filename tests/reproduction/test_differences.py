"""Tests of where a reproduction parts from what was registered."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import TypeAdapter

from pipeline.registry.lineage import LockedStage
from pipeline.reproduction.differences import History, compare_outputs, first_difference

STAGES: dict[str, Any] = {
    "validate": {"cmd": "v", "deps": [{"path": "data", "md5": "d"}], "outs": [{"path": "work/validate", "md5": "1"}]},
    "preprocess": {
        "cmd": "p",
        "deps": [{"path": "work/validate", "md5": "1"}, {"path": "pipeline/vision", "md5": "c"}],
        "outs": [{"path": "work/preprocess", "md5": "2"}],
        "params": {"params.yaml": {"preprocess": {"image_size": [8, 8]}}},
    },
    "train": {
        "cmd": "t",
        "deps": [{"path": "work/preprocess", "md5": "2"}],
        "outs": [{"path": "work/train", "md5": "3"}],
    },
    "export": {"cmd": "e", "deps": [{"path": "work/train", "md5": "3"}], "outs": [{"path": "work/export", "md5": "4"}]},
}
HISTORY = [{"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": 0.25}]


def change(*path: Any, to: Any) -> dict[str, LockedStage]:
    """The stages with one value changed."""
    stages = deepcopy(STAGES)
    place = stages
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return parse(stages)


def parse(stages: dict[str, Any]) -> dict[str, LockedStage]:
    """Stages as they are read from dvc.lock."""
    return TypeAdapter(dict[str, LockedStage]).validate_python(stages)


def out(stage: str, md5: str = "x") -> dict[str, LockedStage]:
    """The stages with another output of one."""
    return change(stage, "outs", 0, "md5", to=md5)


def test_equal_outputs_differ_nowhere() -> None:
    """Whatever the histories say."""
    assert first_difference(parse(STAGES), parse(STAGES), (HISTORY, [])) == ""
    assert all(row.is_equal for row in compare_outputs(parse(STAGES), parse(STAGES)))


@pytest.mark.parametrize(
    ("made", "difference"),
    [
        (out("preprocess"), "packing"),
        (out("export"), "the SavedModel"),
        (out("validate"), "validation"),
        (parse({name: STAGES[name] for name in ("validate", "preprocess")}), "stage train was not run"),
    ],
)
def test_the_first_stage_with_another_output_is_named(made: dict[str, LockedStage], difference: str) -> None:
    """Its inputs are those that were registered."""
    assert first_difference(parse(STAGES), made, (HISTORY, HISTORY)) == difference


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        (("validate", "deps", 0, "md5"), "x", "data, which stage validate reads"),
        (("preprocess", "deps", 1, "md5"), "x", "code in pipeline/vision, which stage preprocess reads"),
        (("preprocess", "params"), {}, "params, which stage preprocess reads"),
    ],
    ids=["data", "code", "params"],
)
def test_an_input_explains_an_output(path: tuple[Any, ...], value: Any, difference: str) -> None:
    """A changed input is named, and only if the output changed with it."""
    stages = deepcopy(STAGES)
    place: Any = stages
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert first_difference(parse(STAGES), parse(stages), (HISTORY, HISTORY)) == ""
    stages[path[0]]["outs"][0]["md5"] = "x"
    assert first_difference(parse(STAGES), parse(stages), (HISTORY, HISTORY)) == difference


@pytest.mark.parametrize(
    ("history", "difference"),
    [
        ([HISTORY[0], {"epoch": 2.0, "loss": 0.26}], "epoch 2 of the training: loss is 0.26, registered is 0.25"),
        ([{"epoch": 1.0}, HISTORY[1]], "epoch 1 of the training: loss is None, registered is 0.5"),
        (HISTORY[:1], "the training's length: 1 epochs, registered are 2"),
        (HISTORY, "the weights; the training's history is the same"),
    ],
)
def test_a_training_parts_at_an_epoch(history: History, difference: str) -> None:
    """The first row of the history that differs."""
    assert first_difference(parse(STAGES), out("train"), (HISTORY, history)) == difference


def test_each_output_has_a_row() -> None:
    """With both MD5s; one that was not made has none."""
    made = parse({name: STAGES[name] for name in ("validate", "preprocess", "train")})
    rows = compare_outputs(parse(STAGES), made)
    assert [(row.stage, row.path, row.registered, row.found) for row in rows] == [
        ("validate", "work/validate", "1", "1"),
        ("preprocess", "work/preprocess", "2", "2"),
        ("train", "work/train", "3", "3"),
        ("export", "work/export", "4", None),
    ]
    assert [row.is_equal for row in rows] == [True, True, True, False]
