"""Which of today's test images a registered model has seen before: in the train or val split that it was made with.

A group moves between the splits when their shares in the params change, and a score on what was learnt flatters.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.dataset.manifest import MANIFEST, Row, read_manifest
from pipeline.registry.client import Version
from pipeline.registry.runs import find_file

STORED = f"validate/{MANIFEST.name}"
"""Where `register` keeps the manifest in the version's run."""


def count_seen(version: Version, rows: Iterable[Row]) -> int | None:
    """Test images among the `rows` whose bytes were in the version's train or val split.

    Returns:
        None where the version's run holds no manifest.

    Raises:
        EvidenceError: the manifest there is damaged.
        RegistryError: MLflow cannot be reached.
    """
    with TemporaryDirectory() as temporary:
        path = find_file(version.run_id, Path(temporary), STORED)
        if path is None:
            return None
        stored = read_manifest(path)
    seen = {row.image_md5 for row in stored if row.split != "test"}
    return sum(row.split == "test" and row.image_md5 in seen for row in rows)
