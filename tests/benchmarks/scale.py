"""The stage `validate` on many small images, whole and after a change of 1 % of them: speed, memory, share of the time.

`python -m tests.benchmarks.scale [NUM] [FOLDER]`: NUM images of 256 x 256, by default 100,000, drawn as JPEG with PNG
masks in groups of ten. In FOLDER they are kept and taken again. They are streets of the demo, flipped, turned in their
rows, with light and noise of their own: no two files are alike, and near-duplicates are as rare as among photos.
`data.dvc` and its list of MD5s are written as `dvc add` writes them, without copies in DVC's cache.

The last line is one JSON object. Besides the three of the issue it holds `limit`, images/s of decoding alone, pairs of
files read and decoded by OpenCV in as many processes as there are CPUs, on the same files, before and after the whole
run (mean). `peak_mb` is the sum over all processes, so that pages which they share are counted several times.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from pipeline.dataset.contract import Sample, write_contract
from pipeline.disk.files import md5_of, md5_of_listing
from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
from pipeline.vision.codec import encode_jpeg, encode_png
from pipeline.vision.opencv import cv2

ROOT = Path(__file__).parents[2]
DATA = Path("data")
NUM, NUM_BASES, GROUP, BLOCK = 100_000, 200, 10, 500
SIDE_PX, QUALITY = 256, 90
CHANGED_SHARE = 0.01
NUM_DECODED = 4000
INTERVAL_S = 0.1


@cache
def draw_bases() -> list[tuple[np.ndarray, np.ndarray]]:
    """Streets with their masks, 256 x 256."""
    scenes = [draw_scene(0, STREETS[index % len(STREETS)], index // len(STREETS)) for index in range(NUM_BASES)]
    size = SIDE_PX, SIDE_PX
    return [
        (cv2.resize(image, size), cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)) for image, mask in scenes
    ]


def write_pair(folder: Path, index: int, version: int) -> dict[str, str]:
    """Writes image and mask of a sample; gives the MD5s by path below the data folder."""
    random = np.random.default_rng((index, version))
    image, mask = draw_bases()[random.integers(NUM_BASES)]
    step, flip = random.integers(SIDE_PX), random.integers(2)
    image, mask = (np.roll(part, step, axis=1)[:, :: 1 - 2 * flip] for part in (image, mask))
    light = cv2.resize(random.uniform(-60, 60, (9, 10)).astype(np.float32), (SIDE_PX, SIDE_PX))
    grain = random.integers(-4, 5, (SIDE_PX, SIDE_PX, 1), np.int8)
    image = np.clip(image + light[..., np.newaxis] + grain, 0, 255).astype(np.uint8)
    contents = {f"images/{index:06}.jpg": encode_jpeg(image, QUALITY), f"masks/{index:06}.png": encode_png(mask)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: md5_of(folder / name) for name in contents}


def write_block(folder: Path, indices: range, version: int) -> dict[str, str]:
    """Some samples, in a process of their own."""
    md5s: dict[str, str] = {}
    for index in indices:
        md5s |= write_pair(folder, index, version)
    return md5s


def draw(project: Path, indices: range, version: int) -> dict[str, str]:
    """Writes samples, in as many processes as there are CPUs; gives the MD5s of their files."""
    blocks = [indices[first : first + BLOCK] for first in range(0, len(indices), BLOCK)]
    md5s: dict[str, str] = {}
    with ProcessPoolExecutor() as pool:
        for written in pool.map(partial(write_block, project / DATA, version=version), blocks):
            md5s |= written
    return md5s


def write_version(project: Path, md5s: dict[str, str]) -> None:
    """Writes `data.dvc` and the list of files in DVC's cache."""
    files = md5s | {name: md5_of(project / DATA / name) for name in ("dataset.yaml", "samples.csv")}
    md5 = md5_of_listing(files)
    listing = project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps([{"md5": files[name], "relpath": name} for name in sorted(files)]))
    (project / "data.dvc").write_text(f"outs:\n- md5: {md5}\n  hash: md5\n  path: data\n")


