"""Registers an accepted model, with all that is needed to make it again, as the version `challenger`."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.disk.files import md5_of, read_yaml
from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import SCORES, Scores, compare_evidence, evidence_of
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.evaluation.wording import baseline_words, words
from pipeline.ledger.audit import HEAD_TAG, head_of
from pipeline.ledger.ledger import read_ledger
from pipeline.params import read_params
from pipeline.registry.client import CHALLENGER, Version, delete_version, list_versions, set_alias, write_patiently
from pipeline.registry.evidence import BOUND, EVIDENCE_TAG, evidence_md5
from pipeline.registry.lineage import FILES, PARAMS, Lineage, read_data_version, read_lineage
from pipeline.registry.run_contents import CONTENTS, CONTENTS_TAG, RunContents, md5_of_text
from pipeline.registry.run_record import RunRecord, flatten_params, flatten_scores, read_history, read_training
from pipeline.registry.runs import create_version, recorded_run
from pipeline.report.place import publish_gate_page
from pipeline.runtime.stages import MARKER, WORK, list_stages
from pipeline.serving.model_card import CARD, MODEL, ModelCard, Postprocess
from pipeline.training.machine import list_packages, read_machine

WORK_FILES = (
    (Path("work/evaluate"), "evaluate"),
    (Path("work/validate"), "validate"),
    (Path("work/gate"), "gate"),
    (Path("work/preprocess/fingerprint.json"), "preprocess"),
    (Path("work/train/history.csv"), "train"),
    (Path("work/export/parity.json"), "export"),
    (MODEL / CARD, "export/model"),
)


def register() -> Version:
    """See `segline.register`.

    The version is made last, so a failure leaves none and registering can be repeated. If two programs register the
    same evidence at once, both look again afterwards, and the later version is deleted.
    """
    scores = _read_accepted()
    tags = _tags(scores, read_lineage())
    version = _find_twin(tags) or _register(scores, tags)
    write_patiently(f"the alias {CHALLENGER}", lambda: set_alias(CHALLENGER, version))
    publish_gate_page()
    return version


def show(version: Version) -> None:
    """Prints the version of the model in `work/`, with its score and commit."""
    print(f"{version} is {CHALLENGER}: mean IoU {Scores.read().mean_iou:.4f}, commit {version.tags['git_commit'][:8]}")


def _register(scores: Scores, tags: dict[str, str]) -> Version:
    record = _read_record(scores, tags)
    contents = RunContents.of(record).text
    tags = {**tags, CONTENTS_TAG: md5_of_text(contents)}
    tags[EVIDENCE_TAG] = evidence_md5(tags)
    record = replace(record, tags={**record.tags, **tags}, texts={**record.texts, CONTENTS: contents})
    with recorded_run(record) as run_id:
        about = _describe(scores, tags, ModelCard.read(MODEL).postprocess)
        version = create_version(run_id, MODEL, about, {**tags, HEAD_TAG: head_of(read_ledger())})
    first = _find_twin(tags)
    if first and first.number < version.number:
        delete_version(version)
        return first
    return version


def _find_twin(tags: dict[str, str]) -> Version | None:
    """The version with the same evidence, whose tags nobody changed.

    The machine that registers may be another. So may the commit: the same dvc.lock has the same code for each stage.
    """
    for version in list_versions():
        is_same = all(version.tags.get(name) == tags[name] for name in BOUND if name != "git_commit")
        if is_same and version.tags.get(EVIDENCE_TAG) == evidence_md5(version.tags):
            return version
    return None


def _read_accepted() -> Scores:
    """The scores that the gate accepted the model for."""
    verdict = Verdict.read()
    if not verdict.accepted:
        raise EvidenceError(
            f"{VERDICT}: the gate rejected this model ({'; '.join(verdict.sentences)}); train a better one"
        )
    scores = Scores.read()
    against = [words(reason) for reason in compare_evidence(scores.evidence, evidence_of(MODEL, read_manifest()))]
    if verdict.scores_md5 != md5_of(SCORES) or verdict.evidence != scores.evidence:
        against.append(f"stale: {VERDICT} is not of these scores; run `dvc repro` again")
    if against:
        raise EvidenceError("; ".join(against))
    _check_size(read_params().preprocess.image_size)
    return scores


def _check_size(image_size: tuple[int, int]) -> None:
    """Checks that arrays and model have the size of the params; DVC's run cache may have restored older ones."""
    Fingerprint.read().check_size(image_size)
    if (size := ModelCard.read(MODEL).size) != image_size:
        raise EvidenceError(
            f"{MODEL / CARD}: the model sees images at {list(size)}, `preprocess.image_size` is {list(image_size)}; "
            "run the stage `export` again: dvc repro --force export"
        )


def _tags(scores: Scores, origin: Lineage) -> dict[str, str]:
    tags = {**asdict(origin), "model_md5": scores.evidence.model_md5, "verdict_md5": md5_of(VERDICT)}
    return {
        **tags,
        "verdict": "accepted",
        "mean_iou": f"{scores.mean_iou:.6f}",
        "test_md5": scores.evidence.test_md5,
    }


def _read_record(scores: Scores, tags: dict[str, str]) -> RunRecord:
    data_path, data_md5 = read_data_version()
    files = list_files()
    if missing := [str(path) for path, _ in files if not path.exists()]:
        raise EvidenceError(f"{', '.join(missing)}: not found; run `dvc repro`, or restore it from git")
    training = read_training()
    machine = read_machine() | {"trained_on": training.machines}
    freeze = "".join(f"{name}=={version}\n" for name, version in list_packages().items())
    return RunRecord(
        tags={**tags, "mlflow.source.name": "segline", "mlflow.source.git.commit": tags["git_commit"]},
        params={
            **flatten_params(read_yaml(PARAMS, EvidenceError, "restore it from git")),
            "train.precision_chosen": training.precision,
        },
        metrics=flatten_scores(scores),
        history=read_history(),
        files=files,
        texts={"lineage/machine.json": json.dumps(machine, indent=2), "lineage/pip_freeze.txt": freeze},
        data_path=data_path,
        data_md5=data_md5,
    )


def list_files() -> tuple[tuple[Path, str], ...]:
    """Files and folders, each with its folder in the run; among them the marker of each stage in `dvc.yaml`."""
    markers = ((WORK / stage / MARKER, stage) for stage in list_stages())
    return (*WORK_FILES, *markers, *((path, "lineage") for path in FILES))


def _describe(scores: Scores, tags: dict[str, str], cleaning: Postprocess) -> str:
    steps = cleaning.words()
    served = (
        f"Scored with cleaned masks ({steps}), as `segline predict` gives them; MLflow's own serving does not clean."
    )
    return (
        f"{read_params().train.network.title} for {len(scores.iou)} classes: {', '.join(sorted(scores.iou))}.\n\n"
        f"Mean IoU {scores.mean_iou:.4f} on {scores.num_images} test images "
        f"({baseline_words(scores.baseline.class_name, scores.baseline.mean_iou)}).\n\n"
        f"To make it again: check out commit `{tags['git_commit']}`, put the files of the run's folder `lineage` in "
        f"place, `dvc pull` the data `{tags['data_md5']}` and run `dvc repro`." + (f"\n\n{served}" if steps else "")
    )
