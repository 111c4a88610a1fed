"""Leakage: images of today's test split that a registered model was trained or chosen on.

A group moves between the splits if their shares in the params change. A score on training images is optimistic.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest
from pipeline.registry.client import Version, opened

STORED = f"validate/{MANIFEST.name}"
"""The manifest in the version's run, as `register` stores it."""


def count_leaked(version: Version, rows: Iterable[ManifestRow]) -> int | None:
    """Counts the test images among `rows` whose bytes were in the version's train or val split.

    Returns:
        None if the version's run has no manifest.

    Raises:
        EvidenceError: the manifest there is damaged.
        RegistryError: MLflow cannot be reached.
    """
    with opened() as (mlflow, client), TemporaryDirectory() as temporary:
        if STORED not in {file.path for file in client.list_artifacts(version.run_id, Path(STORED).parent.name)}:
            return None
        path = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=STORED, dst_path=temporary)
        stored = read_manifest(Path(path))
    known = {row.image_md5 for row in stored if row.split != "test"}
    return sum(row.split == "test" and row.image_md5 in known for row in rows)
