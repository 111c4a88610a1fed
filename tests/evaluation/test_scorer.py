"""Tests of scoring a model on the test split."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.dataset.manifest import ManifestRow, write_manifest
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, EvidenceError
from pipeline.evaluation.metrics.metric import Seen, Setting
from pipeline.evaluation.metrics.table import METRICS, MeanIou
from pipeline.evaluation.scorer import (
    check_test_split,
    count_images,
    majority_class,
    read_pair,
    scores_of,
    select_test,
)
from pipeline.evaluation.scores import Baseline, Scores, evidence_of
from pipeline.serving.predictor import Predictor
from pipeline.vision.codec import write_png
from tests.tiny_model import write_tiny_model

CLASSES = ClassList(("sky", "road", "car"), ((0, 0, 255), (90, 90, 90), (200, 0, 0)), 255)


COUNTED = ("mean_iou", "pixel_accuracy")
BOOTSTRAP: dict[str, Any] = {"unit": "image", "num_resamples": 200, "seed": 0, "confidence": 0.9, "min_units": 5}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that says "road" everywhere."""
    return write_tiny_model(tmp_path / "model", CLASSES, favourite=1)


def write_rows(folder: Path, *masks: list[list[int]], split: str = "test") -> list[ManifestRow]:
    """A manifest of grey images with these masks, in `folder`."""
    rows = []
    for index, ids in enumerate(masks):
        mask = np.array(ids, np.uint8)
        write_png(folder / f"image{index}.png", np.full((*mask.shape, 3), 99, np.uint8))
        write_png(folder / f"mask{index}.png", mask)
        paths = folder / f"image{index}.png", folder / f"mask{index}.png"
        height, width = mask.shape
        rows.append(ManifestRow(f"s{index}", *paths, "g", split, height, width, f"image{index}", f"mask{index}"))
    write_manifest(folder / "manifest.csv", rows)
    return rows


def score(model: Path, rows: list[ManifestRow], classes: ClassList, baseline_class: str, manifest: Path) -> Scores:
    """The scores of a model on the rows of a manifest."""
    table = count_images(Predictor.read(model), rows, classes)
    results = {name: METRICS[name](Setting(classes.names, 0, 0, BOOTSTRAP)).result(table) for name in COUNTED}
    return scores_of(table, results, baseline_class, evidence_of(model, rows, manifest), BOOTSTRAP)


def test_scores_are_pooled_over_the_images(model: Path, tmp_path: Path) -> None:
    """Pixels of all test images count alike, ignored ones do not, and a class in neither has no IoU."""
    rows = write_rows(tmp_path, [[0, 1], [1, 255]], [[1, 1, 1, 1, 1]])
    scores = score(model, rows, CLASSES, "sky", tmp_path / "manifest.csv")
    assert scores.iou["road"] == scores.metrics["pixel_accuracy"].value == pytest.approx(7 / 8)
    assert [scores.iou["sky"], scores.mean_iou] == [0, pytest.approx(7 / 16)]
    assert np.isnan(scores.iou["car"])
    assert (scores.num_images, scores.num_pixels) == (2, 8)


def test_each_image_is_counted_and_seen(model: Path, tmp_path: Path) -> None:
    """The table has a row for each image, in order, and each is handed on as it is."""
    rows = write_rows(tmp_path, [[0, 1], [1, 255]], [[1, 1, 1, 1, 1]])
    seen: list[Seen] = []
    table = count_images(Predictor.read(model), rows, CLASSES, seen.append)
    assert_array_equal(table.matrices[0], [[0, 1, 0], [0, 2, 0], [0, 0, 0]])
    assert (table.names, table.groups) == (("s0", "s1"), ("g", "g"))
    assert (table.heights.tolist(), table.widths.tolist(), table.brightness.tolist()) == ([2, 1], [2, 5], [99, 99])
    assert [image.row for image in seen] == rows
    assert seen[0].target[1, 1] == 255 and seen[1].prediction.mask.shape == (1, 5)


def test_intervals_say_what_they_rest_on(model: Path, tmp_path: Path) -> None:
    """Intervals of the mean and of each class, with the settings that were asked for; one group shows nothing."""
    table = count_images(Predictor.read(model), write_rows(tmp_path, *[[[0, 1, 1]]] * 6), CLASSES)
    by_image, by_group = (
        MeanIou(Setting(CLASSES.names, 0, 0, BOOTSTRAP | {"unit": unit})).result(table) for unit in ("image", "group")
    )
    assert [by_image.interval.low, by_image.interval.num_units] == [pytest.approx(1 / 3), 6]
    assert by_image.intervals["road"].is_shown and not by_image.intervals["car"].is_shown
    assert (by_group.interval.is_shown, by_group.interval.num_units) == (False, 1)
    bootstrap = score(model, write_rows(tmp_path, [[0, 1]]), CLASSES, "sky", tmp_path / "manifest.csv").bootstrap
    assert (bootstrap.unit, bootstrap.confidence, bootstrap.min_units) == ("image", 0.9, 5)


