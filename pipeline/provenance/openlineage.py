"""The chain of a version as OpenLineage events, a line each: https://openlineage.io/spec/2-0-2/OpenLineage.json.

DVC does not record when a stage ran, so the time of each event is that of the registration.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pipeline.provenance.registered import Registered
from pipeline.registry.lineage import LockedFile
from pipeline.registry.model_cache import MODEL_TAG
from pipeline.serving.model_card import MODEL

SPEC = "https://openlineage.io/spec"
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "parent": f"{SPEC}/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
    "jobType": f"{SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "sourceCodeLocation": f"{SPEC}/facets/1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet",
    "version": f"{SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
}
REGISTER = "register"
UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


def producer() -> str:
    """This program as a package URL, which is a URI."""
    return f"pkg:pypi/segline@{version_of('segline')}"


def to_events(registered: Registered) -> str:
    """A completed run of each stage, with the files that it read and wrote by MD5, and of the registration."""
    events = [*_list_stages(registered), _to_registration(registered)]
    return "".join(json.dumps(event, sort_keys=True) + "\n" for event in events)


def _list_stages(registered: Registered) -> Iterator[dict[str, Any]]:
    for name, stage in (registered.stages or {}).items():
        parent = {"job": _job_id(registered, REGISTER), "run": {"runId": run_id(registered, REGISTER)}}
        event = _to_event(registered, name, "STAGE", map(_to_data_set, stage.deps), map(_to_data_set, stage.outs))
        event["run"]["facets"] = {"parent": _facet("parent", **parent)}
        yield event


def _to_registration(registered: Registered) -> dict[str, Any]:
    values, version = registered.values, registered.version
    inputs = [_versioned("dvc", str(MODEL), values.get(MODEL_TAG)), _versioned("dvc", "data", values.get("data_md5"))]
    model = _versioned("mlflow", version.name, str(version.number))
    return _to_event(registered, REGISTER, "REGISTRATION", inputs, [model])


def _to_event(
    registered: Registered, name: str, kind: str, inputs: Iterable[Any], outputs: Iterable[Any]
) -> dict[str, Any]:
    commit = registered.values.get("git_commit", "")
    facets = {
        "jobType": _facet("jobType", processingType="BATCH", integration="SEGLINE", jobType=kind),
        "sourceCodeLocation": _facet("sourceCodeLocation", type="git", url=f"swh:1:rev:{commit}", version=commit),
    }
    return {
        "eventType": "COMPLETE",
        "eventTime": (registered.version.created or UNKNOWN_TIME).isoformat(),
        "producer": producer(),
        "schemaURL": EVENT,
        "job": {**_job_id(registered, name), "facets": facets},
        "run": {"runId": run_id(registered, name)},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def run_id(registered: Registered, name: str) -> str:
    """A UUID of the run of a job, the same for the same version."""
    parts = (str(registered.version), registered.version.run_id, registered.values.get("evidence_md5", ""), name)
    return str(uuid5(NAMESPACE_URL, "/".join(parts)))


def _job_id(registered: Registered, name: str) -> dict[str, str]:
    return {"namespace": registered.version.name, "name": name}


def _to_data_set(file: LockedFile) -> dict[str, Any]:
    return _versioned("dvc", file.path, file.md5)


def _versioned(namespace: str, name: str, version: str | None) -> dict[str, Any]:
    facets = {"version": _facet("version", datasetVersion=version)} if version else {}
    return {"namespace": namespace, "name": name, "facets": facets}


def _facet(name: str, **content: Any) -> dict[str, Any]:
    return {"_producer": producer(), "_schemaURL": FACETS[name], **content}
