"""Which of today's test images a registered model has seen before: in the train or val split that it was made with.

A group moves between the splits when their shares in the params change, and a score on what was learnt flatters.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest
from pipeline.registry.client import Version, opened

STORED = f"validate/{MANIFEST.name}"
"""Where `register` keeps the manifest in the version's run."""


def count_seen(version: Version, rows: Iterable[ManifestRow]) -> int | None:
    """Test images among the `rows` whose bytes were in the version's train or val split.

    Returns:
        None where the version's run holds no manifest.

    Raises:
        EvidenceError: the manifest there is damaged.
        RegistryError: MLflow cannot be reached.
    """
    with opened() as (mlflow, client), TemporaryDirectory() as temporary:
        if STORED not in {file.path for file in client.list_artifacts(version.run_id, Path(STORED).parent.name)}:
            return None
        path = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=STORED, dst_path=temporary)
        stored = read_manifest(Path(path))
    seen = {row.image_md5 for row in stored if row.split != "test"}
    return sum(row.split == "test" and row.image_md5 in seen for row in rows)
