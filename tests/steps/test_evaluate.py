"""Tests of the stage `evaluate`."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList, Sample, write_contract
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest, write_manifest
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.table import METRICS
from pipeline.evaluation.scores import SCORES, Scores
from pipeline.params import BootstrapParams, EvaluateParams
from pipeline.serving.model_card import MODEL, Postprocess
from pipeline.serving.predictor import Predictor
from pipeline.steps import evaluate as step
from pipeline.vision.codec import read_image, write_png
from pipeline.vision.drawing import OPACITY
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.services

CLASSES = ClassList(("sky", "road", "car"), ((0, 0, 255), (90, 90, 90), (200, 0, 0)), 255)
FINGERPRINT = Fingerprint(CLASSES, (8, 8), {}, (0, 0, 0), (1, 1, 1), {"sky": 9, "road": 5, "car": 1}, {})
PARAMS = EvaluateParams(
    num_worst_overlays=2,
    num_random_overlays=3,
    num_suspects=1,
    seed=0,
    boundary_width=0.1,
    boundary_tolerance_px=1,
    suspect_confidence=0.9,
    suspect_min_area_px=20,
    bootstrap=BootstrapParams(unit="image", num_resamples=200, seed=0, confidence=0.95, min_units=3),
)
SHARES_OF_ROAD = (0.5, 0.1, 0.9, 0.3)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose model says "road" everywhere; the test images have the shares of road named above."""
    monkeypatch.chdir(tmp_path)
    rows = [make_row(index, share) for index, share in enumerate(SHARES_OF_ROAD)]
    write_manifest(MANIFEST, [*rows, replace(rows[0], name="trained_on", split="train")])
    write_contract(Path("data"), CLASSES, [Sample(row.name, row.image, row.mask, "g", "test") for row in rows])
    write_tiny_model(MODEL, CLASSES, favourite=1)
    return tmp_path


def make_row(index: int, share_of_road: float) -> ManifestRow:
    """A sample of 10 x 8 pixels: road below, sky above, and one ignored pixel."""
    mask = np.zeros((10, 8), np.uint8)
    mask[round(10 * (1 - share_of_road)) :] = 1
    mask[0, 0] = 255
    image, path = Path(f"data/images/s{index}.png"), Path(f"data/masks/s{index}.png")
    write_png(image, np.full((10, 8, 3), 40 * index, np.uint8))
    write_png(path, mask)
    return ManifestRow(f"s{index}", image, path, "g", "test", 10, 8, md5_of(image), md5_of(path))


def evaluate() -> Scores:
    """Runs the stage's function on the project."""
    return step.evaluate(Predictor.read(MODEL), read_manifest(), CLASSES, FINGERPRINT, PARAMS, step.EVALUATE)


def validate_again() -> None:
    """Takes the test files as they are now for validated."""
    found = [replace(row, image_md5=md5_of(row.image), mask_md5=md5_of(row.mask)) for row in read_manifest()]
    write_manifest(MANIFEST, found)


def read_csv(name: str) -> list[dict[str, str]]:
    """The rows of a table that the stage wrote."""
    with (step.EVALUATE / name).open(newline="") as file:
        return list(csv.DictReader(file))