def test_the_baseline_always_predicts_one_class(model: Path, tmp_path: Path) -> None:
    """The baseline is the score of a model that predicts the majority class everywhere, on the same test split."""
    rows = write_rows(tmp_path, [[0, 1, 1, 1]])
    scores = score(model, rows, CLASSES, "sky", tmp_path / "manifest.csv")
    assert scores.baseline == Baseline("sky", 1 / 8, 1 / 4)
    as_good = score(model, rows, CLASSES, "road", tmp_path / "manifest.csv").baseline
    assert as_good == Baseline("road", scores.mean_iou, scores.metrics["pixel_accuracy"].value)


def test_classes_that_no_label_has_are_named(model: Path, tmp_path: Path) -> None:
    """Their pixels are wrong pixels of the labelled classes; they are no classes of IoU 0 in the mean."""
    rows = write_rows(tmp_path, [[0, 0, 0, 2]])
    scores = score(model, rows, CLASSES, "sky", tmp_path / "manifest.csv")
    assert scores.strays == {"road": 4} and scores.support == {"sky": 3, "road": 0, "car": 1}


def test_scores_hold_the_evidence_and_survive_the_disk(model: Path, tmp_path: Path) -> None:
    """What was scored is named, and the file gives the same scores back."""
    rows = write_rows(tmp_path, [[0, 1, 2]])
    scores = score(model, rows, CLASSES, "sky", tmp_path / "manifest.csv")
    scores.write(tmp_path / "scores.json")
    assert scores.evidence == evidence_of(model, rows, tmp_path / "manifest.csv")
    np.testing.assert_equal(asdict(Scores.read(tmp_path / "scores.json")), asdict(scores))  # nan is itself here


def test_only_test_rows_are_scored(model: Path, tmp_path: Path) -> None:
    """Rows of other splits are not even read."""
    rows = write_rows(tmp_path, [[0, 1]])
    other = replace(rows[0], split="train", image=tmp_path / "missing.png")
    assert score(model, [other, *rows], CLASSES, "sky", tmp_path / "manifest.csv").num_images == 1


def test_empty_test_split_is_refused(tmp_path: Path) -> None:
    """There is no score without a test image."""
    with pytest.raises(DataError, match="none of 1 samples is in the split test; raise validate.split.test"):
        select_test(write_rows(tmp_path, [[0]], split="val"))


def test_model_of_other_classes_is_refused(model: Path, tmp_path: Path) -> None:
    """The same names in another order are other classes: ids would mean something else."""
    other = replace(CLASSES, names=("road", "sky", "car"))
    with pytest.raises(EvidenceError, match="model's classes are .'sky', 'road', 'car'., the data set's are .'road'"):
        score(model, write_rows(tmp_path, [[0]]), other, "sky", tmp_path / "manifest.csv")


def test_wrong_id_names_the_file(model: Path, tmp_path: Path) -> None:
    """A mask that changed since it was validated is named."""
    rows = write_rows(tmp_path, [[0, 7]])
    with pytest.raises(DataError, match="mask0.png: mask has id 7 in 1 pixels; .* run the stage `validate` again"):
        score(model, rows, CLASSES, "sky", tmp_path / "manifest.csv")


def test_test_files_that_were_not_validated_are_named(tmp_path: Path) -> None:
    """A changed or missing file of the test split is refused; those of other splits are not looked at."""
    row = write_rows(tmp_path, [[0, 1]])[0]
    true = replace(row, image_md5=md5_of(row.image), mask_md5=md5_of(row.mask))
    check_test_split([true, replace(row, split="train")])
    for wrong in (replace(true, mask_md5="x"), replace(true, mask=tmp_path / "gone.png")):
        with pytest.raises(EvidenceError, match=r"png: is not the file that was validated; run `dvc repro validate`"):
            check_test_split([true, wrong])


def test_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    """A mask of another size than its image is not scored."""
    row = write_rows(tmp_path, [[0, 1]])[0]
    write_png(row.mask, np.zeros((3, 3), np.uint8))
    with pytest.raises(DataError, match=r"mask0.png: mask is \(3, 3\), image is \(1, 2\); the data changed"):
        read_pair(row)


def test_majority_class() -> None:
    """The class with the most pixels; of equals the first in the class list, not in the counts."""
    assert majority_class({"car": 5, "road": 9, "sky": 1}, CLASSES) == "road"
    assert majority_class({"car": 5, "road": 5, "sky": 5}, CLASSES) == "sky"


def test_pixels_of_other_classes_are_refused() -> None:
    """Counts of another data set do not make a floor for this one."""
    with pytest.raises(EvidenceError, match="pixels are counted for .'cat'., the data set has .'sky', 'road', 'car'."):
        majority_class({"cat": 5}, CLASSES)
