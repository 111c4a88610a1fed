"""The scan: facts of images and masks, in this process and in others."""

import io
import multiprocessing
import os
import signal
from dataclasses import replace
from multiprocessing import resource_tracker, spawn
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset.contract import Sample, list_samples
from pipeline.errors import ParamsError, StageError
from pipeline.validation.scan import Facts, ImageFacts, MaskFacts, look_at, read_num_workers, scan
from pipeline.vision.codec import encode_jpeg, encode_png, write_png
from pipeline.vision.picture_files import Limits
from tests.drawn_data import draw, write_data

GREY = np.full((8, 12), 7, np.uint8)


def look_at_files(folder: Path, image: bytes, mask: bytes, suffix: str = ".png") -> Facts:
    """Facts of a sample made of these bytes."""
    paths = folder / f"image{suffix}", folder / "mask.png"
    for path, content in zip(paths, (image, mask), strict=True):
        path.write_bytes(content)
    return look_at(Sample("one", *paths, "group", "train"))


def saved(pixels: np.ndarray, kind: str = "PNG", orientation: int = 1, mode: str | None = None) -> bytes:
    """A picture as Pillow writes it, with an EXIF orientation."""
    exif, out, picture = Image.Exif(), io.BytesIO(), Image.fromarray(pixels)
    exif[0x112] = orientation
    (picture.convert(mode) if mode else picture).save(out, kind, exif=exif)
    return out.getvalue()


def image_facts(folder: Path, content: bytes, suffix: str = ".png") -> ImageFacts:
    """Facts of an image."""
    facts = look_at_files(folder, content, encode_png(GREY), suffix).image
    assert facts
    return facts


def mask_facts(folder: Path, content: bytes) -> MaskFacts:
    """Facts of a mask."""
    facts = look_at_files(folder, encode_png(GREY), content).mask
    assert facts
    return facts


def test_a_plain_image(tmp_path: Path) -> None:
    """An 8-bit RGB picture has nothing to remark on."""
    facts = image_facts(tmp_path, encode_png(np.full((8, 12, 3), (10, 20, 30), np.uint8)))
    assert (facts.size, facts.stored_size, facts.orientation) == ((8, 12), (8, 12), 1)
    assert (facts.has_alpha, facts.low_range, facts.brightness) == (False, False, 20.0)


def test_a_rotated_image_is_measured_upright(tmp_path: Path) -> None:
    """EXIF orientation 6 swaps height and width; the size as stored is kept, too."""
    facts = image_facts(tmp_path, saved(np.zeros((8, 12, 3), np.uint8), "JPEG", orientation=6), ".jpg")
    assert (facts.size, facts.stored_size, facts.orientation) == ((12, 8), (8, 12), 6)


def test_orientation_that_does_not_exist_is_upright(tmp_path: Path) -> None:
    """An EXIF orientation of 9 means nothing."""
    assert image_facts(tmp_path, saved(np.zeros((8, 12, 3), np.uint8), "JPEG", orientation=9), ".jpg").orientation == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_noted(tmp_path: Path, mode: str) -> None:
    """Colour and grey with alpha are distinguished from those without."""
    assert image_facts(tmp_path, saved(GREY, mode=mode)).has_alpha


@pytest.mark.parametrize(("highest", "low"), [(4000, True), (60000, False)])
def test_low_range_of_16_bits_is_noted(tmp_path: Path, highest: int, low: bool) -> None:
    """12-bit values in a 16-bit file would be nearly black."""
    ramp = np.linspace(0, highest, 96).reshape(8, 12).astype(np.uint16)
    assert image_facts(tmp_path, encode_png(ramp)).low_range is low


def test_a_header_that_pillow_cannot_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    """OpenCV reads a JPEG with a broken EXIF block; it counts as upright."""
    content = saved(np.zeros((8, 12, 3), np.uint8), "JPEG", orientation=6).replace(b"Exif\0\0MM", b"Exif\0\0XX")
    assert image_facts(tmp_path, content, ".jpg").orientation == 1


def test_a_mask_counts_its_ids(tmp_path: Path) -> None:
    """Every id is counted, also beyond one block of rows."""
    ids = np.arange(256, dtype=np.uint8).repeat(8192).reshape(2048, 1024)
    assert mask_facts(tmp_path, encode_png(ids)).pixels == dict.fromkeys(range(256), 8192)


