"""The one place that makes sentences of the gate's reasons, and caveats printed next to a score."""

from collections.abc import Callable, Mapping

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.reasons import Reason, Value
from pipeline.text import quoted, show_names, shown

MANY_UNITS = 20
"""From as many units on a 95 % interval holds the truth in 94 % of cases; on 10 it does in 91 %, on 5 in 84 %.

Measured by the benchmark `coverage`.
"""
PLAIN_WORDS = {"iou": "IoU", "f1": "F1"}
PARTS = {"model_md5": "the model", "manifest_md5": "the manifest", "test_md5": "the test split"}


def words(reason: Reason) -> str:
    """The sentence of a reason."""
    sentence = SENTENCES[reason.code]
    return sentence(reason.values) if callable(sentence) else sentence.format_map(_Readable(reason.values))


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
    if not interval.is_shown or interval.num_units >= MANY_UNITS:
        return ""
    return f"; few {unit}s, so it is rather too narrow"


def strays(pixels: Mapping[str, int]) -> str:
    """Names the classes that are predicted though no label has them, with their pixels; empty if there are none."""
    if not pixels:
        return ""
    listed = show_names(f"{name} ({count} pixel{'s' * (count != 1)})" for name, count in pixels.items())
    return f"predicted but in no label, so left out of the mean IoU: {listed}"


def left_out(num_units: int, unit: str) -> str:
    """Says how many groups or images of the test split are no units; empty if all are."""
    if not num_units:
        return ""
    listed = f"{num_units} {unit}{'s' * (num_units != 1)} of the test split without a counted pixel"
    return f"{listed} {'is' if num_units == 1 else 'are'} left out"


def units(number: Value, unit: Value) -> str:
    """A count with its noun: "1 group", "5 images"."""
    return f"{number} {unit}{'s' * (number != 1)}"


class _Readable(dict[str, str]):
    """Values of a reason as they stand in a sentence."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(
            {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}
        )
        if "name" in values:
            self["label"] = label(str(values["name"]))
        if "unit" in values:
            self["min_units"] = units(values.get("min_units"), values["unit"])
            self["units"] = units(values.get("num_units"), values["unit"])


def _compared(verb: str, kind: str) -> Callable[[Mapping[str, Value]], str]:
    def sentence(values: Mapping[str, Value]) -> str:
        value, threshold = float(values["value"] or 0), float(values["threshold"] or 0)
        digits = next(n for n in range(4, 18) if value == threshold or f"{value:.{n}g}" != f"{threshold:.{n}g}")
        name = f"{'lower end of ' if 'high' in values else ''}{label(str(values['name']))}"
        return f"{name} {value:.{digits}g} {verb} the {kind} {threshold:.{digits}g}{_remark(values)}"

    return sentence  # 17 digits part any two numbers


def _remark(values: Mapping[str, Value]) -> str:
    if "high" in values:
        high, confidence = float(values["high"] or 0), float(values["confidence"] or 0)
        caveat = (
            ""
            if int(values["num_units"] or 0) >= MANY_UNITS
            else f"; few {values['unit']}s, so it is rather too narrow"
        )
        return f" ({100 * confidence:g}% interval to {high:.4g}, {units(values['num_units'], values['unit'])}{caveat})"
    if "baseline" in values:
        return f" ({baseline_words(str(values['baseline_class']), float(values['baseline'] or 0))})"
    return ""


def _no_interval(values: Mapping[str, Value]) -> str:
    known = _Readable(values)
    why = (
        f"it rests on {known['units']}, an interval takes {values['min_units']}"
        if int(values["num_units"] or 0) < max(int(values["min_units"] or 0), 1)
        else "it has no score or no finite ends"
    )
    return (
        f"{known['label']} has no interval: {why}, so the floor {known['threshold']} of its lower end is not "
        f"demonstrated; label more {values['unit'] or 'group'}s with it for the test split"
    )


SENTENCES: Mapping[str, str | Callable[[Mapping[str, Value]], str]] = {
    "reaches_floor": _compared("reaches", "floor"),
    "below_floor": _compared("is below", "floor"),
    "within_ceiling": _compared("is within", "ceiling"),
    "above_ceiling": _compared("is above", "ceiling"),
    "no_score": "{label} has no score, so the threshold {threshold} is not demonstrated; label test images with it",
    "no_interval": _no_interval,
    "group_is_one_unit": "{label} has no interval: a group is one unit by itself; set evaluate.bootstrap.unit to image "
    "if images are independent, or use gate.floors",
    "unknown_name": lambda values: (
        f"gate.{values['param']} names {quoted(values['name'])}, which is no score; known are {values['known']}; "
        "correct params.yaml"
    ),
    "no_threshold": "no threshold is set; the evidence is whole and fresh",
    "stale": lambda values: (
        f"stale: {PARTS[str(values['part'])]} is {values['current']}, scored was {values['scored']}; run "
        "`dvc repro` again"
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
    "left_out": lambda values: left_out(int(values["num_units"] or 0), str(values["unit"])),
}
"""By code: a template, or a function of the values."""
