"""The registry: versions, decisions, publications. Each function imports what it needs when it is called."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.runtime.environment import QUIET, set_defaults
from segline.project import in_project

if TYPE_CHECKING:
    from pipeline.ledger.aliases import Standing
    from pipeline.promotion.decide import Promotion
    from pipeline.provenance.verification import Verification
    from pipeline.publishing.check import Row
    from pipeline.publishing.publication import Published
    from pipeline.registry.client import Version
    from pipeline.steps.audit import Audited
    from pipeline.steps.compare import Compared
    from pipeline.steps.lineage import Lineage
    from pipeline.steps.reproduce import Reproduction
    from pipeline.steps.rollback import Rollback
    from pipeline.steps.status import Status


@in_project
def register() -> "Version":
    """Registers the model in work/ that the gate accepted.

    If its evidence is registered already, nothing new is made.

    Example of the command: segline register

    Returns:
        The version, which is the challenger now.

    Raises:
        EvidenceError: the verdict is missing, rejected or of another model, or the lineage is not clean.
        RegistryError: MLflow cannot be reached or fails midway.
    """
    from pipeline.steps import register as step

    return step.register()


@in_project
def promote(version: str | None = None, *, override: str | None = None) -> "Promotion":
    """Makes a challenger the champion if the rule in params.yaml allows it.

    The decision is recorded in the ledger either way. If SEGLINE_PUBLISH is set, the champion is published afterwards.

    Example of the command: segline promote

    Args:
        version: version or alias to promote; the challenger if none is given.
        override: why to promote it against the rule; ledger, status and reports show it for ever. The anchor stays.
            Leakage can be overridden, a rejection by the gate or damaged files cannot.

    Returns:
        Whether it was `promoted`, the `reasons`, and the `publication`; if publishing failed, it has a `reason`.

    Raises:
        RejectedError: no version is named, and the gate rejected a model after the challenger was registered.
        EvidenceError: the gate did not accept the version, today's test split differs from the manifest, or a model
            knows other classes.
        ParamsError: params.yaml is wrong, or the override has no reason.
        RegistryError: there is no such version or anchor, or the alias `champion` was moved by hand.
    """
    from pipeline.steps import promote as step

    return step.promote(None if version is None else str(version), override)


@in_project
def audit(version: str | None = None) -> "Audited":
    """Opens the reserve: scores a version on test groups that neither gate nor promotion looks at.

    The share `validate.reserve` of the test groups is kept for that. Each opening is a line of the ledger.

    Example of the command: segline audit

    Args:
        version: version or alias to score; the champion if none is given.

    Returns:
        Its `mean_iou` on the reserve with an interval, and the `line` of the ledger.

    Raises:
        DataError: the reserve is empty.
        EvidenceError: a file of the reserve differs from the manifest, or the model knows other classes.
        RegistryError: there is no such version, or the ledger was changed.
    """
    from pipeline.steps import audit as step

    return step.audit(None if version is None else str(version))


@in_project
def rollback(*, to: str | None = None) -> "Rollback":
    """Makes the previous champion champion again; a second rollback undoes the first.

    If SEGLINE_PUBLISH is set, the champion is published afterwards.

    Example of the command: segline rollback --to 7

    Args:
        to: version or alias of a former champion; the previous champion if none is given. A given version also corrects
            an alias that was moved by hand. If every champion was deleted, it may be any version that the gate
            accepted.

    Returns:
        The champion now, the number of the one before, and the `publication` as `segline.promote` gives it.

    Raises:
        EvidenceError: the gate never accepted that version, its tags were changed, or it never was champion.
        RegistryError: there is nothing to roll back to, `champion` was moved by hand, the version's files are gone or
            were changed, or another program moved the champion at the same time.
    """
    from pipeline.steps import rollback as step

    return step.rollback(None if to is None else str(to))


@in_project
def publish(destination: str | Path | None = None, *, keep: int | None = None) -> "Published":
    """Publishes the champion where TensorFlow Serving reads it, signed if SEGLINE_SIGNING_KEY_FILE is set.

    It is in DESTINATION/MODEL/NUMBER, where NUMBER is its line in the ledger. A damaged publication is repaired.

    Example of the command: segline publish s3://bucket/models --keep 5

    Args:
        destination: folder or s3://bucket/prefix; SEGLINE_PUBLISH if none is given.
        keep: newest publications that stay; SEGLINE_PUBLISH_KEEP, else 5, if none is given.

    Returns:
        `address`, `number` and `version` of the publication, `what` was done, and the older ones that were `removed`.

    Raises:
        StorageError: the destination cannot be written, or holds something else under this number or a larger one.
        EvidenceError: the key that signs cannot be used, or the champion is not what was registered.
        RegistryError: there is no champion, or its files are gone.
    """
    from pipeline.steps import publish as step

    return step.publish(None if destination is None else str(destination), keep)


def published(destination: str | Path | None = None) -> "list[Row]":
    """Compares the newest publication with its record and, by SEGLINE_PUBLIC_KEY_FILE, with its signature.

    Example of the command: segline published s3://bucket/models

    Args:
        destination: folder or s3://bucket/prefix; SEGLINE_PUBLISH if none is given.

    Returns:
        A row for each comparison: `what`, `expected`, `found`, `is_right`. No registry is needed.

    Raises:
        StorageError: the place cannot be read, or nothing is published there.
        EvidenceError: the public key cannot be used.
    """
    set_defaults(QUIET)
    from pipeline.steps import published as step

    return step.published(None if destination is None else str(destination))


@in_project
def status() -> "Status":
    """Shows versions, aliases, scores and age.

    Example of the command: segline status

    Returns:
        `versions`, the oldest first, with aliases and tags; `standing` of ledger and aliases.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.steps import status as step

    return step.status()


