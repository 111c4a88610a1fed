"""Checks of the tables of `facts`: the values that pass, and the words for a row that fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline.validation.facts import TableRow
from pipeline.validation.findings import ERROR, WARNING, DataFinding

OFF = "off"


@dataclass(frozen=True, slots=True)
class Check:
    """An expectation of one column; a row in which the column is None is not judged.

    Attributes:
        name: unique name.
        reason: sentence about a row that fails; `{column}` stands for the row's value.
        what_to_do: advice, with such placeholders too.
        file: column that holds the file to look at.
        severity: "error", "warning" or "off".
        allowed: the values that pass, or
        least, most: the range that passes.
    """

    name: str
    column: str
    reason: str
    what_to_do: str
    file: str = "file"
    severity: str = ERROR
    allowed: tuple[bool | int | str, ...] = ()
    least: float | None = None
    most: float | None = None

    def passes(self, value: Any) -> bool:
        """True if a value of the column is allowed; nan is not."""
        if self.allowed:
            return value in self.allowed
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def expected(self) -> str:
        """The allowed values or the range, in words."""
        if self.allowed:
            return f"{self.column} is {' or '.join(str(value) for value in self.allowed)}"
        least = [] if self.least is None else [f"at least {self.least:g}"]
        most = [] if self.most is None else [f"at most {self.most:g}"]
        return f"{self.column} is {' and '.join(least + most)}"

    def finding(self, row: TableRow) -> DataFinding:
        """The finding on a row that fails; it is about the whole set if the row has no `name`."""
        reason, what_to_do = self.reason.format(**row), self.what_to_do.format(**row)
        return DataFinding(row.get("name", ""), row[self.file], self.severity, self.name, reason, what_to_do)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of facts with its checks.

    Attributes:
        name: the suite's name in the Data Docs.
        key: column that tells the rows apart, a text.
        rows: all with the same columns.
        checks: apply to every row.
    """

    name: str
    key: str
    rows: Sequence[TableRow]
    checks: Sequence[Check]

    def failed(self, check: Check) -> list[TableRow]:
        """The rows that fail a check, in their order."""
        column = check.column
        return [row for row in self.rows if row[column] is not None and not check.passes(row[column])]

    def findings(self) -> list[DataFinding]:
        """A finding for each row that fails, in order of the checks and the rows."""
        return [check.finding(row) for check in self.checks for row in self.failed(check)]


def sample_checks(max_ignored_share: float, one_class_masks: str, binary_looking_masks: str) -> list[Check]:
    """Checks of single samples.

    Args:
        max_ignored_share: largest allowed share of a mask's pixels, in [0, 1].
        one_class_masks: "error", "warning" or "off", as `binary_looking_masks`.
    """
    labelled = replace(MASK_LABELLED, most=max_ignored_share)
    several = replace(SEVERAL_CLASSES, severity=one_class_masks)
    not_binary = replace(NOT_BINARY, severity=binary_looking_masks)
    checks = (*OF_FILES, *OF_MASKS, labelled, several, not_binary, *OF_IMAGES)
    return [check for check in checks if check.severity != OFF]


def leak_checks(near_duplicates: str) -> list[Check]:
    """Checks of each sample against the others; `near_duplicates` is "error", "warning" or "off"."""
    checks = (*OF_LEAKS, replace(NO_NEAR_DUPLICATE, severity=near_duplicates))
    return [check for check in checks if check.severity != OFF]


CLASS_CHECKS = [
    Check(
        f"class_in_{split}",
        column=split,
        reason=f"class {{class!r}} is in no mask of {split}, so it cannot be {use}",
        what_to_do=f"add images of it, name splits in samples.csv so that {split} has some, or remove the class",
        file="path",
        severity=severity,
        least=1,
    )
    for split, use, severity in (
        ("train", "learned", ERROR),
        ("val", "counted when the best weights are chosen", WARNING),
        ("test", "scored", WARNING),
    )
]

SPLIT_CHECKS = (
    Check(
        "split_has_samples",
        column="num_samples",
        reason="split {split} has no sample; the set has {num_groups_in_all} groups",
        what_to_do="name splits in the column `split` of samples.csv, add groups, or change the shares in "
        "validate.split, or validate.reserve, of params.yaml",
        file="path",
        least=1,
    ),
)

VERSION_CHECKS = (
    Check(
        "as_versioned",
        column="state",
        reason="file is {state}, so this is not the version {version} that data.dvc names",
        what_to_do="{advice}",
        file="path",
        allowed=("as versioned",),
    ),
)

RESTORE = "restore the file or export it again, or remove the sample"
KEEP_ONE = "keep one of them, or give both one group in samples.csv"
_mask_check = partial(Check, file="mask")
_must_be_true = partial(Check, allowed=(True,))
_must_be_false = partial(Check, allowed=(False,))
_better_false = partial(_must_be_false, severity=WARNING)

