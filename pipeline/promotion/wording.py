"""Sentences for the reasons of promotion, comparison and rollback, one for each code."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

from pipeline.evaluation.reasons import Reason, Value, Values
from pipeline.evaluation.wording import ONE_GROUP, as_good_as, digits_apart, left_out, units

DIFFERENCE = "{mean} {mean_iou} against {reference_mean_iou}, {difference} ({low} to {high}) points on {units}"
BETTER = "train a better model, or label more {unit}s"
SENTENCES: Mapping[str, str] = {
    "already_champion": "{model} is the champion already",
    "demoted": (
        "{model} was demoted by a rollback, line {line} of the ledger; `segline promote {number}`, by its number, "
        "compares it again"
    ),
    "superseded": (
        "{model}: it was compared with {champion}, but {cause}; nothing was moved, run `segline promote` again"
    ),
    "override": "{model} is promoted against the rule, because: {why}",
    "override_not_needed": "the rule promotes it, so no override was needed and none was made",
    "no_score": "{model} has no mean IoU on today's test split, where no pixel is counted",
    "score": "{model} has mean IoU {mean_iou} on today's test split",
    "scores": (
        "{model} has mean IoU {mean_iou} on today's test split, the champion {champion} has {champion_mean_iou}"
    ),
    "scores_with_anchor": (
        "{model} has mean IoU {mean_iou} on today's test split, the champion {champion} has {champion_mean_iou}, the "
        "anchor {anchor} has {anchor_mean_iou}"
    ),
    "test_split_changed": "the test split changed since the champion was chosen, all were scored on today's",
    "judged_on_other_split": (
        "the gate judged {model} on the test split {judged}, today's is {today}; run `dvc repro` and `segline "
        "register` again"
    ),
    "leakage": (
        "{model} was trained or chosen on {num_images} of today's test images ({found}), so its score is optimistic; "
        "train it again on today's splits"
    ),
    "reference_leakage": (
        "{model} was trained or chosen on {num_images} of today's test images ({found}), so its score is optimistic "
        "and hard to beat; set validate.split once, and then leave it"
    ),
    "exposure_unknown": (
        "it is not known whether {model} was trained or chosen on today's test images, as its run has no {file}; train "
        "and register it again, or set promote.unknown_exposure to note"
    ),
    "reference_exposure_unknown": (
        "it is not known whether {model} was trained or chosen on today's test images, as its run has no {file}; its "
        "score may be optimistic and hard to beat"
    ),
    "looks_not_compared": (
        "{model}: whether its training images look like today's test images is not known: {file} is missing or not "
        "whole, in its run or here; `dvc repro validate` and a new training write it"
    ),
    "no_champion": "there was no champion: the gate's thresholds alone decide",
    "no_anchor": "there is no anchor: small losses can add up over many promotions",
    "superior": f"superior to the champion at {{confidence}}: {DIFFERENCE}",
    "superiority_not_demonstrated": (
        f"superiority to the champion not demonstrated at {{confidence}}: lower bound {{bound}}; {DIFFERENCE}; {BETTER}"
        " for test"
    ),
    "non_inferior": f"non-inferior to the {{reference}} at {{confidence}}: lower bound {{bound}}; {DIFFERENCE}",
    "non_inferiority_not_demonstrated": (
        "non-inferiority to the {reference} not demonstrated at {confidence}: lower bound {bound}; "
        f"{DIFFERENCE}; {BETTER} for test"
    ),
    "too_few_units": (
        "the difference to the {reference} cannot be judged: the test split has {units} with counted pixels, expected "
        "at least {min_units}; label more for test"
    ),
    "exchange_test_passed": "exchange test: p = {p_value} <= {level}",
    "exchange_test_failed": "exchange test: p = {p_value}, expected at most {level}",
    "exchange_test_lacks_units": (
        "exchange test: p = {p_value}, expected at most {level}; {units} never give less than {least}, label at least "
        "{needed}"
    ),
    "noise_floor_unknown": "the noise floor is not known; `segline noise` measures it",
    "noise_floor_of_others": (
        "the noise floor was measured on other {differs} than the challenger's; `segline noise` measures it again"
    ),
    "noise_floor_exceeded": "the difference exceeds the noise floor of {noise_floor} points",
    "within_noise_floor": (
        "the difference does not exceed the noise floor of {noise_floor} points, so another seed may not reproduce it"
    ),
    "noise_floor_required": (
        "the difference does not exceed the noise floor of {noise_floor} points, and promote.noise_floor requires it"
    ),
    "no_class_loss": "no class is worse than the {reference}'s by {margin} points, as shown or as measured",
    "class_loss": (
        "class {class_name}: non-inferiority to the {reference} not demonstrated: lower bound {bound}; {difference} "
        "({low} to {high}) points on {units}, where a measured loss of {measured} points is let through; "
        f"{BETTER} with it for test"
    ),
    "rare_class_loss": (
        "class {class_name}: {difference} points against the {reference} on {units}, too few for an interval, where a "
        f"measured loss of {{measured}} points is let through; {BETTER} with it for test"
    ),
    "class_measured": (
        "not shown at 99%, but by the measured difference not worse than the {reference}'s: {classes}; label more "
        "{unit}s with them for test"
    ),
    "no_class_judged": f"no class can be judged against the {{reference}}; {BETTER} for test",
    "class_not_judged": (
        "not judged against the {reference}, in no label of the test split: {classes}; label {unit}s with them for test"
    ),
    "no_part_loss": "no slice, and not the worst twentieth of the groups, loses {margin} points to the {reference}",
    "group_loss": (
        "the worst twentieth of the groups changes by {difference} points against the {reference}, expected more than "
        "-{margin}: {groups}; look at these groups and train on more of their kind"
    ),
    "slice_loss": (
        "slice {slice} changes by {difference} points against the {reference}, expected more than -{margin}; train on "
        "more images of its kind"
    ),
    "images_of_one_group": ONE_GROUP["image"],
    "blocks_of_one_group": ONE_GROUP["block"],
    "class_without_labels": "predicted, but in no label, so left out: {classes}",
    "units_left_out": "{left_out}",
    "attempt": (
        "attempt {number}{of_allowed} on this test split, at level {level}; the chance that one of so many passes, if "
        "all are {supposed}, is about {chance}; the best of so many measures up to {optimism} points too high on "
        "average"
    ),
    "attempts_used_up": (
        "the attempts on this test split are used up, promote.attempts is {allowed}; each {unit} that is added to the "
        "test split gives {renewed} attempts back; or raise promote.attempts, then more pass by luck"
    ),
    "audited": (
        "{model} has mean IoU {mean_iou}{between} on the {units} of the reserve; this was opening {num_openings}, and "
        "each choice by it makes it a test split like any other"
    ),
    "audited_leakage": (
        "{model} was trained or chosen on {num_images} of the reserve's images ({found}), so this score is optimistic"
    ),
    "audited_exposure_unknown": (
        "it is not known whether {model} was trained or chosen on the reserve's images, as its run has no {file}"
    ),
    "detectable": (
        "this test split shows a difference of {mean} of {detectable} points with 80% power; 1 point takes "
        "{more_for_1} more {unit}s, 2 points take {more_for_2}"
    ),
    "detectable_by_blocks": (
        "blocks of these {unit}s show a difference of {mean} of {detectable} points with 80% power; it says nothing of "
        "others"
    ),
    "nothing_detectable": (
        "this test split shows no difference of {mean}: the exchange test needs {needed} {unit}s at this level, it has "
        "{num_units}"
    ),
    "heaviest_part": (
        "{part_share} of the variance of the difference is of the images in {part}: label {number} more {unit}s, of "
        "this kind first"
    ),
    "first_is_better": "the first is better, significant at {confidence} (p = {p_value})",
    "first_is_worse": "the first is worse, significant at {confidence} (p = {p_value})",
    "no_significant_difference": "no significant difference at {confidence}",
    "replaced": "{model} in place of {replaced}",
    "champion_kept": "{model} stays champion",
    "no_champion_left": "no champion of the ledger is left",
    "alias_moved_by_hand": "the alias was at {alias_at}, moved by hand",
}
"""Sentence of each code; a code of a rule in a file of its own may be absent, then its values are listed."""
LISTED = {"class_measured", "class_not_judged", "class_without_labels"}  # their reasons, one a class, share a sentence
FORMATS: Mapping[str, Callable[[float], str]] = {
    **dict.fromkeys(("difference", "low", "high"), lambda share: f"{100 * share:+.2f}"),
    **dict.fromkeys(
        ("margin", "measured", "noise_floor", "detectable", "optimism"), lambda share: f"{100 * share:.2f}"
    ),
    **dict.fromkeys(
        ("mean_iou", "low_iou", "high_iou", "reference_mean_iou", "champion_mean_iou", "anchor_mean_iou"),
        "{:.4f}".format,
    ),
    **dict.fromkeys(("level", "least"), "{:.2g}".format),
    "p_value": lambda share: f"{share:.4f}" if share >= 1e-4 else f"{share:.1g}",
    "confidence": lambda share: f"{100 * share:.6g}%",
    **dict.fromkeys(("chance", "part_share"), lambda share: f"{_two_digits(100 * share)}%"),
    "renewed": lambda number: _two_digits(number),
}
"""How the value of a name is written; shares as points."""
MISSING = {"champion": "no champion", "replaced": "none"}


def to_sentences(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The sentences of reasons, in their order; equal reasons of several classes share a sentence."""
    return tuple(_word(reasons))


