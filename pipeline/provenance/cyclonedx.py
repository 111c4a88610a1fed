"""A version as a bill of materials of CycloneDX 1.6, with the card of the model: https://cyclonedx.org/docs/1.6/json."""

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pipeline.disk.files import read_yaml
from pipeline.errors import EvidenceError
from pipeline.provenance.environment import normalize, parse_freeze
from pipeline.provenance.openlineage import REGISTER, producer, run_id
from pipeline.provenance.registered import FREEZE, PARAMS_FILE, TAGS, Registered
from pipeline.registry.model_cache import MD5, MODEL_TAG

DATA_REF = "data"
INPUT = "uint8 RGB images (N, H, W, 3)"
OUTPUTS = ("uint8 class ids (N, H, W)", "float32 probabilities (N, H, W, K)")


def to_bom(registered: Registered) -> str:
    """The model with its scores, the data set and each package that was installed when it was registered.

    MD5s of model and data are DVC's, of the sorted list of a folder's files and their MD5s.
    """
    libraries = list(_list_libraries(registered))
    model, created = _to_model(registered), registered.version.created
    metadata = {"tools": {"components": [_to_library("segline", producer().rpartition("@")[2], "application")]}}
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{run_id(registered, REGISTER)}",
        "version": 1,
        "metadata": {**metadata, "component": model, **({"timestamp": created.isoformat()} if created else {})},
        "components": [_to_data(registered), *libraries],
        "dependencies": [{"ref": model["bom-ref"], "dependsOn": [DATA_REF, *(one["bom-ref"] for one in libraries)]}],
    }
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _to_model(registered: Registered) -> dict[str, Any]:
    version = registered.version
    tags = {name: registered.values[name] for name in TAGS if name in registered.values}
    return {
        "type": "machine-learning-model",
        "bom-ref": str(version),
        "name": version.name,
        "version": str(version.number),
        **_hashes(tags.get(MODEL_TAG)),
        "modelCard": _to_card(registered),
        "properties": [{"name": f"segline:{name}", "value": value} for name, value in tags.items()],
    }


def _to_card(registered: Registered) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "approach": {"type": "supervised"},
        "task": "semantic segmentation",
        "datasets": [{"ref": DATA_REF}],
        "inputs": [{"format": INPUT}],
        "outputs": [{"format": text} for text in OUTPUTS],
    }
    if network := _find_network(registered):
        parameters["modelArchitecture"] = network
    metrics = {"performanceMetrics": list(_list_metrics(registered))}
    return {"modelParameters": parameters, "quantitativeAnalysis": metrics}


def _find_network(registered: Registered) -> str | None:
    path = registered.find_original(PARAMS_FILE)
    try:
        return str(read_yaml(path, EvidenceError, "")["train"]["network"]["name"]) if path else None
    except (EvidenceError, KeyError, TypeError):
        return None


def _list_metrics(registered: Registered) -> Iterator[dict[str, Any]]:
    """Each finite score with its interval; a class or slice is the metric's slice."""
    for name, number in (registered.scores.numbers() if registered.scores else {}).items():
        metric, _, part = name.partition("/")
        if math.isfinite(number.value):
            low, high = number.interval.low, number.interval.high
            bounds = {"lowerBound": f"{low:.6f}", "upperBound": f"{high:.6f}"}
            yield {
                "type": metric,
                "value": f"{number.value:.6f}",
                **({"slice": part} if part else {}),
                **({"confidenceInterval": bounds} if math.isfinite(low) and math.isfinite(high) else {}),
            }


def _to_data(registered: Registered) -> dict[str, Any]:
    md5 = registered.values.get("data_md5")
    described = {"type": "data", "bom-ref": DATA_REF, "name": "data", "data": [{"type": "dataset", "name": "data"}]}
    return {**described, **({"version": md5} if md5 else {}), **_hashes(md5)}


def _hashes(md5: str | None) -> dict[str, Any]:
    """The field of an MD5, if it is one; of a folder DVC adds `.dir`."""
    return {"hashes": [{"alg": "MD5", "content": md5.removesuffix(".dir")}]} if md5 and MD5.fullmatch(md5) else {}


def _list_libraries(registered: Registered) -> Iterator[dict[str, Any]]:
    path = registered.find_original(FREEZE)
    packages = parse_freeze(path.read_text(errors="replace")) if path else {}
    for name, version in sorted({normalize(name): version for name, version in packages.items()}.items()):
        library = _to_library(name, version, "library")
        yield {**library, "bom-ref": library["purl"]}


def _to_library(name: str, version: str, kind: str) -> dict[str, str]:
    return {"type": kind, "name": name, "version": version, "purl": f"pkg:pypi/{name}@{quote(version, safe='')}"}
