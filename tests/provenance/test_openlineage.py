"""Tests of OpenLineage events: the fields that version 2-0-2 of the specification requires, and the graph they make."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlparse
from uuid import UUID

import pytest

from pipeline.provenance.openlineage import to_events
from pipeline.provenance.registered import Registered

pytestmark = pytest.mark.services


def read_events(registered: Registered) -> list[dict[str, Any]]:
    """The events of a version."""
    return [json.loads(line) for line in to_events(registered).splitlines()]


def test_required_fields(champion: Registered) -> None:
    """Times, identities and addresses have the formats of the specification, in facets too."""
    for event in read_events(champion):
        assert datetime.fromisoformat(event["eventTime"]).tzinfo and event["eventType"] == "COMPLETE"
        assert UUID(event["run"]["runId"]) and event["job"]["namespace"] == "segline" and event["job"]["name"]
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        parts = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
        assert all(part["namespace"] and part["name"] for part in parts[1:])
        facets = [facet for part in parts for facet in part.get("facets", {}).values()]
        addresses = [event["producer"], *(facet[name] for facet in facets for name in ("_producer", "_schemaURL"))]
        assert facets and all(urlparse(address).scheme in ("pkg", "https") for address in addresses)
        assert event["job"]["facets"]["sourceCodeLocation"]["url"] == f"swh:1:rev:{champion.values['git_commit']}"


def test_the_graph(champion: Registered) -> None:
    """Each stage reads what an earlier one wrote, in the same version; the last event makes the registered version."""
    events = read_events(champion)
    edges = {event["job"]["name"]: [one["name"] for one in (*event["inputs"], *event["outputs"])] for event in events}
    assert edges["train"] == ["data", "pipeline", "pipeline/code.py", "work/train"]
    assert edges["register"] == ["work/export/model", "data", "segline"]
    assert events[-1]["outputs"][0]["facets"]["version"]["datasetVersion"] == "1"
    assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in events[:-1]} == {events[-1]["run"]["runId"]}


def test_same_version_same_bytes(champion: Registered) -> None:
    """Events of one version are equal; of another version they have other runs."""
    other = replace(champion, version=replace(champion.version, number=2))
    assert to_events(champion) == to_events(replace(champion))
    assert not {event["run"]["runId"] for event in read_events(champion)} & {
        event["run"]["runId"] for event in read_events(other)
    }
