"""Tests of bringing data in."""

import errno
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.dataset.versions import add_data, is_fresh, read_data_md5
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, StageError
from pipeline.importers.demo.scenes import CLASSES
from pipeline.steps.import_ import Imported, import_data
from pipeline.vision.codec import encode_jpeg, encode_png, read_image, read_mask, write_png
from tests.bombs import write_bombs

ROOT = Path(__file__).parents[2]
DATA = Path("data")
GREEN = np.full((6, 8, 3), (0, 200, 0), np.uint8)
IDS = np.array([[0, 1, 2, 255]] * 6, np.uint8).repeat(2, axis=1)
NAMES = ("north/a", "north/b", "south/a")


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _write_folder(mask: np.ndarray = IDS, suffix: str = "") -> None:
    for number, name in enumerate(NAMES):
        Path("images", name).parent.mkdir(parents=True, exist_ok=True)
        Path("images", f"{name}.jpg").write_bytes(encode_jpeg(GREEN + np.uint8(9 * number), 90))
        write_png(Path("masks", f"{name}{suffix}.png"), mask)
    Path("classes.json").write_text(json.dumps({"classes": CLASSES.to_dict()["classes"][:3]}))


def _import() -> Imported:
    return import_data("folder", "images", "masks", classes=Path("classes.json"))


def _write_camvid(top_id: int = 11) -> None:
    for place, name in (("train", "0001TP_1"), ("train", "0006R0_1"), ("val", "0016E5_1"), ("val", "0016E5_2")):
        write_png(Path("camvid", place, f"{name}.png"), GREEN)
        write_png(Path("camvid", f"{place}annot", f"{name}.png"), np.array([[0, 8, 10, top_id] * 2] * 6, np.uint8))


def _left_beside() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.name.startswith(".data"))


@pytest.mark.e2e
def test_data_dvc_names_the_demo() -> None:
    """The version in git is the demo data set, byte for byte, wherever it is drawn."""
    imported = import_data("demo")
    assert imported.num_samples == 240 and imported.num_classes == 6
    assert md5_of(DATA) == read_data_md5(ROOT / "data")


def test_the_demo_follows_from_its_seed(tmp_path: Path) -> None:
    """The same seed gives the same bytes; more images change none of the first ones; groups are streets."""
    for folder, seed, num_images in (("a", 3, 4), ("b", 3, 4), ("c", 4, 4), ("d", 3, 3)):
        import_data("demo", seed=seed, num_images=num_images, data=tmp_path / folder)
    assert md5_of(tmp_path / "a") == md5_of(tmp_path / "b") != md5_of(tmp_path / "c")
    samples = list_samples(tmp_path / "d")
    assert [(sample.name, sample.group) for sample in samples[:2]] == [("abbey_000", "abbey"), ("birch_000", "birch")]
    for sample in samples:
        assert sample.image and sample.image.read_bytes() == (tmp_path / "a/images" / sample.image.name).read_bytes()


def test_camvid_is_frozen_and_void_ignored() -> None:
    """Splits and groups as its README says, images byte for byte; three of the eleven classes are there."""
    _write_camvid()
    imported = import_data("camvid", Path("camvid"))
    assert imported.num_by_split == {"train": 1, "test": 1, "val": 2} and imported.num_classes == 3
    samples = {sample.name: sample for sample in list_samples()}
    assert (samples["0006R0_1"].split, samples["0006R0_1"].group) == ("test", "0006R0")
    assert (DATA / "images/0001TP_1.png").read_bytes() == Path("camvid/train/0001TP_1.png").read_bytes()
    assert_array_equal(read_mask(DATA / "masks/0001TP_1.png")[0], [0, 1, 2, 255] * 2)
    assert "no mask holds were left out, the others have new ids: building, fence, pavement" in imported.notes[0]


def test_camvid_with_an_unknown_id_is_refused() -> None:
    """Before anything is written."""
    _write_camvid(top_id=12)
    with pytest.raises(DataError, match=r"(?s)4 of 4 masks.*0001TP_1.png: value 12 on 12 pixels is not declared"):
        import_data("camvid", Path("camvid"))
    assert not DATA.exists() and not _left_beside()


def test_a_folder_of_index_masks() -> None:
    """Paths become names; images stay as they are; the contract can be read."""
    _write_folder()
    imported = _import()
    assert imported.num_by_split == {"by group": 3} and imported.notes[0] == "masks were read as index masks"
    assert [sample.name for sample in list_samples()] == ["north__a", "north__b", "south__a"]
    assert (DATA / "images/north__a.jpg").read_bytes() == Path("images/north/a.jpg").read_bytes()
    assert_array_equal(read_mask(DATA / "masks/south__a.png"), IDS)
    assert (
        read_class_list().names == CLASSES.names[:3] and read_image(DATA / "images/south__a.jpg").shape == GREEN.shape
    )