@in_project
def history() -> "Standing":
    """Shows every decision on the champion.

    Example of the command: segline history

    Returns:
        `lines` of the ledger, the oldest first; `state.effects`, what became of each; `findings`, what is wrong with
        the ledger.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.steps import history as step

    return step.history()


@in_project
def compare(first: str | Path, second: str | Path) -> "Compared":
    """Compares two models on today's test split; changes nothing.

    Example of the command: segline compare challenger champion

    Args:
        first: version, alias or the folder of a SavedModel.
        second: version, alias or folder of the other model; differences are the first minus the second.

    Returns:
        The `Comparison`: `difference` of mean IoU and `by_class`, each with an interval, and `p_value`. `ruling` says
        whether the first would be promoted, were the second the champion. Progress goes to stderr, nothing to stdout.

    Raises:
        DataError: there is no data, or the test split is empty.
        EvidenceError: both are the same model, today's test split differs from the manifest, or a model knows other
            classes.
        ParamsError: params.yaml is wrong.
        RegistryError: there is no such version, or MLflow cannot be reached.
    """
    from pipeline.steps import compare as step

    with redirect_stdout(sys.stderr):  # progress
        return step.compare(str(first), str(second))


@in_project
def verify(model: str) -> "Verification":
    """Hashes again all that the registry says of a version, and shows what differs.

    Data, commit, code, packages, outputs, evidence, tags, SavedModel, params, metrics, ledger and aliases are compared.
    Nothing is changed. The exit code is 1 if something differs or is missing.

    Example of the command: segline verify champion

    Args:
        model: ALIAS, VERSION, NAME@ALIAS or NAME/VERSION.

    Returns:
        `rows`, one for each thing, with `what`, `registered`, `found`, `state` and `todo`; whether all of it `agrees`.

    Raises:
        RegistryError: there is no such version, MLflow cannot be reached, or the version's run is gone.
    """
    from pipeline.steps import verify as step

    return step.verify(str(model))


@in_project
def lineage(model: str, *, out: Path = Path("lineage")) -> "Lineage":
    """Writes where a version comes from: a picture, OpenLineage events, and a CycloneDX bill of materials.

    The same version and ledger give the same bytes.

    Example of the command: segline lineage champion --out lineage

    Args:
        model: ALIAS, VERSION, NAME@ALIAS or NAME/VERSION.
        out: folder to write to: lineage.svg, openlineage.ndjson, bom.cdx.json.

    Returns:
        The version and the three paths.

    Raises:
        DataError: writing would replace a file that this command did not write.
        RegistryError: there is no such version, MLflow cannot be reached, or the version's run is gone.
        StageError: the disk is full.
    """
    from pipeline.steps import lineage as step

    return step.lineage(str(model), Path(out))


@in_project
def reproduce(model: str, *, here: bool = False) -> "Reproduction":
    """Makes a registered version again and compares every output byte for byte.

    Its commit, data and params go to `.segline/reproduce/`, its environment is made from its lock unless this one has
    the same packages, and every stage is run. If it is stopped, the same command goes on.

    Example of the command: segline reproduce champion

    Args:
        model: version or alias.
        here: run in this environment even if its packages differ.

    Returns:
        `outputs`, each with both MD5s; `difference`, where the first one is; `agrees`: all are equal or, on another
        kind of machine, mean IoU is as near as the noise floor or the interval.

    Raises:
        RegistryError: there is no such version, or MLflow cannot be reached.
        RepositoryError: its commit is neither here nor on `origin`.
        EvidenceError: what it was made from is not as it was registered, or its data are gone.
        StageError: another reproduction is under way, its environment cannot be made, or a stage fails.
    """
    from pipeline.steps import reproduce as step

    return step.reproduce(str(model), here=here)
