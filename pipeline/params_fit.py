"""Params compared with each other and with the data set, so that the start refuses what a stage would refuse later."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from pipeline.dataset.contract import ClassList
from pipeline.dataset.names import THIRDS
from pipeline.errors import ParamsError
from pipeline.evaluation.metrics.table import METRICS, names_of
from pipeline.params import Params, read_params
from pipeline.runtime.stages import PARAMS
from pipeline.text import quoted

GROUP = "mean_iou/group/"
MAX_LISTED = 300  # characters of the known names in a message


def check_fit(params: Params, classes: ClassList | None) -> None:
    """Compares sections with each other and with the classes of the data set; None: there is no data set yet.

    Raises:
        ParamsError: names every conflict, a line each.
    """
    gate, crop, size = params.gate, params.train.augment.crop, params.preprocess.image_size
    problems = []
    if crop[0] > size[0] or crop[1] > size[1]:
        problems.append(
            f"`train.augment.crop` is {list(crop)}, images are packed at {list(size)} (preprocess.image_size); the "
            "crop must fit in"
        )
    problems += _compare_floors(gate.floors, gate.floors_low)
    for param, thresholds in gate:
        problems += _check_names(param, thresholds, classes)
    names = classes.names if classes else tuple(params.promote.class_costs)
    for name in sorted(params.promote.class_costs.keys() - set(names)):
        problems.append(f"`promote.class_costs` names {quoted(name)}, expected one of {', '.join(names)}")
    if problems:
        raise ParamsError(f"{PARAMS}: " + f"\n{PARAMS}: ".join(problems))


def check_params(classes: ClassList) -> None:
    """Reads `params.yaml` and checks it as `check_fit` does.

    Raises:
        ParamsError: a value is wrong, or values are in conflict.
    """
    check_fit(read_params(), classes)


def _compare_floors(floors: Mapping[str, float], lows: Mapping[str, float]) -> Iterator[str]:
    """The lower end of an interval is never above the score, so its floor cannot be above the score's."""
    for name in sorted(floors.keys() & lows.keys()):
        if lows[name] > floors[name]:
            yield (
                f"`gate.floors_low` of {quoted(name)} is {lows[name]:g}, `gate.floors` {floors[name]:g}; the lower end "
                "of an interval is below the score, so lower the one or raise the other"
            )


def _check_names(param: str, names: Collection[str], classes: ClassList | None) -> Iterator[str]:
    """Refuses names that no score has; without a data set every name of a class is accepted."""
    thirds = [f"mean_iou/{kind}/{third}" for kind, values in THIRDS.items() for third in values]
    scores = names_of(classes.names if classes else ())
    listed = [*METRICS, *thirds, f"{GROUP}NAME"]
    if param == "floors_low":
        scores = listed = [name for name in scores if name == "mean_iou" or name.startswith("iou/")]
    for name in sorted(set(names) - {*scores, *thirds}):
        is_group = name.startswith(GROUP) and name != GROUP
        if is_group or (classes is None and "/" in name and name in names_of([name.partition("/")[2]])):
            continue
        near = get_close_matches(name, [*scores, *thirds], n=1)
        known = ", ".join(listed)[:MAX_LISTED]
        hint = f"did you mean {near[0]!r}?" if near else f"known are {known}, and of each class iou/CLASS"
        yield f"`gate.{param}` names {quoted(name)}, which is not a score of this data set; {hint}"
