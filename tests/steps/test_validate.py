"""The stage `validate`, on data with every fault that we know of."""

import csv
import json
import os
import re
import shutil
import subprocess
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.dataset.contract import Sample, list_samples, write_contract
from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.versions import add_data, is_fresh
from pipeline.disk.files import md5_of
from pipeline.disk.records import read_rows
from pipeline.errors import DataError, ParamsError
from pipeline.params import ValidateParams
from pipeline.steps.validate import Report, main, validate
from pipeline.validation.findings import DataFinding
from pipeline.vision.codec import encode_jpeg, encode_png, read_image, write_png
from pipeline.vision.resize import resize_image
from tests.bombs import write_bombs
from tests.drawn_data import CLASSES, SIZE, small_content, small_params, write_data

DATA, OUT = Path("data"), Path("out")
GROUND = np.zeros(SIZE, np.uint8)
BAD = {
    "s000": ("mask_present", "image has no mask of the same name"),
    "s001": ("image_present", "mask has no image of the same name"),
    "s002": ("image_decodes", "image cannot be decoded"),
    "s003": ("sizes_equal", r"mask is 20 x 20, image is 40 x 56.*export the mask again"),
    "s004": ("ids_declared", r"does not declare: 7 \(2240 px\)"),
    "s005": ("mask_has_one_channel", "mask has 3 channels"),
    "s006": ("mask_has_8_bits", "mask has pixels of uint16"),
    "s007": ("sizes_equal", r"mask is 40 x 56, image is 56 x 40.*unrotated picture \(EXIF orientation 6\)"),
    "s008": ("mask_labelled", "100.0% of the mask is ignored"),
    "s009": ("image_in_one_split", "in train and, as 's020', in val"),
    "s018": ("mask_decodes", "mask is empty"),
    "s019": ("mask_is_png", "mask is a .bmp file"),
}
ODD = {
    "s010": ("several_classes", "a single class, 'ground'"),
    "s011": ("no_transparency", "transparency, which is dropped"),
    "s012": ("whole_range", "16 bits but fills less than 1/16"),
    "s014": ("turn_proven", "EXIF orientation 3"),
    "s015": ("no_near_duplicate", "in train and looks like 's024' in test"),
    "s016": ("not_blank", "nearly black"),
    "s021": ("image_once", "in val twice, also as 's020'"),
}


def params(**changes: Any) -> ValidateParams:
    """The project's params with some changed."""
    return small_params().validate_.model_copy(update={"on_error": "quarantine"} | changes)


def rotate(path: Path, orientation: int) -> None:
    """Replaces an image by a JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(read_image(path)).save(path.with_suffix(".jpg"), exif=exif)
    path.unlink()


def write_faults(root: Path) -> None:
    """Writes a data set in which most samples of train are bad or odd."""
    write_data(root, num_train=20)
    images, masks = ([root / "data" / side / f"s{i:03}.png" for i in range(28)] for side in ("images", "masks"))
    masks[0].unlink()
    images[1].unlink()
    images[2].with_suffix(".jpg").write_bytes(encode_jpeg(read_image(images[2]), 95)[:800])
    images[2].unlink()
    write_png(masks[3], np.zeros((20, 20), np.uint8))
    write_png(masks[4], np.full(SIZE, 7, np.uint8))
    write_png(masks[5], read_image(images[5]))
    masks[6].write_bytes(encode_png(np.zeros(SIZE, np.uint16)))
    rotate(images[7], 6)
    write_png(masks[8], np.full(SIZE, 255, np.uint8))
    write_png(masks[10], GROUND)
    Image.fromarray(read_image(images[11])).convert("RGBA").save(images[11])
    images[12].write_bytes(encode_png(read_image(images[12]).astype(np.uint16)))
    images[13].write_bytes(encode_png(read_image(images[13]).astype(np.uint16) * 256))
    rotate(images[14], 3)
    write_png(images[15], resize_image(read_image(images[24]), (80, 112)))
    write_png(masks[15], np.repeat(np.repeat(np.eye(40, 56, dtype=np.uint8), 2, axis=0), 2, axis=1))
    write_png(images[16], np.zeros((*SIZE, 3), np.uint8))
    rotate(images[17], 6)
    Image.open(masks[17]).rotate(-90, expand=True).save(masks[17])
    masks[18].write_bytes(b"")
    Image.open(masks[19]).save(masks[19].with_suffix(".bmp"))
    masks[19].unlink()
    shutil.copy(images[20], images[9])
    shutil.copy(images[20], images[21])
    (root / "data" / "images" / "notes.txt").touch()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder whose data set is full of faults."""
    folder = tmp_path_factory.mktemp("faults")
    write_faults(folder)
    return folder