def test_a_folder_of_colour_masks_with_suffix_and_groups() -> None:
    """Colours become ids; groups follow from the path and splits from a table."""
    _write_folder(np.array(CLASSES.colours, np.uint8)[IDS.clip(0, 2)], "_gt")
    Path("samples.csv").write_text("name,split\nsouth/a.jpg,test\n")
    options: dict[str, Any] = {
        "kind": "colour",
        "mask_suffix": "_gt",
        "group": "^([^/]+)/",
        "samples": Path("samples.csv"),
    }
    imported = import_data("folder", "images", "masks", classes=Path("classes.json"), **options)
    assert imported.num_by_split == {"by group": 2, "test": 1}
    assert [(sample.group, sample.split) for sample in list_samples()] == [
        ("north", ""),
        ("north", ""),
        ("south", "test"),
    ]
    assert_array_equal(read_mask(DATA / "masks/north__a.png"), IDS.clip(0, 2))
    assert imported.notes == ["data has no version yet: run `dvc init` and `dvc add data`"]


def test_a_folder_of_binary_masks() -> None:
    """Black and white become 0 and 1; the notes say what was decided."""
    _write_folder(np.array([[0, 255] * 4], np.uint8).repeat(6, axis=0))
    Path("images/readme.txt").touch()
    Path("images/.hidden.png").touch()
    Path("classes.txt").write_text("ground\nbox\n")
    notes = import_data("folder", "images", "masks", classes=Path("classes.txt")).notes
    assert_array_equal(read_mask(DATA / "masks/north__a.png"), [[0, 1] * 4] * 6)
    assert notes[0] == "masks were read as binary masks" and "no groups were given" in notes[1]
    assert notes[2] == "files next to the images that are not pictures were left out: 1"
    assert notes[3] == "hidden pictures, whose names begin with a dot, were left out: 1"


def test_bad_input_writes_nothing() -> None:
    """A mask that cannot be decoded, an image that is gone and one that links to nowhere are refused."""
    _write_folder()
    Path("masks/north/a.png").write_bytes(b"")
    with pytest.raises(DataError, match="1 of 3 masks.*\n.*masks/north/a.png: is empty"):
        _import()
    Path("images/north/a.jpg").unlink()
    with pytest.raises(DataError, match="masks: 1 of 3 masks have no image: north/a.png"):
        _import()
    Path("images/north/a.jpg").symlink_to("nowhere")
    with pytest.raises(DataError, match="images/north/a.jpg: is a link that leads nowhere"):
        _import()
    assert not DATA.exists() and not _left_beside()


def test_what_is_no_picture_is_never_copied() -> None:
    """Each image is decoded first; all that fail are named, nothing is written, and no secret is in the message."""
    _write_folder()
    Path("images/north/a.jpg").write_text("SECRET=1")
    Path("images/south/a.jpg").write_bytes(encode_jpeg(GREEN, 90)[:-20])
    with pytest.raises(DataError, match="2 of 3 images cannot be used; nothing was written") as caught:
        _import()
    assert "north/a.jpg: cannot be decoded" in str(caught.value) and "south/a.jpg: cannot be" in str(caught.value)
    assert "SECRET" not in str(caught.value) and not DATA.exists() and not _left_beside()


@pytest.mark.parametrize("target", ["/proc/self/environ", "/etc/passwd", "../../classes.json"])
@pytest.mark.parametrize("side", ["images/north/a.jpg", "masks/north/a.png"])
def test_a_link_out_of_the_folder_is_not_followed(side: str, target: str) -> None:
    """Files elsewhere come neither into data/ nor into DVC's cache."""
    _write_folder()
    Path(side).unlink()
    Path(side).symlink_to(target)
    with pytest.raises(DataError, match=f"{side}: is a link to .*, outside of"):
        _import()
    assert not DATA.exists() and not _left_beside()


def test_camvid_has_the_same_door() -> None:
    """Links and bombs among its frames are refused."""
    _write_camvid()
    Path("camvid/train/0001TP_1.png").unlink()
    Path("camvid/train/0001TP_1.png").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="train/0001TP_1.png: is a link to /etc/passwd, outside of camvid/train"):
        import_data("camvid", Path("camvid"))