@pytest.mark.parametrize(
    ("pixels", "num_channels", "depth"),
    [
        (np.zeros((8, 12, 3), np.uint8), 3, "uint8"),
        (np.zeros((8, 12), np.uint16), 1, "uint16"),
        (np.zeros((8, 12), bool), 1, "1 bit"),
    ],
)
def test_a_mask_that_breaks_the_contract(tmp_path: Path, pixels: np.ndarray, num_channels: int, depth: str) -> None:
    """Colours, 16 bits and 1 bit are reported, and no ids are counted."""
    facts = mask_facts(tmp_path, saved(pixels) if pixels.dtype == bool else encode_png(pixels))
    assert (facts.num_channels, facts.depth, facts.pixels) == (num_channels, depth, None)


def test_a_palette_mask_holds_ids(tmp_path: Path) -> None:
    """The index of a palette PNG is the id, whatever colour it shows."""
    assert mask_facts(tmp_path, saved(GREY, mode="P")).pixels == {7: GREY.size}


def test_files_that_do_not_decode_are_facts(tmp_path: Path) -> None:
    """The fault of a truncated image and mask is reported, not raised."""
    facts = look_at_files(tmp_path, encode_jpeg(draw(np.random.default_rng(0))[0], 95)[:700], b"", ".jpg")
    assert facts.image is None and "truncated" in facts.image_error
    assert facts.mask is None and "0 bytes" in facts.mask_error


def test_one_side_missing(tmp_path: Path) -> None:
    """A mask without an image is looked at all the same."""
    write_png(tmp_path / "mask.png", GREY)
    facts = look_at(Sample("one", None, tmp_path / "mask.png", "one", "train"))
    assert facts.image is None and facts.image_error == "" and facts.mask


@pytest.mark.e2e
def test_workers_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes give the facts of one, in the same order, and say how far they are."""
    write_data(tmp_path, num_train=56)
    samples = list_samples(tmp_path / "data")
    alone, together = (list(scan(samples, num_workers)) for num_workers in (1, 2))
    assert alone == together
    assert "validate: 64/64 samples" in capsys.readouterr().out


class Crashing(type(Path())):  # type: ignore[misc]
    """A file on which the decoder's process dies, as it does of a fault in a codec or when memory runs out."""

    def __fspath__(self) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


@pytest.mark.e2e
def test_a_file_that_crashes_the_decoder_is_named(tmp_path: Path) -> None:
    """It is a fact like any other fault; the other samples are looked at all the same, in order."""
    write_data(tmp_path, num_train=4)
    samples = list_samples(tmp_path / "data")
    samples[5] = replace(samples[5], image=Crashing(tmp_path / "data/images/s005.png"))
    facts = list(scan(samples, num_workers=2))
    assert [one.sample for one in facts] == samples
    assert [one.sample.name for one in facts if not (one.image and one.mask)] == ["s005"]
    assert "images/s005.png: cannot be decoded: the process that read this image and" in facts[5].image_error


@pytest.mark.e2e
def test_killed_workers_are_started_again(tmp_path: Path) -> None:
    """When the system kills all workers, no sample is lost and nothing waits for ever."""
    write_data(tmp_path, num_train=72)
    facts = scan(list_samples(tmp_path / "data"), num_workers=2)
    first = next(facts)
    for worker in multiprocessing.active_children():
        worker.kill()
    assert len([first, *facts]) == 80 and first.image


def test_processes_that_cannot_start_blame_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that cannot read anything ends, and quarantines nothing."""
    write_png(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    resource_tracker.ensure_running()  # a process of multiprocessing, too
    monkeypatch.setattr(spawn, "_python_exe", b"/bin/false")
    with pytest.raises(StageError, match="the processes that read the data end at their start"):
        list(scan([Sample("a", tmp_path / "a.png", None, "g", "")], 1))


def test_a_picture_beyond_the_limits_is_a_fact(tmp_path: Path) -> None:
    """Its header is enough to refuse it; the limits are those given."""
    for path in (tmp_path / "image.png", tmp_path / "mask.png"):
        write_png(path, GREY)
    sample = Sample("one", tmp_path / "image.png", tmp_path / "mask.png", "group", "train")
    assert "claims 96 pixels" in look_at(sample, Limits(95, 10_000)).image_error
    assert "MB, the limit is" in look_at(sample, Limits(96, 20)).mask_error
    assert look_at(sample, Limits(96, 10_000)).image


def test_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment, else from the machine."""
    monkeypatch.setenv("SEGLINE_WORKERS", "3")
    assert read_num_workers() == 3
    monkeypatch.delenv("SEGLINE_WORKERS")
    assert read_num_workers() >= 1


@pytest.mark.parametrize("text", ["0", "two", "-1"])
def test_wrong_number_of_workers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A text that is not a number of processes is refused."""
    monkeypatch.setenv("SEGLINE_WORKERS", text)
    with pytest.raises(ParamsError, match=f"SEGLINE_WORKERS is '{text}', expected 1 or more"):
        read_num_workers()
