"""Binds the tags of a registered version: by the gate's verdict in its run, and by a hash of the tags themselves."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.registry.client import Version
from pipeline.registry.model_cache import MODEL_TAG, download_from, download_model
from pipeline.registry.run_contents import CONTENTS_TAG
from pipeline.text import shown

EVIDENCE_TAG, VERDICT_TAG, TEST_TAG = "evidence_md5", "verdict_md5", "test_md5"
BOUND = ("git_commit", "data_md5", "params_md5", "dvc_lock_md5", MODEL_TAG, VERDICT_TAG)
"""The tags that `evidence_md5` covers, besides `contents_md5` of a version that has it."""
STORED = f"gate/{VERDICT.name}"
"""Path of the verdict in the version's run."""


def evidence_md5(tags: Mapping[str, str]) -> str:
    """MD5 of the tags with a model's lineage, its MD5, the MD5 of the gate's verdict and that of the run's contents."""
    bound = (*BOUND, CONTENTS_TAG) if CONTENTS_TAG in tags else BOUND
    text = json.dumps({name: tags.get(name) for name in bound}, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def download_verified(version: Version) -> Path:
    """Downloads a version's model, and compares the version's tags with the model and with its run's verdict.

    Raises:
        EvidenceError: the tags are not those of this model, or not of this verdict.
        RegistryError: files of the version are gone, or are not those that were registered.
    """
    with TemporaryDirectory() as temporary:
        path = download_from(version, f"runs:/{version.run_id}/{STORED}", f"run's {STORED}", Path(temporary))
        try:
            against = list(_compare(version.tags, Verdict.read(path), md5_of(path)))
        except EvidenceError as err:
            raise EvidenceError(
                f"{version}: the verdict in its run is damaged; register the model again ({err})"
            ) from err
    if against:
        raise EvidenceError(
            f"{version}: its tags are not what was registered: {'; '.join(against)}; put the tags back from a backup, "
            "or register the model again"
        )
    return download_model(version)


def _compare(tags: Mapping[str, str], verdict: Verdict, verdict_md5: str) -> Iterator[str]:
    judged = verdict.evidence
    expected_tags = {
        VERDICT_TAG: verdict_md5,
        "verdict": "accepted" if verdict.accepted else "rejected",
        MODEL_TAG: judged.model_md5 if judged else None,
        TEST_TAG: judged.test_md5 if judged else None,
        EVIDENCE_TAG: evidence_md5(tags),
    }
    for name, expected in expected_tags.items():
        if tags.get(name) != expected:
            yield f"{name} is {shown(str(tags.get(name)))}, expected {shown(str(expected))}"