def test_bombs_are_named_and_nothing_is_written() -> None:
    """Each image that claims too much, as an image; one of them as a mask."""
    _write_folder()
    bombs = write_bombs(Path("images"))
    for bomb in bombs:
        write_png(Path("masks", f"{bomb.stem}.png"), IDS)
    with pytest.raises(DataError, match="lossless.png is 6 x 8, the image 16384 x 16384"):
        _import()
    bombs = [bomb for bomb in bombs if bomb.stem != "lossless"]
    for side in ("images", "masks"):
        next(Path(side).glob("lossless.*")).unlink()
    with pytest.raises(
        DataError, match=rf"{len(bombs)} of {len(bombs) + 3} images cannot be used; nothing was written"
    ):
        _import()
    Path("masks/north/a.png").write_bytes(Path("images/palette.png").read_bytes())
    with pytest.raises(DataError, match=r"masks/north/a.png: claims 10,000,000,000 pixels"):
        _import()
    assert not DATA.exists() and not _left_beside()


def test_a_full_disk_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says that there is no space in the middle of the copy: a message, and no rest."""
    _write_folder()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(StageError, match="data: no space left on the disk, .*; data was not written"):
        _import()
    assert not DATA.exists() and not _left_beside()


def test_unversioned_data_is_kept() -> None:
    """Data that DVC was never given is not replaced."""
    _write_folder()
    (DATA / "images").mkdir(parents=True)
    (DATA / "images/mine.png").touch()
    imports: list[Callable[[], object]] = [
        lambda: import_data("demo", num_images=1),
        lambda: import_data("camvid", Path("none")),
        _import,
    ]
    for again in imports:
        with pytest.raises(DataError, match="data: exists and DVC holds no version of it; keep it with `dvc add data`"):
            again()
    assert (DATA / "images/mine.png").exists()


def test_an_empty_data_folder_is_in_nobodys_way() -> None:
    """It holds nothing to lose."""
    DATA.mkdir()
    assert import_data("demo", num_images=1).num_samples == 1


def test_versioned_data_is_replaced_and_can_be_had_back(project: Path) -> None:
    """An import adds its data; the next one replaces it; the former is in DVC's cache, also when that was emptied."""
    assert import_data("demo", num_images=2).notes == []
    former = md5_of(DATA)
    assert read_data_md5() == former and is_fresh("data.dvc")
    for file in (project / ".dvc/cache").rglob("*.dir"):
        file.unlink()
    imported = import_data("demo", seed=1, num_images=2)
    assert read_data_md5() == md5_of(DATA) != former
    (note,) = imported.notes
    assert note.startswith(f"replaces data of 2 samples, 6 classes (MD5 {former}); this brings it back: printf ")
    subprocess.run(note.partition("back: ")[2], shell=True, check=True, capture_output=True)
    assert md5_of(DATA) == former
    assert (project / f".dvc/cache/files/md5/{former[:2]}/{former[2:]}").exists()


def test_committed_data_is_brought_back_by_git(project: Path) -> None:
    """The note names the commit; the same data again replace nothing."""
    import_data("demo", num_images=2)
    former = read_data_md5()
    subprocess.run("git add -A && git -c user.name=a -c user.email=a@b commit -qm data", shell=True, check=True)
    assert import_data("demo", num_images=2).notes == []
    (note,) = import_data("demo", num_images=1).notes
    assert re.search(r"back: git checkout \w+ -- data.dvc && dvc checkout data.dvc$", note)
    subprocess.run(note.partition("back: ")[2], shell=True, check=True, capture_output=True)
    assert read_data_md5() == md5_of(DATA) == former


def test_changed_data_is_kept(project: Path) -> None:
    """A change since `dvc add` is in no cache."""
    import_data("demo", num_images=1)
    (DATA / "samples.csv").write_text("name,group\nabbey_000,corrected\n")
    with pytest.raises(DataError, match="data: has changed since data.dvc was written; keep the change with `dvc add"):
        import_data("demo", num_images=1)
    assert "corrected" in (DATA / "samples.csv").read_text()
    add_data()
    import_data("demo", num_images=1)
    assert "corrected" not in (DATA / "samples.csv").read_text()


@pytest.mark.e2e
@pytest.mark.services
def test_folders_of_an_object_store(s3: Any) -> None:
    """They are downloaded, brought in and swept away."""
    s3.create_bucket(Bucket="photos")
    for name in NAMES:
        s3.put_object(Bucket="photos", Key=f"v1/images/{name}.jpg", Body=encode_jpeg(GREEN, 90))
        s3.put_object(Bucket="photos", Key=f"v1/masks/{name}.png", Body=encode_png(IDS))
    _write_folder()
    folders = ("s3://photos/v1/images", "s3://photos/v1/masks/")
    assert import_data("folder", *folders, classes=Path("classes.json")).num_samples == 3
    assert_array_equal(read_mask(DATA / "masks/north__b.png"), IDS)
    assert not _left_beside()
