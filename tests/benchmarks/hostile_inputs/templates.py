"""The projects that hostile inputs start from, made once and copied for each."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.vision.codec import write_png
from tests.conftest import ROOT, SETTINGS
from tests.contest import FREE, ROAD, SKY, register, write_contest
from tests.drawn_data import write_data
from tests.finished_project import commit, use_registry, write_project

SIZE = (16, 24)
CLASS_FILE = {"classes": [{"id": 0, "name": "ground"}, {"id": 1, "name": "box"}]}
NAMES = ("a", "b", "c", "d", "e")


def write_templates(folder: Path) -> None:
    """Makes a folder for each template."""
    makers = {
        "empty": _write_empty,
        "labelled": _write_labelled,
        "imported": _write_imported,
        "finished": _write_finished,
        "gated": _write_gated,
        "contest": _write_contest,
    }
    for name, make in makers.items():
        (folder / name).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder / name)
            make(folder / name, patch)


def _write_settings(root: Path) -> None:
    for name in (*SETTINGS, "dvc.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if not (root / name).exists():
            shutil.copy(ROOT / name, root / name)


def _write_empty(root: Path, _: pytest.MonkeyPatch) -> None:
    _write_settings(root)
    commit()


def _write_labelled(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Five photos with masks of two classes, not imported yet."""
    _write_empty(root, patch)
    random = np.random.default_rng(0)
    for name in NAMES:
        mask = np.zeros(SIZE, np.uint8)
        mask[4:12, 4 : 12 + int(random.integers(8))] = 1
        write_png(root / f"photos/{name}.png", random.integers(0, 256, (*SIZE, 3), np.uint8))
        write_png(root / f"labels/{name}.png", mask)
    (root / "classes.yaml").write_text(yaml.safe_dump(CLASS_FILE))


def _write_imported(root: Path, patch: pytest.MonkeyPatch) -> None:
    """A data folder of twelve drawn samples, without stages run."""
    _write_empty(root, patch)
    write_data(root, 6, 3, 3)
    shutil.rmtree(root / "work")


def _write_finished(root: Path, patch: pytest.MonkeyPatch) -> None:
    write_project(root, patch)
    use_registry(root, patch)
    for name in SETTINGS[:3]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "settings"], check=True)


def _write_gated(root: Path, patch: pytest.MonkeyPatch) -> None:
    """A finished project whose stage `gate` reads params, and can be run again."""
    _write_finished(root, patch)
    content = yaml.safe_load((root / "dvc.yaml").read_text())
    content["stages"]["gate"]["params"] = ["gate"]
    (root / "dvc.yaml").write_text(yaml.safe_dump(content))


def _write_contest(root: Path, patch: pytest.MonkeyPatch) -> None:
    """A registry with version 1, the champion, and version 2, a better challenger."""
    from pipeline.steps.promote import promote

    write_contest(root, patch, **FREE)
    _write_settings(root)
    register(SKY)
    promote()
    register(ROAD)
    shutil.rmtree(root / ".segline", ignore_errors=True)
    commit()
