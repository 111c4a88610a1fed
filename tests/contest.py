"""A registry and a test split of six groups, on which tiny models can be promoted."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.dataset.contract import write_contract
from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest, write_manifest
from pipeline.disk.files import md5_of
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import Evidence, md5_of_test_split
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.ledger import aliases
from pipeline.registry.client import Version, list_versions, set_alias
from pipeline.registry.connection import opened
from pipeline.registry.evidence import evidence_md5
from pipeline.registry.runs import create_run, create_version
from pipeline.runtime.stages import PARAMS
from pipeline.validation.hashes import HASHES, write_hashes
from tests.finished_project import CLASSES, ROOT, tiny_model, use_registry

SKY, ROAD = 0, 1
"""What a tiny model always says; its mean IoU on `write_split` is 0.125 or 0.375."""
FREE = {"class_margin": 1.0, "anchor": "none"}
"""Lets a model that always says road beat one that always says sky, which has lost all of the sky."""
LINEAGE = {"data_md5": "data", "params_md5": "params", "git_commit": "0" * 40, "dvc_lock_md5": "lock"}


def write_contest(root: Path, monkeypatch: pytest.MonkeyPatch, **promote: Any) -> None:
    """Fills the folder `root`, which becomes the current one, with a registry, a test split and the params.

    Args:
        root: empty folder.
        monkeypatch: undoes what is changed.
        promote: values of that section of the params.
    """
    monkeypatch.chdir(root)
    monkeypatch.setenv("SEGLINE_ACTOR", "tester")
    monkeypatch.setattr(aliases, "PAUSE_S", 0.01)
    use_registry(root, monkeypatch)
    write_split(root / "data", [2] * 6)
    params = yaml.safe_load((ROOT / PARAMS).read_text())
    params["promote"] |= promote
    PARAMS.write_text(yaml.safe_dump(params))


def write_split(data: Path, sky_rows: Sequence[int]) -> None:
    """Draws a test image of 8 x 8 pixels for each number of rows of sky above the road, each a group of its own."""
    rows = []
    for side in ("images", "masks"):
        (data / side).mkdir(parents=True, exist_ok=True)
    for index, num_rows in enumerate(sky_rows):
        mask = np.ones((8, 8), np.uint8)
        mask[:num_rows] = 0
        paths = [Path(f"data/{side}/{index}.png") for side in ("images", "masks")]
        Image.fromarray(np.full((8, 8, 3), index, np.uint8)).save(data.parent / paths[0])
        Image.fromarray(mask).save(data.parent / paths[1])
        md5s = [md5_of(data.parent / path) for path in paths]
        rows.append(ManifestRow(str(index), paths[0], paths[1], f"group {index}", "test", 8, 8, md5s[0], md5s[1]))
    write_contract(data, CLASSES, [])
    write_manifest(data.parent / MANIFEST, rows)
    write_hashes(data.parent / HASHES, {row.name: 0 for row in rows})  # flat pictures


def register(favourite: int, **tags: str) -> Version:
    """Registers a tiny model as the challenger, accepted by the gate unless the tags say otherwise."""
    model = tiny_model(favourite)
    origin = {"model_md5": md5_of(model), "test_md5": md5_of_test_split(read_manifest()), **LINEAGE}
    tags = {**origin, "verdict": "accepted", **tags}
    judged = Evidence(tags["model_md5"], "manifest", tags["test_md5"])
    run_id = create_run()
    with TemporaryDirectory() as folder, opened() as (_, client):
        path = Path(folder) / VERDICT.name
        Verdict(tags["verdict"] == "accepted", (Reason("evidence", {"problem": "made up"}),), None, None, judged).write(
            path
        )
        client.log_artifact(run_id, str(path), "gate")
        client.log_artifacts(run_id, str(MANIFEST.parent), "validate")
        tags |= {"verdict_md5": md5_of(path)}
    version = create_version(run_id, model, "", {**tags, "evidence_md5": evidence_md5(tags)})
    set_alias("challenger", version)
    return version


def number_by_alias() -> dict[str, int]:
    """The version that each alias points to."""
    return {alias: version.number for version in list_versions() for alias in version.aliases}
