"""Notes of earlier scans: they save decoding, and never change a fact."""

import os
import shutil
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from pipeline.dataset.contract import Sample, list_samples
from pipeline.validation.scan import Facts, look_at
from pipeline.validation.scan_notes import CODE, read_notes, scan_changed
from pipeline.vision.codec import encode_png, read_image, write_png
from pipeline.vision.picture_files import HIGHEST, Limits
from tests.drawn_data import write_data
from tests.layout import ROOT

pytestmark = pytest.mark.e2e
NOTES = Path("notes")


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Eight samples, which a scan has looked at."""
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path, num_train=4, num_val=2, num_test=2)
    samples = list_samples()
    assert len(look(samples)) == 8
    return samples


def look(samples: list[Sample], limits: Limits = HIGHEST) -> list[Facts]:
    """The facts of a scan with notes, which are those of a scan without."""
    found = list(scan_changed(samples, 1, limits, NOTES))
    assert found == [look_at(sample, limits) for sample in samples]
    return found


def num_decoded(capsys: pytest.CaptureFixture[str]) -> int:
    """Samples that were decoded since the last call, from the last line of the progress."""
    counts = [line.split("/")[0].split()[-1] for line in capsys.readouterr().out.splitlines() if "compare" not in line]
    return int(counts[-1]) if counts else 0


def notes_file() -> Path:
    """The one file of notes."""
    (path,) = NOTES.iterdir()
    return path


def test_what_has_not_changed_is_not_decoded(samples: list[Sample], capsys: pytest.CaptureFixture[str]) -> None:
    """The same data, also under other names; a pair is decoded if one of its files is new, or goes with another."""
    look(samples)
    assert num_decoded(capsys) == 0
    Path("data/samples.csv").unlink()
    Path("data/images/s000.png").rename("data/images/t.png")
    Path("data/masks/s000.png").rename("data/masks/t.png")
    write_png(Path("data/images/s001.png"), read_image(Path("data/images/s002.png")) // 2)
    shutil.copy("data/masks/s003.png", "data/masks/s004.png")
    look(list_samples())
    assert num_decoded(capsys) == 2


def test_content_counts_and_not_size_and_time(samples: list[Sample]) -> None:
    """A pixel changed, with the size and the time of before, in a file without compression."""
    path = Path("data/images/s000.bmp")
    Image.fromarray(read_image(path.with_suffix(".png"))).save(path)
    path.with_suffix(".png").unlink()
    before, samples = path.stat(), list_samples()
    old = look(samples)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert look(samples) != old


@pytest.mark.parametrize("damage", ["cut", "flipped", "zeros", "empty", "text"])
def test_a_damaged_note_is_as_good_as_missing(
    samples: list[Sample], capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """Notes of a process that was killed while it wrote, of a bad disk, and of an editor."""
    content = notes_file().read_bytes()
    flipped = content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]
    damaged = {
        "cut": content[:-9],
        "flipped": flipped,
        "zeros": content + bytes(99),
        "empty": b"",
        "text": b"\nhello\n",
    }
    notes_file().write_bytes(damaged[damage])
    num_decoded(capsys)
    look(samples)
    assert num_decoded(capsys) == {"cut": 1, "flipped": 1, "zeros": 0, "empty": 8, "text": 8}[damage]
    look(samples)
    assert num_decoded(capsys) == 0


def test_a_scan_that_was_stopped_goes_on(samples: list[Sample], capsys: pytest.CaptureFixture[str]) -> None:
    """What it had given is noted."""
    notes_file().unlink()
    assert len(list(islice(scan_changed(samples, 1, folder=NOTES), 5))) == 5
    assert len(read_notes(notes_file())) == 5
    num_decoded(capsys)
    look(samples)
    assert num_decoded(capsys) == 3


def test_limits_and_places_are_looked_at_all_the_same(samples: list[Sample], tmp_path: Path) -> None:
    """A picture that was within the limits of before, and a file that became a link out of the folder."""
    assert look(samples, Limits(100, 1 << 20)) != look(samples)
    limits = Limits(1 << 20, 1 << 20, (Path("data"),))
    look(samples, limits)
    Path("data/images/s000.png").rename(tmp_path / "elsewhere.png")
    Path("data/images/s000.png").symlink_to(tmp_path / "elsewhere.png")
    assert "outside of data" in look(samples, limits)[0].image_error


def test_a_fault_and_a_missing_side_are_looked_at_again(samples: list[Sample]) -> None:
    """They are not noted, since their words hold the file's name."""
    Path("data/images/s000.png").write_bytes(b"x")
    Path("data/masks/s001.png").unlink()
    Path("data/masks/s002.png").write_bytes(encode_png(read_image(Path("data/images/s002.png"))))
    for _ in range(2):
        look(list_samples())


def test_notes_of_old_content_are_forgotten(samples: list[Sample]) -> None:
    """When they are more than those of the data set."""
    for shade in range(3):
        for sample in samples:
            assert sample.image
            write_png(sample.image, read_image(sample.image) // 2 + shade)
        look(samples)
    look(samples)
    assert len(read_notes(notes_file())) == 8


def test_the_code_that_makes_facts_is_there() -> None:
    """Notes are of one version of it."""
    assert all((ROOT / name).exists() for name in CODE)