@pytest.fixture(scope="module")
def report(root: Path) -> Report:
    """The report when bad samples are left out."""
    before = md5_of(root / DATA)
    with chdir(root):
        found = validate(DATA, params(), OUT)
    assert md5_of(root / DATA) == before, "a file of the user was changed"
    return found


@pytest.mark.parametrize("name", BAD)
def test_bad_sample(report: Report, name: str) -> None:
    """Each fault is found by its check, with what was found and what to do, and it is the sample's only error."""
    check, words = BAD[name]
    (error,) = [one for one in report.findings if one.name == name and one.severity == "error"]
    assert error.check == check
    assert re.search(words, str(error))


@pytest.mark.parametrize("name", ODD)
def test_odd_sample(report: Report, name: str) -> None:
    """What is odd is a warning, and the sample is let through."""
    check, words = ODD[name]
    (warning,) = [one for one in report.findings if one.name == name]
    assert (warning.severity, warning.check) == ("warning", check) and words in warning.reason
    assert name in {row.name for row in report.rows}


def test_good_samples_have_no_finding(report: Report) -> None:
    """A 16-bit image, and an EXIF-rotated one whose mask fits it upright, are as good as any other."""
    assert {one.name for one in report.findings} == BAD.keys() | ODD.keys()
    rows = {row.name: row for row in report.rows}
    assert (rows["s017"].height, rows["s017"].width) == (56, 40)
    assert "s013" in rows


def test_what_is_written(root: Path, report: Report) -> None:
    """The manifest holds the good samples; the quarantine list, the findings and the pages tell of the bad."""
    rows = read_manifest(root / OUT / "manifest.csv")
    assert {row.name for row in rows} == {f"s{i:03}" for i in range(28)} - BAD.keys() and rows == report.rows
    assert rows[0].image == DATA / "images" / "s010.png"
    assert {one.name for one in read_rows(root / OUT / "quarantine.csv", DataFinding, "validate")} == BAD.keys()
    findings = json.loads((root / OUT / "findings.json").read_text())
    assert (findings["num_samples"], findings["num_quarantined"]) == (28, len(BAD))
    assert findings["num_good"] == {"train": 8, "val": 4, "test": 4}
    assert "data/images/notes.txt" in findings["notes"][0]
    assert (root / OUT / "data_docs" / "index.html").is_file()


@pytest.mark.e2e
def test_stop_tells_all_and_gives_no_manifest(root: Path, report: Report, tmp_path: Path) -> None:
    """With `stop` the whole set is looked at, the lists are left to read, and a former manifest is gone."""
    out = tmp_path / "out"
    shutil.copytree(root / OUT, out)
    with chdir(root), pytest.raises(DataError) as caught:
        validate(DATA, params(on_error="stop"), out)
    message = str(caught.value)
    assert message.startswith(f"data: {len(BAD)} of 28 samples are bad") and "validate.on_error: quarantine" in message
    assert f"{out}/quarantine.csv" in message and message.count("\n  data/") == 5 and "... and" in message
    assert {one.name for one in read_rows(out / "quarantine.csv", DataFinding, "validate")} == BAD.keys()
    assert not (out / "manifest.csv").exists() and (out / "data_docs" / "index.html").is_file()
    assert md5_of(out / "quarantine.csv") == md5_of(root / OUT / "quarantine.csv")


