"""Compares what the registry itself stores of a version: tags, files, params, metrics, the SavedModel."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.disk.files import md5_of, md5_of_listing, read_yaml
from pipeline.errors import EvidenceError, RegistryError
from pipeline.provenance.commit import md5_of_bytes
from pipeline.provenance.registered import (
    DATA_FILE,
    FREEZE,
    LOCK_FILE,
    MANIFEST_FILE,
    PARAMS_FILE,
    REQUIREMENTS,
    SCORES_FILE,
    TAGS,
    Registered,
)
from pipeline.provenance.rows import Row, compare, compare_tables
from pipeline.registry.evidence import BOUND, EVIDENCE_TAG, STORED, evidence_md5
from pipeline.registry.model_cache import MODEL_TAG, download_unchecked
from pipeline.registry.run_contents import CONTENTS, CONTENTS_TAG
from pipeline.registry.run_record import flatten_params, flatten_scores

PUT_BACK = "put it back from a backup of MLflow, or register the model again"
NAMED = (
    *(PARAMS_FILE, LOCK_FILE, DATA_FILE, REQUIREMENTS, FREEZE, CONTENTS, "lineage/machine.json"),
    *(STORED, SCORES_FILE, "evaluate/per_image.csv", MANIFEST_FILE),
)
"""Stored files with a row of their own."""
SERVING_CODE = "pipeline/serving/mlflow_model.py"
"""Is stored beside the SavedModel."""
WHOLE = ("evaluate", "gate", "validate")
"""Folders of stages that a run stores whole."""


def compare_tags(registered: Registered) -> Iterator[Row]:
    """A row for each tag of the version; those of the run and of its data set are a row each."""
    values = registered.values
    for name in TAGS:
        expected = evidence_md5(values) if name == EVIDENCE_TAG else values.get(name)
        actual = registered.version.tags.get(name)
        if expected is not None or actual is not None or name in BOUND:
            yield compare(f"tag {name}", expected, actual, _explain(registered.claims[name], expected))
    written = {name: value for name, value in values.items() if name in TAGS}
    yield compare_tables("tags of the run", "tags", written, registered.run.tags, PUT_BACK)
    if registered.run.data_set:
        data = written | {name: values.get("data_md5") for name in ("dvc.md5", "digest")}
        yield compare_tables("data set of the run", "tags", data, registered.run.data_set, PUT_BACK)


def _explain(claims: Mapping[str, str], expected: str | None) -> str:
    witnesses = [who for who, value in claims.items() if value == expected]
    return f"{' and '.join(witnesses) or 'no witness'} has the registered value; put the tag back, or register again"


def compare_files(registered: Registered) -> Iterator[Row]:
    """A row for each stored file that others depend on, and one for all others."""
    expected, found = registered.expected, registered.found
    if CONTENTS_TAG in registered.values:
        yield compare(CONTENTS, registered.values[CONTENTS_TAG], found.get(CONTENTS), PUT_BACK)
    for name in NAMED:
        if name in expected:
            yield compare(name, expected[name], found.get(name), PUT_BACK)
    others = {name: md5 for name, md5 in expected.items() if name not in NAMED}
    if others:
        yield compare_tables("other files of the run", "files", others, found, PUT_BACK)
    if not registered.contents:
        yield from _compare_folders(registered)


def _compare_folders(registered: Registered) -> Iterator[Row]:
    """Of a version without a list of its contents: stored folders, by their MD5 in `dvc.lock`."""
    for stage in WHOLE:
        outs = (registered.stages or {})[stage].outs if stage in (registered.stages or {}) else []
        expected = next((out.md5 for out in outs if out.path == f"work/{stage}"), None)
        files = {name.removeprefix(f"{stage}/"): md5 for name, md5 in registered.found.items() if _is_in(name, stage)}
        if expected:
            yield compare(f"{stage}/ of the run", expected, md5_of_listing(files) if files else None, PUT_BACK)


def _is_in(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/")


def compare_params(registered: Registered) -> Iterator[Row]:
    """The params of the run with those that were registered."""
    if registered.contents:
        params = registered.contents.params
    elif path := registered.find_original(PARAMS_FILE):
        params = flatten_params(read_yaml(path, EvidenceError, PUT_BACK))
    else:
        return
    yield compare_tables("params of the run", "params", params, registered.run.params, PUT_BACK)


def compare_metrics(registered: Registered) -> Iterator[Row]:
    """The last metrics of the run with the scores."""
    if registered.contents:
        metrics = registered.contents.metrics
    elif registered.scores:
        metrics = flatten_scores(registered.scores)
    else:
        return
    now = registered.run.metrics
    near = {name: metrics[name] for name in now if math.isclose(now[name], metrics.get(name, math.nan), rel_tol=1e-9)}
    yield compare_tables("metrics of the run", "metrics", metrics, {**now, **near}, PUT_BACK)


def compare_model(registered: Registered) -> Iterator[Row]:
    """The SavedModel, downloaded and hashed, and the code that MLflow serves it with, by the version's commit."""
    row = partial(compare, "SavedModel", registered.values.get(MODEL_TAG))
    code = (registered.commit_files or {}).get(SERVING_CODE)
    with TemporaryDirectory() as temporary:
        try:
            yield row(md5_of(download_unchecked(registered.version, Path(temporary))), PUT_BACK)
        except RegistryError as err:
            yield row(None, str(err))
            return
        if code is not None:
            served = Path(temporary, Path(SERVING_CODE).name)
            found = md5_of(served) if served.is_file() else None
            yield compare("serving code", md5_of_bytes(code), found, PUT_BACK)
