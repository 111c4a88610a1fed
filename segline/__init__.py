"""Segline from Python: each command as a function, and a registered model as a function from images to masks.

    import segline

    model = segline.load("segline@champion")
    mask = model(image).mask

All but `load` and `predict` work in the current folder, which has to be a project's. They print only the progress of
long work, return their results, and raise `SeglineError`. Importing the package is quick: TensorFlow, MLflow and
Prefect are imported by the function that needs them.
"""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pipeline.errors import SeglineError as SeglineError
from pipeline.errors import StageError
from pipeline.runtime.environment import QUIET, quiet_tensorflow, set_defaults

if TYPE_CHECKING:
    from flows.doctor.finding import Finding
    from pipeline.evaluation.verdict import Verdict
    from pipeline.ledger.aliases import Standing
    from pipeline.promotion.decide import Promotion
    from pipeline.registry.client import Version
    from pipeline.steps.clean import Cleaning
    from pipeline.steps.compare import Compared
    from pipeline.steps.import_ import Imported
    from pipeline.steps.predict import PredictSummary
    from pipeline.steps.rollback import Rollback
    from pipeline.steps.status import Status
    from segline.model import Model

Words = ParamSpec("Words")
Result = TypeVar("Result")
DATA = Path("data")


def _in_project(function: Callable[Words, Result]) -> Callable[Words, Result]:
    """Refuses to work outside a project's folder."""

    @wraps(function)
    def checked(*args: Words.args, **options: Words.kwargs) -> Result:
        for name in ("dvc.yaml", "params.yaml"):
            if not Path(name).is_file():
                raise StageError(f"{Path.cwd()}: is not a segline project (no {name}); change to the project's folder")
        set_defaults(QUIET)
        return function(*args, **options)

    return checked


def load(model: str | Path) -> "Model":
    """Loads a model, which is called with images and gives their masks.

    A registered version is downloaded once, to `.segline/models/` in the current folder, and compared with its MD5.

    Args:
        model: ALIAS, VERSION, NAME@ALIAS, NAME/VERSION, or a SavedModel's folder.

    Returns:
        A `Model`: `model(images)` gives `mask` (H, W) uint8, `probs` (H, W, K) float32 and `confidence()` of an image
        (H, W, 3) uint8 RGB or of an image file, or of each in a sequence. `model.classes` names the ids.

    Raises:
        RegistryError: there is no such version, or it is not what was registered.
        EvidenceError: the folder is not a SavedModel that the stage `export` wrote.
    """
    set_defaults(QUIET)
    quiet_tensorflow()
    from pipeline.registry.model_cache import resolve_model
    from pipeline.serving.predictor import Predictor
    from segline.model import Model

    return Model(Predictor.read(resolve_model(str(model))))


def predict(model: str | Path, images: str | Path, out: str | Path) -> "PredictSummary":
    """Writes masks and overlays for images.

    Example of the command: segline predict segline@champion photos masks

    Args:
        model: ALIAS, VERSION, NAME@ALIAS, NAME/VERSION or a SavedModel's folder.
        images: an image or a folder of images.
        out: folder to write to: masks/NAME.png (uint8 class ids), overlays/NAME.jpg, legend.svg, prediction.json.

    Returns:
        How many images have a mask now, and which could not be read, each with the reason. Links out of the folder and
        too large images are among the latter.

    Raises:
        DataError: there is no image, or writing would replace one, or a file that prediction did not write.
        EvidenceError: the model's folder is not one that the stage `export` wrote.
        RegistryError: there is no such version, or it is not what was registered.
    """
    set_defaults(QUIET)
    from pipeline.registry.model_cache import resolve_model
    from pipeline.steps import predict as step

    return step.predict(resolve_model(str(model)), Path(images), Path(out))


@_in_project
def import_data(importer: str, *args: Any, data: Path = DATA, **options: Any) -> "Imported":
    """Brings labelled images in and gives them a version; `segline import --help` lists the importers.

    The words and options of `segline import NAME` are the arguments:
    `segline.import_data("folder", "photos", "labels", classes=Path("classes.yaml"))`.

    Args:
        importer: name in `pipeline.importers.formats.IMPORTERS`; the docstring of that function explains its arguments.
        args: words of the importer.
        data: folder to write, whole or not at all; its former content is kept in DVC's cache.
        options: options of the importer.

    Returns:
        Samples, classes, samples by split, and notes on what was decided.

    Raises:
        DataError: there is no such importer, the input breaks its format, samples cannot be used, or DVC holds no
            version of what is in `data`.
        StorageError: an object store cannot be read.
        StageError: the disk is full, or DVC cannot be used.
    """
    from pipeline.steps import import_

    return import_.import_data(importer, *args, data=data, **options)


