"""Tests of the bill of materials, against the JSON schema of CycloneDX."""

import json
from dataclasses import replace
from importlib.metadata import version as version_of
from importlib.resources import files
from typing import Any

import pytest

from pipeline.provenance.cyclonedx import to_bom
from pipeline.provenance.registered import Registered

pytestmark = pytest.mark.services

SCHEMA = "bom-1.6.SNAPSHOT.schema.json"
OTHERS = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")


def validate(bom: Any) -> list[str]:
    """What the schema, which the package cyclonedx-python-lib has, says against a bill."""
    pytest.importorskip("cyclonedx", reason="needs cyclonedx-python-lib, which has the schema")
    from jsonschema import Draft7Validator
    from referencing import Registry, Resource

    folder = files("cyclonedx.schema._res")
    schemas = {name: json.loads((folder / name).read_text()) for name in (SCHEMA, *OTHERS)}
    registry: Any = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    )
    validator = Draft7Validator(schemas[SCHEMA], registry=registry, format_checker=Draft7Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(bom)]


def test_schema(champion: Registered) -> None:
    """The bill of a version keeps the schema, and so does that of a version whose records were changed."""
    assert validate(json.loads(to_bom(champion))) == []
    assert validate(json.loads(to_bom(replace(champion, found={}, claims={})))) == []
    assert validate({"bomFormat": "other"}) != []


def test_the_model(champion: Registered) -> None:
    """The model has its hash, network, scores with intervals, and tags."""
    model = json.loads(to_bom(champion))["metadata"]["component"]
    assert model["bom-ref"] == "segline/1" and model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "MD5", "content": champion.values["model_md5"].removesuffix(".dir")}]
    assert model["modelCard"]["modelParameters"]["modelArchitecture"] == "unet"
    scores = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    bounds = {"lowerBound": "0.750000", "upperBound": "0.850000"}
    assert {"type": "mean_iou", "value": "0.800000", "confidenceInterval": bounds} in scores
    assert {"type": "iou", "value": "0.900000", "slice": "road"} in scores
    assert {"name": "segline:git_commit", "value": champion.values["git_commit"]} in model["properties"]


def test_data_and_packages(champion: Registered) -> None:
    """The data set and each installed package are components on which the model depends."""
    bom = json.loads(to_bom(champion))
    refs = [component["bom-ref"] for component in bom["components"]]
    assert refs[0] == "data" and f"pkg:pypi/numpy@{version_of('numpy')}" in refs and len(set(refs)) == len(refs)
    assert bom["dependencies"] == [{"ref": "segline/1", "dependsOn": refs}]


def test_same_version_same_bytes(champion: Registered) -> None:
    """The bill of one version is always the same."""
    assert to_bom(champion) == to_bom(replace(champion))