OF_FILES = (
    _must_be_true(
        "image_present",
        column="has_image",
        reason="mask has no image of the same name in images/",
        what_to_do="add the image or remove the mask",
    ),
    _must_be_true(
        "mask_present",
        column="has_mask",
        reason="image has no mask of the same name in masks/",
        what_to_do="add the mask or remove the image",
    ),
    _must_be_true("image_decodes", "image_decodes", "image {image_error}", RESTORE, "image"),
    _must_be_true("mask_decodes", "mask_decodes", "mask {mask_error}", RESTORE, "mask"),
)

OF_MASKS = (
    _mask_check(
        "mask_is_png",
        column="mask_suffix",
        reason="mask is a {mask_suffix} file, expected .png, which keeps ids as they are",
        what_to_do="export the mask again as PNG",
        allowed=(".png",),
    ),
    _mask_check(
        "mask_has_one_channel",
        column="mask_channels",
        reason="mask has {mask_channels} channels, expected one (class ids)",
        what_to_do="turn colours into ids with `segline import folder`",
        allowed=(1,),
    ),
    _mask_check(
        "mask_has_8_bits",
        column="mask_depth",
        reason="mask has pixels of {mask_depth}, expected uint8",
        what_to_do="save it with 8 bits per pixel, each the id of a class",
        allowed=("uint8",),
    ),
    _mask_check(
        "sizes_equal",
        column="size_difference",
        reason="mask is {mask_size}, image is {image_size} (height x width, upright)",
        what_to_do="{size_advice}",
        allowed=("0 x 0",),
    ),
    _mask_check(
        "ids_declared",
        column="undeclared_pixels",
        reason="mask holds ids that dataset.yaml does not declare: {undeclared}",
        what_to_do="declare them as classes, or set these pixels to a declared id or to the ignore id",
        most=0,
    ),
)

MASK_LABELLED = _mask_check(
    "mask_labelled",
    column="ignored_share",
    reason="{ignored_share:.1%} of the mask is ignored, more than validate.max_ignored_share allows",
    what_to_do="label more of it, remove the sample, or raise the limit",
)

SEVERAL_CLASSES = _mask_check(
    "several_classes",
    column="num_classes",
    reason="mask holds a single class, {only_class!r}",
    what_to_do="finish its labels; if 255 stands for a class in it, use `segline import folder`; if such masks are "
    "right, set validate.one_class_masks to off",
    least=2,
)

NOT_BINARY = _must_be_false(
    "not_binary",
    column="looks_binary",
    reason="mask holds id 0 and, on {ignored_share:.1%} of it, the ignore id {ignore_id}, which is more than any mask "
    "of another class ignores; it looks like a mask of 0 and 255 whose class would never be learned",
    what_to_do="if {ignore_id} stands for a class, bring the masks in with `segline import folder ... --kind binary`; "
    "if it is to be ignored, set validate.binary_looking_masks to warning or off",
    file="mask",
)

OF_IMAGES = (
    _better_false(
        "no_transparency",
        column="has_alpha",
        reason="image holds transparency, which is dropped",
        what_to_do="flatten it if the colour below transparent pixels does not belong to the picture",
    ),
    _better_false(
        "whole_range",
        column="has_low_range",
        reason="image has 16 bits but fills less than 1/16 of their range, and is nearly black once it has 8",
        what_to_do="scale its values to the whole range",
    ),
    _better_false(
        "turn_proven",
        column="unproven_turn",
        reason="image is turned upright by its EXIF orientation {orientation}, and the sizes cannot show whether the "
        "mask was drawn on the upright picture",
        what_to_do="look at one such pair; the mask has to fit the upright picture",
    ),
    Check(
        "not_blank",
        column="brightness",
        reason="image is nearly black or nearly white, its mean is {brightness} of 255",
        what_to_do="remove it unless such pictures come up in use",
        severity=WARNING,
        least=2,
        most=253,
    ),
)

OF_LEAKS = (
    _must_be_false(
        "group_in_one_split",
        column="in_two_splits",
        reason="group {group!r} is in {split} and in {first_split}",
        what_to_do="give all samples of a group one split in samples.csv, or list the group in "
        "validate.groups_in_several_splits of params.yaml",
    ),
    _must_be_false(
        "image_in_one_split",
        column="copy",
        reason="the same file is in {split} and, as {copy_of!r}, in {copy_split}",
        what_to_do=KEEP_ONE,
    ),
    _better_false(
        "known_image_in_one_split",
        column="known_copy",
        reason="the same file is in {split} and, as {copy_of!r}, in {copy_split}; both groups are known to be in "
        "several splits",
        what_to_do=KEEP_ONE,
    ),
    _better_false(
        "image_once",
        column="repeat",
        reason="the same file is in {split} twice, also as {repeat_of!r}",
        what_to_do="remove one of them",
    ),
)

NO_NEAR_DUPLICATE = _must_be_false(
    "no_near_duplicate",
    column="look",
    reason="image is in {split} and looks like {look_of!r} in {look_split} ({look_bits} of 64 hash bits differ)",
    what_to_do=KEEP_ONE + ", or list their groups in validate.groups_in_several_splits of params.yaml",
)
