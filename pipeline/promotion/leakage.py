"""Leakage: images of today's test split that a registered model was trained or chosen on.

A group moves between the splits if their shares in the params change. A score on training images is optimistic.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest
from pipeline.registry.client import Version
from pipeline.registry.runs import find_file

STORED = f"validate/{MANIFEST.name}"  # in the version's run


def count_leaked(version: Version, rows: Iterable[ManifestRow]) -> int | None:
    """Counts the test images among `rows` whose bytes were in the version's train or val split.

    Returns:
        None if the version's run has no manifest.

    Raises:
        EvidenceError: the manifest there is damaged.
        RegistryError: MLflow cannot be reached.
    """
    with TemporaryDirectory() as temporary:
        path = find_file(version.run_id, Path(temporary), STORED)
        if path is None:
            return None
        stored = read_manifest(path)
    known = {row.image_md5 for row in stored if row.split in ("train", "val")}
    return sum(row.split == "test" and row.image_md5 in known for row in rows)
