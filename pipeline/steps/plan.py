"""Writes the params that fit the data set and the machine, each with its reason, unless a person has edited them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import read_class_list
from pipeline.disk.files import remove, written_whole
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import ParamsError, SeglineError
from pipeline.networks.network import Network
from pipeline.networks.pretrained.encoder import NO_WEIGHTS
from pipeline.params import parse_params, read_params
from pipeline.params_fit import check_fit
from pipeline.planning.census import Census, take_census
from pipeline.planning.machine import StepCost, count_cores, free_mb, time_step
from pipeline.planning.params_text import is_edited, with_mark, with_plan, write_plan
from pipeline.planning.plan import Plan, Planned, make_plan
from pipeline.planning.recipe import PUBLISHED, Choice
from pipeline.runtime.stages import PARAMS
from pipeline.trials.params_change import difference

PLANNED = Path("params.planned.yaml")
KNOWN = Path("params")
"""Folder of params for known data sets, by the name of their importer."""


def plan(minutes: float, census: Census | None = None) -> Planned:
    """See `segline.plan`; `census` is that of `data/` if it has just been taken."""
    if not 0 < minutes < 1e6:
        raise ParamsError(f"--minutes is {minutes:g}, expected more than 0: the time that a training may take")
    text, classes = read_text(), read_class_list()
    fixed = _fixed_choice(read_params().train.network)
    known_census = census or take_census()
    pixels = {row.name: round(row.pixel_share * 1e6) for row in known_census.classes[: len(classes)]}

    def measure(values: Mapping[str, Any]) -> StepCost:
        known = {name: value for name, value in values.items() if not fixed or name != "train.network"}
        size = tuple(known["preprocess.image_size"])
        return time_step(
            with_plan(text, known | {"train.precision": "auto"}), classes, pixels, len(known_census.samples), size
        )

    return _write(text, make_plan(known_census, minutes, count_cores(), free_mb(), measure, fixed))


def _fixed_choice(network: Network) -> Choice | None:
    """The network of params, if it is none that a plan chooses; its cost is measured, its units are any."""
    values = network.model_dump(mode="json")
    if network.name == "unet" or values == PUBLISHED.network:
        return None
    is_published = values.get("encoder_weights", NO_WEIGHTS) != NO_WEIGHTS
    seen_share = PUBLISHED.seen_share if is_published else 1.0
    return Choice(values, "", PUBLISHED.units, 0, network.min_side_px, seen_share)


def plan_after_import(importer: str, minutes: float, census: Census) -> Planned:
    """Plans for data that an importer has just written: known data have known params, and edited ones are left alone.

    Args:
        importer: name of an importer.
        minutes: see `plan`; 0: no plan.
        census: of what was written.
    """
    known = KNOWN / f"{importer}.yaml"
    if not minutes:
        return Planned((), (), PARAMS, "")
    if is_edited(read_text()):
        return Planned(
            (), (f"{PARAMS} has been edited and stays; `segline plan` says what would fit these data",), PARAMS, ""
        )
    if known.is_file():
        write_text(with_mark(known.read_text(encoding="utf-8")))
        return Planned((), (), PARAMS, "")
    try:
        return plan(minutes, census)
    except SeglineError as err:
        return Planned((), (f"no plan was made: {err}; then `segline plan` makes one",), PARAMS, "")


def read_text() -> str:
    """The text of params.yaml."""
    return PARAMS.read_bytes().decode("utf-8-sig")


def write_text(text: str, path: Path = PARAMS) -> None:
    """Writes params, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _write(text: str, found: Plan) -> Planned:
    """Writes the plan over params that nobody has edited, else beside them."""
    if not found.decisions:
        return Planned((), found.cautions, PARAMS, "")
    planned = write_plan(text, found)
    check_fit(parse_params(parse_yaml(planned)), read_class_list())
    out = PLANNED if is_edited(text) else PARAMS
    write_text(planned, out)
    if out == PARAMS:
        remove(PLANNED)
    return Planned(found.decisions, found.cautions, out, difference(text, planned, str(out)) if out == PLANNED else "")


def show(planned: Planned) -> None:
    """Prints the values with their reasons, then the cautions, and how a plan beside params.yaml is taken over."""
    for decision in planned.decisions:
        print(f"plan: {decision.name}: {decision.value}  # {decision.reason}")
    for caution in planned.cautions:
        print(f"caution: {caution}")
    if planned.out == PLANNED:
        print(planned.difference, end="")
        print(f"params.yaml has been edited and stays; take the plan over with: cp {PLANNED} {PARAMS}")
    elif planned.decisions:
        print(f"{PARAMS} is written for this data set and machine; gate.floors are yours to raise")
