"""The flow `search`: a machine's share of a search of params. Several workers run it at once, on one study."""

import os
from contextlib import chdir
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from flows.changes import print_unpushed
from flows.failure import failed
from flows.prefect_client import check_address, make_ready, one_training, patiently
from flows.retrain import run_stage, run_step
from flows.server import where_pages_are
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import ParamsError, StageError
from pipeline.params import read_params
from pipeline.registry.connection import set_absolute_uri
from pipeline.repository.checkout import Checkout
from pipeline.runtime.locks import FOLDER, held, only_one
from pipeline.runtime.stages import PARAMS
from pipeline.trials.params_change import difference, flatten
from pipeline.trials.ranges import read_ranges
from pipeline.trials.study import STORAGE, is_shared

DEPLOYMENT = "search/team"
CLONE = FOLDER / "searches"
"""The clone in which searches work, beside that of scheduled runs: each has its own files under way."""
RANGES, TUNED = Path("ranges.yaml"), Path("params.tuned.yaml")
WEEK_S = 604_800.0
MAX_MACHINES = 1000


@flow
def search(ranges: str, trials: int = 20, branch: str = "", timeout_s: float = WEEK_S) -> State[Any]:
    """Takes trials of a search until the study has enough, in a clone of its own, and shows the best params.

    Args:
        ranges: content of the file of `segline tune`, as text.
        trials: of the study, those of all machines together.
        branch: whose code, params and data are searched with; empty: the default branch of `origin`.
        timeout_s: seconds after which a stage, or the search, is stopped.
    """
    set_absolute_uri()
    try:
        with held(FOLDER / "search.lock", StageError("another search is under way in this checkout; wait for its end")):
            return _search(Checkout(Path(), CLONE), ranges, trials, branch, timeout_s)
    except Exception as err:  # Prefect would store its text
        return failed(err)


def _search(checkout: Checkout, ranges: str, trials: int, branch: str, timeout_s: float) -> State[Any]:
    from pipeline.dataset.versions import restore

    if not is_shared():
        raise ParamsError(
            f"{STORAGE} is not set for this worker, so it would search by itself; name the team's database"
        )
    make_ready()
    start = checkout.fetch(branch)
    checkout.prepare(start)
    with chdir(checkout.folder), only_one("run"):
        restore(checkout.project)
        for stage in ("validate", "preprocess"):
            run_stage(stage, timeout_s)
        RANGES.write_text(ranges, encoding="utf-8")
        with one_training():
            words = ("tune", str(RANGES), "--trials", str(trials), "--out", str(TUNED))
            run_step("tune", words, timeout_s)
        get_run_logger().info("searched with commit %s", start.code[:8])
        return Completed(message=_show())


def _show() -> str:
    """Publishes the proposed change of the params; returns a sentence."""
    old, new = (path.read_text(encoding="utf-8") for path in (PARAMS, TUNED))
    change = difference(old, new, str(TUNED)).replace("`", "'")  # three of them would end the block of code
    text = f"````\n{change or 'The best trial is that of the params as they are.'}\n````\n"
    patiently(lambda: create_markdown_artifact(text, key="params-tuned", description="The best params, to review"))
    before, after = flatten(parse_yaml(old)), flatten(parse_yaml(new))
    best = ", ".join(f"{name} {after[name]}" for name in after if after[name] != before[name])
    return f"the best params so far: {best or 'those that are there'}; trials of other machines may be under way"


def hand_over(ranges: Path, trials: int, machines: int, branch: str) -> None:
    """Starts the flow once for each machine at the server in PREFECT_API_URL; see `segline.tune`.

    Raises:
        ParamsError: a range does not fit its param, or PREFECT_API_URL names no server.
        RepositoryError: this is not a git repository, or `origin` refuses or has no such branch.
        StageError: the server does not answer, or has no deployment of the flow.
    """
    if not 1 <= machines <= MAX_MACHINES or trials < 1:
        raise ParamsError(f"--machines is {machines} and --trials {trials}, expected 1 to {MAX_MACHINES} and 1 or more")
    read_ranges(ranges, flatten(read_params().model_dump(mode="json", by_alias=True)))
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise ParamsError(
            "--machines needs a team's Prefect server; set PREFECT_API_URL to its address, ending in /api"
        )
    check_address(address)
    checkout = Checkout(Path(), CLONE)
    checkout.fetch(branch)
    print_unpushed(checkout, "the workers")
    parameters = {"ranges": ranges.read_text(encoding="utf-8"), "trials": trials, "branch": branch}
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(DEPLOYMENT)
        except ObjectNotFound as err:
            raise StageError(
                f"the server at {where_pages_are(address)} has no deployment {DEPLOYMENT}; run `segline schedule "
                "--deploy --cron ...` first"
            ) from err
        runs = [client.create_flow_run_from_deployment(deployment.id, parameters=parameters) for _ in range(machines)]
    names = ", ".join(run.name for run in runs)
    print(f"handed over to {machines} workers ({names}); Prefect shows them at {where_pages_are(address)}, and each")
    print("has an artifact with the best params when it ends. MLflow has the trials")