def make_project(project: Path, num: int) -> None:
    """A project with its data set; one that is there already is taken as it is, but for what a run wrote."""
    project.mkdir(parents=True, exist_ok=True)
    for left in ("work", ".segline"):
        shutil.rmtree(project / left, ignore_errors=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, project)
    if (project / "md5s.json").exists():
        return
    for side in ("images", "masks"):
        (project / DATA / side).mkdir(parents=True)
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], cwd=project, check=True)
    md5s = draw(project, range(num), 0)
    names = [f"{index:06}" for index in range(num)]
    samples = [Sample(name, None, None, f"g{place // GROUP:05}", "") for place, name in enumerate(names)]
    write_contract(project / DATA, CLASSES, samples)
    write_version(project, md5s)
    (project / "md5s.json").write_text(json.dumps(md5s))


def change(project: Path, num: int) -> None:
    """Draws some images and masks again, so that 1 % are new."""
    every, version = round(1 / CHANGED_SHARE), time.time_ns()
    md5s = json.loads((project / "md5s.json").read_text()) | draw(project, range(0, num, every), version)
    write_version(project, md5s)
    (project / "md5s.json").write_text(json.dumps(md5s))


def decode(path: str) -> int:
    """The number of pixels of a pair of files that are read and decoded, and nothing else."""
    pixels = 0
    for file in (path, path.replace("images", "masks").replace(".jpg", ".png")):
        decoded = cv2.imdecode(np.frombuffer(Path(file).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        pixels += np.asarray(decoded).size
    return pixels


def decode_alone(project: Path) -> float:
    """Images/s of decoding alone."""
    files = sorted(map(str, (project / DATA / "images").iterdir()))[:NUM_DECODED]
    with ProcessPoolExecutor() as pool:
        sum(pool.map(decode, files[:64]))
        started = time.perf_counter()
        sum(pool.map(decode, files, chunksize=50))
        return len(files) / (time.perf_counter() - started)


class Run(NamedTuple):
    """Time, time of the processors, and the largest memory in MB of 10^6 bytes."""

    seconds: float
    processor_s: float
    peak_mb: float


def processor_s() -> float:
    """Time of the processors that all processes which have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tree(process: psutil.Process) -> Iterator[int]:
    for one in (process, *process.children(recursive=True)):
        try:
            yield one.memory_info().rss
        except psutil.NoSuchProcess:
            yield 0


def run(project: Path) -> Run:
    """Runs the stage with all of its processes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started, before, peak = time.perf_counter(), processor_s(), 0
    with subprocess.Popen([sys.executable, "-m", "pipeline.steps.validate"], cwd=project, env=environment) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, sum(_tree(process)))
            time.sleep(INTERVAL_S)
    assert child.returncode == 0, f"validate ended with {child.returncode}"
    return Run(time.perf_counter() - started, processor_s() - before, peak / 1e6)


def main() -> None:
    """Draws, measures, changes 1 % and measures again."""
    num = int(sys.argv[1]) if len(sys.argv) > 1 else NUM
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(sys.argv[2] if len(sys.argv) > 2 else temporary).absolute()
        make_project(project, num)
        limits = [decode_alone(project)]
        whole = run(project)
        limits.append(decode_alone(project))
        change(project, num)
        part = run(project)
    result = {
        "images_per_s": num / whole.seconds,
        "peak_mb": max(whole.peak_mb, part.peak_mb),
        "incremental_share": part.seconds / whole.seconds,
    }
    print(f"whole {whole}, 1 % new {part}, images/s of decoding before and after the first {limits}")
    print(json.dumps({name: round(value, 3) for name, value in (result | {"limit": sum(limits) / 2}).items()}))


if __name__ == "__main__":
    main()
