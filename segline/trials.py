"""Several trainings to learn something of a recipe. Each function imports what it needs when it is called."""

from pathlib import Path
from typing import TYPE_CHECKING

from segline.project import in_project

if TYPE_CHECKING:
    from pipeline.promotion.noise_floor import RecipeDifference
    from pipeline.steps.crossval import CrossValidation
    from pipeline.steps.tune import Tuning

TUNED = Path("params.tuned.yaml")


@in_project
def noise(*, runs: int, against: Path | None = None) -> "float | RecipeDifference":
    """Measures how much mean IoU depends on the seed alone, or compares two recipes over seeds.

    Seeds that have finished are kept, so a measurement that was stopped goes on. The time left is printed.

    Example of the command: segline noise --runs 5

    Args:
        runs: trainings with other seeds, 3 or more; with other params so many of each recipe.
        against: file of other params, which differ in train or export, to compare with params.yaml.

    Returns:
        The noise floor, in [0, 1]: the difference of mean IoU that two equal trainings may have by chance. With other
        params their `difference` to params.yaml with `low` and `high` by Welch, and whether it `is_better`.

    Raises:
        ParamsError: fewer than 3 runs, or the other params are wrong, of other data, or the same recipe.
        EvidenceError: packed arrays are missing, or a model scores nan.
        StageError: another measurement is under way, or a stage failed.
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.runtime.locks import only_one
    from pipeline.steps import noise as step

    with only_one("noise"):
        return step.noise(runs) if against is None else step.noise_against(runs, Path(against))


@in_project
def tune(ranges: Path, *, trials: int = 20, out: Path = TUNED, machines: int = 0, branch: str = "") -> "Tuning | None":
    """Searches params of the training and proposes a change of params.yaml.

    Each trial trains with values of its own and is scored on val. Trials are kept, so a search that was stopped goes
    on; other ranges, data, code or params begin a new one. SEGLINE_TUNE_STORAGE names a database in which several
    machines share one search.

    Example of the command: segline tune ranges.yaml --trials 30

    Args:
        ranges: YAML file with a line for each param, such as `train.learning_rate: {low: 0.001, high: 0.01, log: true}`
            or `train.network.width: {choices: [16, 32]}`.
        trials: of the search in all, those of earlier calls, pruned and failed ones too.
        out: file to write: params.yaml with the best values.
        machines: hand the search over to so many workers of the Prefect server in PREFECT_API_URL, and return.
        branch: with `machines`, whose code, params and data are searched with; the default is that of `origin`.

    Returns:
        Trials, the best values and the difference to params.yaml, which is never changed. With `machines`: None.

    Raises:
        ParamsError: a range does not fit its param.
        EvidenceError: packed arrays are missing, or no trial was finished.
        RepositoryError: with `machines`, this is no git repository, or `origin` refuses or lacks the branch.
        StageError: another search is under way here, the study's database fails, or trials failed one after the other.
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.runtime.locks import only_one
    from pipeline.steps import tune as step

    if machines:
        from flows.team.search import hand_over

        hand_over(Path(ranges), trials, machines, branch)
        return None
    with only_one("tune"):
        return step.tune(ranges, trials, out)


@in_project
def crossval(*, folds: int, export: Path | None = None) -> "CrossValidation":
    """Scores the recipe of params.yaml on all samples of train and val, each by a network that did not see it.

    Folds that have finished are kept, so a cross-validation that was stopped goes on; other data, code or params begin
    a new one. The test split is not read.

    Example of the command: segline crossval --folds 5 --export ensemble

    Args:
        folds: number of trainings, 2 to 20; each leaves out some groups, on which its network is scored.
        export: new folder for a SavedModel that averages the probabilities of all networks.

    Returns:
        Mean IoU and IoU by class, out of fold and pooled, with intervals, and the score of each fold; also in
        work/crossval/summary.json.

    Raises:
        ParamsError: too few groups or too many folds, or the folder of `export` exists.
        EvidenceError: `validate` has not run.
        StageError: another cross-validation is under way, or a stage failed.
        RegistryError: MLflow cannot be reached.
    """
    from pipeline.runtime.locks import only_one
    from pipeline.steps import crossval as step

    with only_one("crossval"):
        return step.crossval(folds, export)
