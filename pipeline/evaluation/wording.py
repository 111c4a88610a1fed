"""Sentences for the gate's reasons, and caveats printed next to a score."""

import math
from collections.abc import Callable, Mapping

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.reasons import Reason, Value, Values
from pipeline.text import quoted, show_names, shown

MANY_UNITS = 20
"""From here on a 95 % interval holds the truth in 94 % of cases; on 10 real units in 92 %, on 5 in 85 % (`coverage`).

It is the effective number of `bootstrap.effective_units`.
"""
ONE_GROUP = {
    "image": "images of one group are alike, so the level is not kept: differences and scores look more certain than "
    "they are, and equal models pass several times as often as they should; set `unit` to group",
    "block": "blocks of one group show nothing about other groups, so the level holds for these groups only, and only "
    "as far as neighbouring blocks are not alike",
}
"""A caveat, by the unit that is drawn."""
PLAIN_WORDS = {"iou": "IoU", "f1": "F1"}
PARTS = {"model_md5": "the model", "manifest_md5": "the manifest", "test_md5": "the test split"}


def words(reason: Reason) -> str:
    """The sentence of a reason."""
    sentence = SENTENCES[reason.code]
    return sentence(reason.values) if callable(sentence) else sentence.format_map(_show(reason.values))


def label(name: str) -> str:
    """A number's name in words: "boundary IoU" for "boundary_iou", "IoU of car" for "iou/car"."""
    metric, _, part = name.partition("/")
    plain = " ".join(PLAIN_WORDS.get(word, word) for word in metric.split("_"))
    return f"{plain} of {shown(part)}" if part else plain


def baseline_words(class_name: str, value: float) -> str:
    """The score of the majority-class baseline."""
    return f"majority-class baseline, always {shown(class_name)}: {value:.4f}"


def few_units(interval: Interval, unit: str) -> str:
    """A caveat to append to an interval that rests on few units; empty for any other."""
    return _few(vars(interval), unit) if interval.is_shown else ""


def as_good_as(values: Values) -> str:
    """How many even units would tell as much; empty if that is the number of units, or not known."""
    effective = _effective(values)
    return "" if round(effective) == values["num_units"] else f" (as good as {effective:.0f} even ones)"


def _few(values: Values, unit: str) -> str:
    if _effective(values) >= MANY_UNITS:
        return ""
    return f"; few {unit}s{as_good_as(values)}, so it is rather too narrow"


def _effective(values: Values) -> float:
    """The effective number, in (0, U]; the plain one in old files."""
    effective = values.get("num_effective")
    return float(values["num_units"] if effective is None or math.isnan(effective) else effective)


def strays(pixels: Mapping[str, int]) -> Reason | None:
    """Names the classes that are predicted though no label has them, with their pixels; None if there are none."""
    listed = show_names(f"{name} ({units(count, 'pixel')})" for name, count in pixels.items())
    return Reason("strays", {"listed": listed}) if pixels else None


def left_out(num_units: int, unit: str) -> str:
    """How many groups or images of the test split are not units; empty if all are."""
    verb = "is" if num_units == 1 else "are"
    return f"{units(num_units, unit)} of the test split without a counted pixel {verb} left out" if num_units else ""


def units(number: Value, unit: Value) -> str:
    """A count with its noun: "1 group", "5 images"."""
    return f"{number} {unit}{'s' * (number != 1)}"


def digits_apart(one: float, other: float, kind: str, least: int) -> int:
    """The number of digits, `least` or more, that shows which of two numbers is smaller; `kind` is "f" or "g"."""
    counts = range(least, 18)  # 17 digits part any two numbers
    apart = (n for n in counts if one == other or f"{one:.{n}{kind}}" != f"{other:.{n}{kind}}")
    return next(apart, least)  # nan is not apart from nan


def _show(values: Values) -> dict[str, str]:
    """Values as text, and the phrases that are made of several."""
    texts = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}
    if "name" in texts:
        texts["label"] = label(texts["name"])
    if "unit" in texts:
        texts["min_units"] = units(values.get("min_units"), texts["unit"])
        texts["units"] = units(values.get("num_units"), texts["unit"])
    return texts


def _compared(verb: str, kind: str) -> Callable[[Values], str]:
    def sentence(values: Values) -> str:
        value, threshold = values["value"], values["threshold"]
        digits = digits_apart(value, threshold, "g", 4)
        name = f"{'lower end of ' if 'high' in values else ''}{label(str(values['name']))}"
        return f"{name} {value:.{digits}g} {verb} the {kind} {threshold:.{digits}g}{_remark(values)}"

    return sentence


def _remark(values: Values) -> str:
    if "high" in values:
        sure, rests_on = f"{100 * values['confidence']:g}%", units(values["num_units"], values["unit"])
        return f" ({sure} interval to {values['high']:.4g}, {rests_on}{_few(values, values['unit'])})"
    if "baseline" in values:
        return f" ({baseline_words(values['baseline_class'], values['baseline'])})"
    return ""


def _no_interval(values: Values) -> str:
    texts = _show(values)
    why = "it has no score or no finite ends"
    if values["num_units"] < max(values["min_units"], 1):
        why = f"it rests on {texts['units']}, an interval takes {values['min_units']}"
    return (
        f"{texts['label']} has no interval: {why}, so the floor {texts['threshold']} of its lower end is not "
        f"demonstrated; label more {values['unit'] or 'group'}s with it for the test split"
    )


SENTENCES: Mapping[str, str | Callable[[Values], str]] = {
    "reaches_floor": _compared("reaches", "floor"),
    "below_floor": _compared("is below", "floor"),
    "within_ceiling": _compared("is within", "ceiling"),
    "above_ceiling": _compared("is above", "ceiling"),
    "no_score": "{label} has no score, so the threshold {threshold} is not demonstrated; label test images with it",
    "no_interval": _no_interval,
    "group_is_one_unit": "{label} has no interval: a group is one unit by itself; set evaluate.bootstrap.unit to image "
    "if images are independent, or use gate.floors",
    "unknown_name": lambda values: (
        f"gate.{values['param']} names {quoted(values['name'])}, which is not a score; known are {values['known']}; "
        "correct params.yaml"
    ),
    "no_threshold": "no threshold is set; the evidence is whole and fresh",
    "stale": lambda values: (
        f"stale: {PARTS[values['part']]} is {values['current']}, scored was {values['scored']}; run `dvc repro` again"
    ),
    "evidence": "{problem}",
    "no_pixels": "scored were {num_images} images with {num_pixels} pixels; the test split needs labelled images, add "
    "groups or raise validate.split.test",
    "not_a_share": "{label} is {value}, expected a share in [0, 1]; label test images, evaluate again",
    "nothing_demonstrated": "no interval: the test split has {units}, an interval takes {min_units}; label more "
    "{unit}s for the test split",
    "classes_too_rare": "too rare to judge: {listed}; an interval takes {min_units} whose labels have the class: label "
    "more with it for the test split",
    "slices_too_small": "too few to judge: {listed}; an interval takes {min_units}: label more of that kind for the "
    "test split",
    "strays": "predicted but in no label, so left out of the mean IoU: {listed}",
    "left_out": lambda values: left_out(values["num_units"], values["unit"]),
    "of_one_group": lambda values: ONE_GROUP[values["unit"]],
}
"""By code: a template, or a function of the values."""
