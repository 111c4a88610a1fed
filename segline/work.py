"""Work on data and models in a project. Each function imports what it needs when it is called."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segline.project import in_project

if TYPE_CHECKING:
    from flows.doctor.finding import Finding
    from pipeline.evaluation.verdict import Verdict
    from pipeline.monitoring.journal import Training
    from pipeline.planning.plan import Planned
    from pipeline.steps.clean import Cleaning
    from pipeline.steps.diff import DataDiff
    from pipeline.steps.import_ import Imported

DATA = Path("data")


@in_project
def import_data(importer: str, *args: Any, data: Path = DATA, minutes: float = 30, **options: Any) -> "Imported":
    """Brings labelled images in, gives them a version and plans the params; `segline import --help` lists importers.

    The words and options of `segline import NAME` are the arguments:
    `segline.import_data("folder", "photos", "labels", classes=Path("classes.yaml"))`.

    Args:
        importer: name in `pipeline.importers.formats.IMPORTERS`; the docstring of that function explains its arguments.
        args: words of the importer.
        data: folder to write, whole or not at all; its former content is kept in DVC's cache.
        minutes: that a training may take, for the plan of params.yaml, see `plan`; 0: no plan.
        options: options of the importer.

    Returns:
        Samples, classes, samples by split, notes on what was decided, a sheet of overlays, and the plan.

    Raises:
        DataError: there is no such importer, the input breaks its format, samples cannot be used, or DVC holds no
            version of what is in `data`.
        StorageError: an object store cannot be read.
        StageError: the disk is full, or DVC cannot be used.
    """
    from pipeline.steps import import_, plan

    imported = import_.import_data(importer, *args, data=data, **options)
    return replace(imported, plan=plan.plan_after_import(importer, minutes if data == DATA else 0, imported.census))


@in_project
def plan(*, minutes: float = 30) -> "Planned":
    """Writes the params that fit the data set and this machine into params.yaml, each with its reason.

    It reads every mask and measures a training step. Params that a person has edited are not written over: the plan
    stands in params.planned.yaml then. The same data and machine give the same plan.

    Example of the command: segline plan --minutes 60

    Args:
        minutes: that a training may take.

    Returns:
        Values with reasons, what cannot be had, and the file that holds them.

    Raises:
        ParamsError: params.yaml is wrong.
        DataError: there are no data, or they break the data contract.
        StageError: a training step does not run.
    """
    from pipeline.steps import plan as step

    return step.plan(minutes)


@in_project
def diff(rev: str = "HEAD") -> "DataDiff":
    """Shows what changed in the data set since another version: samples, labels, groups, classes and their shares.

    It compares `data/` as it is now. A sample is found again by its image, so a renamed one is no new one, and classes
    by their names. Splits follow the shares that params.yaml has now. DVC's cache must hold the other version.

    Example of the command: segline diff champion

    Args:
        rev: a revision of git, whose data.dvc names the version; or a registered version, such as segline/3, @champion
            or champion.

    Returns:
        The rows of work/diff/changes.csv and work/diff/classes.csv, and a sheet of the largest relabellings.

    Raises:
        DataError: the revision has no data set, or a data set breaks the data contract.
        RegistryError: there is no such revision or version.
        RepositoryError: this is not a git repository.
        StageError: DVC's cache lacks files of the version; the message says how to fetch them.
    """
    from pipeline.steps import diff as step

    return step.diff(rev)


@in_project
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


@in_project
def schedule(
    *,
    cron: str = "",
    timezone: str = "UTC",
    now: bool = False,
    deploy: bool = False,
    promote: bool = False,
    source: str = "",
    branch: str = "",
) -> bool:
    """Runs the flow on a schedule, until stopped.

    A run is skipped unless code, params or data are new. It works in a clone of its own, `.segline/runs/`, with the
    newest commit of the remote `origin`, and its own commit goes to the branch `segline/runs` there.

    Example of the command: segline schedule --cron '0 3 * * 1' --timezone Europe/Berlin --promote

    Args:
        cron: minute, hour, day of month, month, day of week.
        timezone: time zone of the cron line.
        now: one run at once, in place of --cron.
        deploy: hand the schedule to the workers of the Prefect server in PREFECT_API_URL, and return.
        promote: make a new model champion if the rule in params.yaml allows it.
        source: words after `segline import`, in quotation marks; they bring the data in when what they name in S3 has
            changed. Without them the data are those of data.dvc.
        branch: whose code is run; the default is that of `origin`.

    Returns:
        With `now`: False if the gate rejected the model. Without `now` and `deploy` it does not return.

    Raises:
        ParamsError: cron line, time zone or source are wrong.
        RepositoryError: this is not a git repository, or `origin` refuses.
        StorageError: a place in S3 that the source names cannot be read.
        StageError: another schedule is served here, Prefect's server does not start, or the run failed.
        KeyboardInterrupt: Ctrl-C has stopped it.
    """
    from flows.changes import find_changes, print_unpushed
    from flows.server import set_environment
    from pipeline.repository.checkout import Checkout

    set_environment()
    checkout, parameters = Checkout(Path()), {"promote": promote, "source": source, "branch": branch}
    if now:
        from flows.run import run_flow_apart

        reason = find_changes(checkout, source, branch).reason_to_skip
        print_unpushed(checkout)
        if reason:
            print(f"skipped: {reason}")
        return bool(reason) or run_flow_apart("scheduled", parameters)
    from flows.serve import check_schedule, serve

    check_schedule(cron, timezone)
    find_changes(checkout, source, branch)
    print_unpushed(checkout)
    if deploy:
        from flows.team.deploy import deploy as deploy_flows

        deploy_flows(cron, timezone, parameters)
        return True
    return serve(cron, timezone, parameters)


@in_project
def watch(*, once: bool = False) -> "Training":
    """Shows the training that is under way here or in a scheduled run, or the last one, until it ends or Ctrl-C.

    Epoch, loss, mean IoU, IoU of each class, learning rate, speed, time left and warnings. If the output is not a
    terminal, it is a line for each epoch.

    Example of the command: segline watch --once

    Args:
        once: show the state of now, and end.

    Returns:
        The state that was shown last.

    Raises:
        StageError: no training has begun here.
        EvidenceError: the journal of the training is damaged.
    """
    from pipeline.steps import watch as step

    return step.watch(once)


@in_project
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


@in_project
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


@in_project
def pack(folder: Path) -> Path:
    """Packs the training for a machine with a GPU and JAX that has neither TensorFlow nor the internet.

    The folder gets the code, the params, the arrays of the stage `preprocess`, and the installed packages that a
    training needs, so the other machine must have the same system and the same version of Python. There,
    FOLDER/train.sh trains; copy the folder back then, and run `segline unpack FOLDER` here.

    Example of the command: segline pack to-gpu

    Args:
        folder: new folder.

    Returns:
        The folder.

    Raises:
        ParamsError: the folder exists, or params are wrong.
        EvidenceError: nothing is packed yet; `dvc repro preprocess` does it.
        StageError: a package is missing, or the disk is full.
    """
    from pipeline.steps import pack as step

    return step.pack(folder)


@in_project
def unpack(folder: Path) -> Path:
    """Takes a training back that `pack` packed and another machine has ended, and writes it into dvc.lock.

    Example of the command: segline unpack to-gpu

    Args:
        folder: of `pack`, with what the training wrote.

    Returns:
        The folder of the stage `train`; `run` goes on from there.

    Raises:
        StageError: params, arrays or code are others than those that were packed, or the training has not ended.
        EvidenceError: the folder is none of `pack`.
    """
    from pipeline.steps import pack as step

    return step.unpack(folder)