def _word(reasons: Iterable[Reason]) -> Iterator[str]:
    for (code, _), alike in groupby(reasons, lambda reason: (reason.code, reason.values.get("reference"))):
        values = [reason.values for reason in alike]
        if code in LISTED:
            yield SENTENCES[code].format_map(_show(values[0]) | {"classes": ", ".join(map(_word_class, values))})
        elif code in SENTENCES:
            yield from (SENTENCES[code].format_map(_show(one)) for one in values)
        else:
            yield from (f"{code.replace('_', ' ')}: {_list(one)}" for one in values)


def _show(values: Values) -> dict[str, str]:
    """Values as text, and the phrases that are made of several."""
    shown = {name: _format(name, value) for name, value in values.items()}
    shown["mean"] = "weighted mean IoU" if values.get("is_weighted") else "mean IoU"
    if "num_units" in values and "unit" in values:
        shown["units"] = units(values["num_units"], values["unit"]) + as_good_as(values)
        shown["left_out"] = left_out(values["num_units"], values["unit"])
    if "allowed" in values:
        shown["of_allowed"] = f" of {values['allowed']}" if values["allowed"] > 1 else ""
        is_margin = values.get("rule") == "non_inferior"
        shown["supposed"] = "worse than the champion by the margin" if is_margin else "equal to the champion"
    if "low_iou" in values:
        ends = "{low_iou} to {high_iou}, {confidence} interval".format_map(shown)
        shown["between"] = "" if values["low_iou"] is None else f" ({ends})"
    if "same" in values:
        ways = {"same": "the same file", "grouped": "in a group of its training", "alike": "by their looks"}
        shown["found"] = ", ".join(f"{values[name]} {way}" for name, way in ways.items() if values[name])
    if isinstance(low := values.get("low"), float):
        shown["bound"] = _compare(100 * low, -100 * values.get("margin", 0) or 0.0)  # not -0.0
    return shown


def _format(name: str, value: Value) -> str:
    if value is None:
        return MISSING.get(name, "nan")
    return FORMATS[name](value) if name in FORMATS and not isinstance(value, str) else str(value)


def _two_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _compare(bound: float, limit: float) -> str:
    """A lower bound against its limit, both in points."""
    sign = "<" if bound < limit else ">" if bound > limit else "="
    digits = digits_apart(bound, limit, "f", 2)
    return f"{bound:+.{digits}f} {sign} {limit:.{digits}f} points"


def _word_class(values: Values) -> str:
    shown = _show(values)
    if "num_units" not in values:
        return shown["class_name"]
    difference = "" if values["difference"] is None else f"{shown['difference']} points "
    return f"{shown['class_name']} ({difference}in {shown['num_units']})"


def _list(values: Values) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {shown}" for name, shown in _show(values).items() if name in values)