@pytest.mark.e2e
def test_same_bytes_again(root: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run with the notes of the first, and one without them and with one worker, write the same bytes."""
    monkeypatch.setenv("SEGLINE_WORKERS", "1")
    with chdir(root):
        validate(DATA, params(), Path("noted"))
        shutil.rmtree(".segline/scans")
        validate(DATA, params(), Path("again"))
    assert md5_of(root / "again") == md5_of(root / "noted") == md5_of(root / OUT)


def freeze(root: Path, **changes: dict[str, Any]) -> None:
    """Writes samples.csv with the group or split of some samples changed; `all` changes every one."""
    with chdir(root):
        samples = [replace(one, **changes.get("all", {}), **changes.get(one.name, {})) for one in list_samples(DATA)]
        write_contract(DATA, CLASSES, samples)


def messages(report: Report) -> list[tuple[str, str, str]]:
    """Name, check and severity of each finding."""
    return [(one.name, one.check, one.severity) for one in report.findings]


@pytest.fixture
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path, num_train=4, num_val=2, num_test=2)
    monkeypatch.chdir(tmp_path)


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_train_gives_way_to_test() -> None:
    """Of a group in two splits, and of near-duplicates when they are errors, train's samples are quarantined."""
    write_png(Path("data/images/s001.png"), read_image(Path("data/images/s007.png")) // 2 + 60)
    freeze(Path(), s000={"group": "street"}, s006={"group": "street"})
    report = validate(DATA, params(near_duplicates="error"), OUT)
    assert messages(report) == [("s000", "group_in_one_split", "error"), ("s001", "no_near_duplicate", "error")]
    assert "group 'street' is in train and in test" in report.findings[0].reason


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_known_groups_share_images(capsys: pytest.CaptureFixture[str]) -> None:
    """Between known groups a copy is a warning and near-duplicates are counted in a note; both are printed."""
    shutil.copy("data/images/s006.png", "data/images/s000.png")
    write_png(Path("data/images/s001.png"), read_image(Path("data/images/s007.png")) // 2 + 60)
    freeze(Path(), **{name: {"group": "street"} for name in ("s000", "s001", "s006", "s007")})
    report = validate(DATA, params(groups_in_several_splits=("street",), near_duplicates="error"), OUT)
    assert messages(report) == [("s000", "known_image_in_one_split", "warning")]
    assert report.notes == ["1 near-duplicates are between groups that are known to be in several splits"]
    out = capsys.readouterr().out
    assert report.notes[0] in out and "warning known_image_in_one_split: 1\n  data/images/s000.png: " in out


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_class_that_cannot_be_learned() -> None:
    """A class that train lacks stops the stage in any mode; val and test may lack one."""
    for number in range(8):
        mask = np.zeros(SIZE, np.uint8)
        mask[:9] = 1
        mask[9:12] = 2 if number in (4, 5) else 0
        write_png(Path(f"data/masks/s{number:03}.png"), mask)
    with pytest.raises(DataError, match=r"0 of 8 samples are bad, 1 errors.*\n.*class 'sign' is in no mask of train"):
        validate(DATA, params(), OUT)
    found = json.loads((OUT / "findings.json").read_text())["findings"]
    assert [(one["check"], one["severity"]) for one in found] == [
        ("class_in_train", "error"),
        ("class_in_test", "warning"),
    ]


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_split_without_samples() -> None:
    """A split that nothing falls into stops the stage, with advice; quarantine cannot repair it."""
    freeze(Path(), all={"split": "train"})
    with pytest.raises(DataError, match=r"split val has no sample; the set has 8 groups; name splits in the column"):
        validate(DATA, params(), OUT)
    assert (OUT / "quarantine.csv").read_text().count("\n") == 1
    assert not (OUT / "manifest.csv").exists()


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_all_samples_bad() -> None:
    """Masks that are all broken leave nothing to go on with, in any mode."""
    for path in Path("data/masks").iterdir():
        path.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"8 of 8 samples are bad.*(?s:.*)cannot be quarantined"):
        validate(DATA, params(), OUT)


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_masks_of_0_and_255_are_refused() -> None:
    """Copied into data/ by hand, their class would be ignored: some among others, and all of a set."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:20] = 255
    write_png(Path("data/masks/s000.png"), mask)
    report = validate(DATA, params(), OUT)
    assert messages(report)[0] == ("s000", "not_binary", "error")
    assert "50.0% of it, the ignore id 255" in report.findings[0].reason
    assert "`segline import folder ... --kind binary`" in report.findings[0].what_to_do
    for path in Path("data/masks").iterdir():
        write_png(path, mask)
    with pytest.raises(DataError, match=r"8 of 8 samples are bad.*(?s:.*)looks like a mask of 0 and 255"):
        validate(DATA, params(on_error="stop"), OUT)


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_background_with_the_usual_margin_is_sound() -> None:
    """All masks ignore their first rows; one without an object is as good, and more is a matter of the params."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:2] = 255
    write_png(Path("data/masks/s000.png"), mask)
    assert "not_binary" not in {check for _, check, _ in messages(validate(DATA, params(), OUT))}
    mask[:20] = 255
    write_png(Path("data/masks/s000.png"), mask)
    assert ("s000", "not_binary", "warning") in messages(validate(DATA, params(binary_looking_masks="warning"), OUT))


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_hostile_files_are_quarantined(tmp_path: Path) -> None:
    """A link out of data/, a pipe and a bomb are bad samples like any other; a link within data/ is a file."""
    images = [Path(f"data/images/s00{i}.png") for i in range(4)]
    images[0].rename(tmp_path / "elsewhere.png")
    images[0].symlink_to(tmp_path / "elsewhere.png")
    images[1].unlink()
    os.mkfifo(images[1])
    images[2].write_bytes(write_bombs(tmp_path / "bombs")[0].read_bytes())
    images[3].rename("data/kept.png")
    images[3].symlink_to("../kept.png")
    report = validate(DATA, params(), OUT)
    reasons = {one.name: one.reason for one in report.findings if one.severity == "error"}
    assert reasons.keys() == {"s000", "s001", "s002"}
    assert "is a link to" in reasons["s000"] and "outside of data" in reasons["s000"]
    assert "is a named pipe (FIFO)" in reasons["s001"]
    assert "claims 10,000,000,000 pixels" in reasons["s002"] and "(validate.max_image_px)" in reasons["s002"]
    assert "s003" in {row.name for row in report.rows}


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_limits_are_those_of_the_params() -> None:
    """Pixels and megabytes; all samples are beyond the first, none beyond the second."""
    with pytest.raises(
        DataError, match=r"claims 2,240 pixels in [\d,]+ bytes, the limit is 2,239 \(validate.max_image"
    ):
        validate(DATA, params(max_image_px=2239), OUT)
    with Path("data/images/s000.png").open("ab") as file:
        file.truncate(1_000_001)
    report = validate(DATA, params(max_image_px=2240, max_file_mb=1), OUT)
    assert [(one.name, one.reason) for one in report.findings if one.severity == "error"] == [
        ("s000", "image is 1.0 MB, the limit is 1.0 MB")
    ]


@pytest.mark.e2e
def test_data_that_is_not_what_its_version_says(project: Path) -> None:
    """A photo damaged in DVC's cache comes back by checkout; DVC finds nothing, the stage names photo and copy."""
    write_data(project, num_train=4, num_val=2, num_test=2)
    add_data()
    assert validate(DATA, params(), OUT).num_samples == 8
    photo = Path("data/images/s001.png")
    copy = project / f".dvc/cache/files/md5/{md5_of(photo)[:2]}/{md5_of(photo)[2:]}"
    copy.chmod(0o644)
    write_png(copy, read_image(photo)[::-1])
    copy.chmod(0o444)
    shutil.rmtree(DATA)
    subprocess.run(["dvc", "checkout", "--quiet"], check=True)
    assert is_fresh("data.dvc")
    with pytest.raises(
        DataError, match=r"0 of 8 samples are bad, 1 errors.*\n  data/images/s001.png: file is chan"
    ) as output:
        validate(DATA, params(), OUT)
    assert f"damaged in DVC's cache: delete it and {copy}, then `dvc pull`" in str(output.value)
    assert "if this is meant, keep it with `dvc add data`" in str(output.value)
    assert not (OUT / "manifest.csv").exists()


@pytest.mark.e2e
def test_links_into_the_cache_are_files(project: Path) -> None:
    """DVC can be set to link instead of copying."""
    write_data(project, num_train=4, num_val=2, num_test=2)
    subprocess.run(["dvc", "config", "cache.type", "symlink"], check=True)
    add_data()
    assert Path("data/images/s001.png").is_symlink()
    assert len(validate(DATA, params(), OUT).rows) == 8


def test_empty_folder(tmp_path: Path) -> None:
    """A folder without data says how to bring some in."""
    with pytest.raises(DataError, match="dataset.yaml: not found; bring data in with `segline import`"):
        validate(tmp_path, params(), tmp_path / "out")
    write_contract(tmp_path, CLASSES, list[Sample]())
    with pytest.raises(DataError, match="found no image in images/ and no mask in masks/; bring data in"):
        validate(tmp_path, params(), tmp_path / "out")


@pytest.mark.usefixtures("_small")
def test_a_group_that_is_not_there_is_refused() -> None:
    """A group that is known to be in several splits is one of the data set's, or a typing error."""
    freeze(Path(), all={"group": "street"})
    with pytest.raises(
        ParamsError, match="names 'stret', which is not a group of the data set, did you mean 'street'; "
    ):
        validate(DATA, params(groups_in_several_splits=("stret",)), OUT)


@pytest.mark.e2e
@pytest.mark.usefixtures("_small")
def test_program(capsys: pytest.CaptureFixture[str]) -> None:
    """The stage reads params.yaml and data/, and writes work/validate/; splits that are not given follow the group."""
    freeze(Path(), all={"split": ""})
    content = small_content()
    content["validate"]["split"] = {"val": 0.3, "test": 0.3}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    main()
    assert "8 of 8 samples are good" in capsys.readouterr().out
    with Path("work/validate/manifest.csv").open() as file:
        assert {row["split"] for row in csv.DictReader(file)} == {"train", "val", "test"}