@_in_project
def run(*, promote: bool = False) -> "Verdict":
    """Runs all stages that are not up to date, and registers a model that the gate accepts.

    The run is a process of its own with the same output.

    Example of the command: segline run --promote

    Args:
        promote: make the new model champion if the rule in params.yaml allows it.

    Returns:
        The gate's verdict; if it is not `accepted`, nothing was registered.

    Raises:
        ParamsError: params.yaml is wrong or does not fit the data.
        DataError: there is no data.
        EvidenceError: code is not committed.
        StageError: another run is under way, the disk is nearly full, or the run failed, which it prints.
    """
    from flows.run import run_apart

    return run_apart(promote)


@_in_project
def schedule(*, cron: str, timezone: str = "UTC", promote: bool = False) -> None:
    """Runs the flow on a schedule, until stopped.

    Example of the command: segline schedule --cron '0 3 * * 1' --timezone Europe/Berlin --promote

    Args:
        cron: minute, hour, day of month, month, day of week.
        timezone: time zone of the cron line.
        promote: make a new model champion if the rule in params.yaml allows it.

    Raises:
        ParamsError: cron line, time zone or params.yaml are wrong.
        StageError: another schedule is served here, or Prefect's server does not start.
        KeyboardInterrupt: Ctrl-C has stopped it.
    """
    from flows.server import prefect_server, set_environment, where_pages_are
    from pipeline.runtime.locks import only_one

    set_environment()
    with only_one("schedule"):
        from flows.retrain import check_schedule, serve
        from flows.start import check_start

        check_schedule(cron, timezone)
        check_start()
        with prefect_server() as address:
            print(f"Prefect shows the schedule at {where_pages_are(address)}; stop it with Ctrl-C", flush=True)
            serve(cron, timezone, promote)


@_in_project
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


@_in_project
def promote(version: str | None = None) -> "Promotion":
    """Makes a challenger the champion if the rule in params.yaml allows it.

    The decision is recorded in the ledger, whether or not the model was promoted.

    Example of the command: segline promote

    Args:
        version: version or alias to promote; the challenger if none is given.

    Returns:
        Whether it was `promoted`, and the `reasons`.

    Raises:
        RejectedError: no version is named, and the gate rejected a model after the challenger was registered.
        EvidenceError: the gate did not accept the version, today's test split differs from the manifest, or a model
            knows other classes.
        ParamsError: params.yaml is wrong.
        RegistryError: there is no such version or anchor, or the alias `champion` was moved by hand.
    """
    from pipeline.steps import promote as step

    return step.promote(None if version is None else str(version))


@_in_project
def rollback(*, to: str | None = None) -> "Rollback":
    """Makes the previous champion champion again; a second rollback undoes the first.

    Example of the command: segline rollback --to 7

    Args:
        to: version or alias of a former champion; the previous champion if none is given. A given version also corrects
            an alias that was moved by hand. If every champion was deleted, it may be any version that the gate
            accepted.

    Returns:
        The champion now, and the number of the one before.

    Raises:
        EvidenceError: the gate never accepted that version, its tags were changed, or it never was champion.
        RegistryError: there is nothing to roll back to, `champion` was moved by hand, the version's files are gone or
            were changed, or another program moved the champion at the same time.
    """
    from pipeline.steps import rollback as step

    return step.rollback(None if to is None else str(to))


@_in_project
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


@_in_project
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


@_in_project
def noise(*, runs: int) -> float:
    """Measures how much mean IoU depends on the seed alone.

    Seeds that have finished are kept, so a measurement that was stopped goes on. The time left is printed.

    Example of the command: segline noise --runs 5

    Args:
        runs: trainings with other seeds, 3 or more.

    Returns:
        The noise floor, in [0, 1]: the difference of mean IoU that two equal trainings may have by chance.

    Raises:
        ParamsError: fewer than 3 runs.
        EvidenceError: packed arrays are missing, or a model scores nan.
        StageError: another measurement is under way, or a stage failed.
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.runtime.locks import only_one
    from pipeline.steps import noise as step

    with only_one("noise"):
        return step.noise(runs)


@_in_project
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


@_in_project
def clean(*, yes: bool = False) -> "Cleaning":
    """Shows what nothing needs any more and what stays, and removes the former if you say `yes`.

    Limits are in retention.yaml. What a registered version, the ledger, a commit or a file of the project needs stays,
    and so does a whole place if something that may need it cannot be read.

    Example of the command: segline clean --yes

    Args:
        yes: remove it; else nothing is changed.

    Returns:
        `places`, each with `entries` that go or stay and their `reason`, and its `problem` if it could not be judged;
        `num_bytes` that were removed, or would be.

    Raises:
        ParamsError: retention.yaml is wrong.
        StageError: a run is under way here, or DVC is busy.
    """
    from pipeline.steps import clean as step

    return step.clean(yes)


@_in_project
def doctor(*, fix: bool = False) -> "list[Finding]":
    """Shows faults and leftovers of the project, and how to repair them.

    Example of the command: segline doctor --fix

    Args:
        fix: repair what can be repaired without a loss of work: half-written files, open MLflow runs, servers and keys
            of processes that are gone.

    Returns:
        A finding for each thing that was checked; its `todo` is empty if all is well, and `done` says what was
        repaired.
    """
    from flows.doctor.examination import examine

    return examine(fix)