def md5_by_name() -> dict[str, str]:
    """Every file that the stage wrote."""
    files = sorted(path for path in step.EVALUATE.rglob("*") if path.is_file())
    return {str(path): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def test_everything_is_written_and_twice_the_same(project: Path) -> None:
    """Scores, tables, pictures and report are there, with equal bytes after a second run."""
    scores = evaluate()
    first = md5_by_name()
    assert Scores.read(SCORES).mean_iou == scores.mean_iou
    assert scores.baseline.class_name == "sky"
    names = {str(Path(name).relative_to(step.EVALUATE)) for name in first}
    tables = {"scores.json", "per_image.csv", "per_class.csv", "confusion.csv", "suspects.csv"}
    overlays = {
        f"overlays/{name}" for name in ("legend.svg", "overlays.csv", "worst_01.jpg", "worst_02.jpg", "suspect_01.jpg")
    }
    assert tables | overlays | {"confusion.svg"} <= names
    assert len([name for name in names if name.startswith("overlays/random_")]) == 3
    evaluate()
    assert md5_by_name() == first


def test_counts_of_each_image_add_up_to_the_scores(project: Path) -> None:
    """per_image.csv has a row for each test image, and its pairs add up to confusion.csv."""
    evaluate()
    images = read_csv("per_image.csv")
    with (step.EVALUATE / "confusion.csv").open(newline="") as file:
        pooled = {row["target"]: row for row in csv.DictReader(file)}
    assert [image["name"] for image in images] == ["s0", "s1", "s2", "s3"]
    assert (images[1]["num_counted"], images[1]["num_ignored"], images[1]["height"]) == ("79", "1", "10")
    assert float(images[1]["pixel_accuracy"]) == pytest.approx(8 / 79) and images[1]["brightness"] == "40.0"
    assert ImageTable.read(step.EVALUATE / "per_image.csv").class_names == CLASSES.names
    for target in CLASSES.names:
        for pred in CLASSES.names:
            assert sum(int(image[f"{target}>{pred}"]) for image in images) == int(pooled[target][pred])


def test_the_details_are_measured(project: Path) -> None:
    """Intervals, boundaries, calibration and slices are in the scores' file, whole."""
    scores = evaluate()
    scores.write(project / "again.json")
    assert (project / "again.json").read_bytes() == SCORES.read_bytes()
    iou, boundary_f1 = scores.metrics["mean_iou"], scores.metrics["boundary_f1"].by_class
    assert iou.interval.is_shown and not iou.intervals["car"].is_shown and iou.interval.estimate == scores.mean_iou
    assert scores.metrics["boundary_iou"].by_class["sky"] == boundary_f1["sky"] == 0 and np.isnan(boundary_f1["car"])
    assert scores.metrics["calibration_error"].value == pytest.approx(1 - scores.metrics["pixel_accuracy"].value)
    assert list(scores.metrics) == list(METRICS)
    assert [part.key for part in scores.slices] == [
        "group/g",
        *("brightness/dark", "brightness/medium", "brightness/bright"),
    ]


def test_suspects_are_listed_and_ignored_pixels_are_none(project: Path) -> None:
    """A model that is sure of road everywhere suspects every sky that is large enough, without the ignored pixel."""
    evaluate()
    suspects = read_csv("suspects.csv")
    assert [(row["name"], row["num_pixels"]) for row in suspects] == [("s1", "71"), ("s3", "55"), ("s0", "39")]
    assert {(row["label"], row["predicted"]) for row in suspects} == {("sky", "road")}


def test_classes_have_their_intervals_and_boundaries_beside_them(project: Path) -> None:
    """per_class.csv tells all that is known of a class; what is not shown is empty."""
    scores = evaluate()
    rows = {row["class"]: row for row in read_csv("per_class.csv")}
    assert float(rows["road"]["iou_low"]) == scores.metrics["mean_iou"].intervals["road"].low
    assert float(rows["road"]["boundary_f1"]) == scores.metrics["boundary_f1"].by_class["road"]
    assert rows["car"]["iou_high"] == rows["car"]["boundary_iou"] == ""
    plotted = {row["class"]: row["value"] for row in read_csv("by_class/mean_iou.csv")}
    assert plotted == {name: rows[name]["iou"] for name in CLASSES.names}


def test_the_program_tells_what_it_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The interval is reported, or why there is none."""
    scores = evaluate()
    assert "95% interval 0." in step.describe(scores)
    assert "by 4 images; few images (as good as 3 even ones), so it is rather too narrow" in step.describe(scores)
    sure = replace(scores, bootstrap=replace(scores.bootstrap, confidence=0.995))
    assert "99.5% interval 0." in step.describe(sure)
    few = replace(scores.metrics["mean_iou"], interval=Interval(0.5, np.nan, np.nan, 2))
    few_scores = replace(scores, metrics={"mean_iou": few})
    assert "no interval: the test split has 2 images, it takes 3" in step.describe(few_scores)


def test_nan_as_a_probability_is_refused(project: Path) -> None:
    """A model that answers nan is named, and nothing is written."""
    plain = Predictor.read(MODEL)
    nan = np.full((1, 10, 8, 3), np.nan, np.float32)
    broken = replace(plain, serve=lambda images: (np.ones((1, 10, 8), np.uint8), nan))
    with pytest.raises(EvidenceError, match="the model's probabilities range from nan to nan"):
        step.evaluate(broken, read_manifest(), CLASSES, FINGERPRINT, PARAMS, step.EVALUATE)
    assert not step.EVALUATE.exists()


def test_overlays_show_four_sides(project: Path) -> None:
    """A strip of image, truth (nearly all sky), prediction (road) and wrong pixels."""
    evaluate()
    strip = read_image(step.EVALUATE / "overlays/worst_01.jpg")
    assert strip.shape == (10, 4 * 8 + 3 * 6, 3)
    colours = np.array(CLASSES.colours[:2]) * OPACITY + 40 * (1 - OPACITY)
    for first, id_ in ((14, 0), (28, 1)):
        found = strip[2:8, first + 2 : first + 6].mean(axis=(0, 1))
        assert np.linalg.norm(found - colours, axis=1).argmin() == id_


def test_overlays_say_whose_they_are(project: Path) -> None:
    """The lowest mean IoU first, the most suspected pixels first, the random ones as drawn."""
    evaluate()
    found = [(row["kind"], row["rank"], row["name"]) for row in read_csv("overlays/overlays.csv")]
    test = [row for row in read_manifest() if row.split == "test"]
    drawn = [row.name for row in step.choose_random(test, 3, 0)]
    assert found[:3] == [("worst", "1", "s1"), ("worst", "2", "s3"), ("suspect", "1", "s1")]
    assert found[3:] == [("random", str(rank), name) for rank, name in enumerate(drawn, start=1)]


def test_any_name_can_be_shown(project: Path) -> None:
    """No file has a sample's name: that may be too long for one, or hold what an address may not."""
    rows = read_manifest()
    write_manifest(MANIFEST, [replace(row, name=f"a#%41{row.name}" + 240 * "x") for row in rows])
    evaluate()
    assert {path.stem for path in (step.EVALUATE / "overlays").glob("*.jpg")} == {
        *("worst_01", "worst_02", "suspect_01", "random_01", "random_02", "random_03"),
    }
    assert len(read_csv("overlays/overlays.csv")) == 6


def test_the_model_is_asked_once_an_image(project: Path) -> None:
    """Images that are shown are not predicted again."""
    plain = Predictor.read(MODEL)
    serve = Mock(side_effect=plain.serve)
    step.evaluate(replace(plain, serve=serve), read_manifest(), CLASSES, FINGERPRINT, PARAMS, step.EVALUATE)
    assert serve.call_count == len(SHARES_OF_ROAD)


def test_cleaning_of_the_card_is_scored_too(project: Path) -> None:
    """What is scored is what users get: with the cleaning that the model's card asks for."""
    pred = np.ones((10, 8), np.uint8)
    pred[4, 4] = 2
    plain = Predictor.read(MODEL)
    speckled = replace(plain, serve=lambda images: (pred[np.newaxis], np.eye(3, dtype=np.float32)[pred][np.newaxis]))
    cleaning = replace(speckled, card=replace(plain.card, postprocess=Postprocess(0, 0, 5)))
    num_cars = []
    for predictor in (speckled, cleaning):
        scores = step.evaluate(predictor, read_manifest(), CLASSES, FINGERPRINT, PARAMS, step.EVALUATE)
        num_cars.append(0 if np.isnan(scores.iou["car"]) else 1)
    assert num_cars == [1, 0]


def test_image_that_is_wholly_ignored_has_no_score(project: Path) -> None:
    """It is in the table with empty cells, is no unit of an interval, and never among the worst."""
    mask = read_manifest()[1].mask
    write_png(mask, np.full((10, 8), 255, np.uint8))
    validate_again()
    scores = evaluate()
    assert (scores.metrics["mean_iou"].interval.num_units, scores.bootstrap.num_left_out) == (3, 1)
    assert "\n1 image of the test split without a counted pixel is left out\n" in step.describe(scores)
    assert read_csv("per_image.csv")[1]["mean_iou"] == ""
    assert [row["name"] for row in read_csv("overlays/overlays.csv") if row["kind"] == "worst"] == ["s3", "s0"]


def test_failure_leaves_the_old_folder(project: Path) -> None:
    """A run that fails half way replaces nothing and leaves nothing behind."""
    evaluate()
    before = md5_by_name()
    read_manifest()[3].image.write_bytes(b"no picture")
    validate_again()
    with pytest.raises(DataError, match="s3.png: cannot be decoded"):
        evaluate()
    assert md5_by_name() == before
    assert not Path("work/.evaluate.part").exists()


@pytest.mark.parametrize("side", ["image", "mask"])
def test_files_that_changed_since_they_were_validated_are_refused(project: Path, side: str) -> None:
    """Scores of other files than the manifest's would be reported as the manifest's."""
    path: Path = getattr(read_manifest()[1], side)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(EvidenceError, match=f"{path}: is not the file that was validated; run `dvc repro validate`"):
        evaluate()
    assert not step.EVALUATE.exists()


def test_empty_test_split_is_refused(project: Path) -> None:
    """Without a test image there is no score."""
    with pytest.raises(DataError, match="none of 0 samples is in the split test"):
        step.evaluate(Predictor.read(MODEL), [], CLASSES, FINGERPRINT, PARAMS, step.EVALUATE)


def test_model_of_other_classes_is_refused(project: Path) -> None:
    """A model that was trained for other classes gets no score."""
    write_tiny_model(MODEL, replace(CLASSES, names=("sky", "road", "bus")))
    with pytest.raises(EvidenceError, match="the model's classes are .*'bus'.*, the data set's are .*'car'"):
        evaluate()


def test_random_choice_follows_from_the_seed(project: Path) -> None:
    """The same seed draws the same images, without any twice; more are drawn by going on."""
    rows = read_manifest()
    assert step.choose_random(rows, 3, 1) == step.choose_random(rows, 5, 1)[:3]
    assert len({row.name for row in step.choose_random(rows, 99, 1)}) == len(rows)
    assert step.choose_random(rows, 0, 1) == []
