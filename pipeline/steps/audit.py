"""Opens the reserve: scores a version on test groups that neither gate nor promotion looked at, and records that."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.splits import RESERVE
from pipeline.disk.records import nan_as_null
from pipeline.errors import DataError
from pipeline.evaluation.bootstrap import Interval, mean_iou_interval
from pipeline.evaluation.reasons import Reason, Value
from pipeline.ledger.aliases import check_agreement, read_standing, record
from pipeline.ledger.ledger import new_line
from pipeline.params import ValidateParams, read_params
from pipeline.promotion.findings import give_reason
from pipeline.promotion.leakage import STORED, find_exposure, read_today
from pipeline.promotion.rescore import rescore
from pipeline.promotion.wording import to_sentences
from pipeline.registry.client import CHAMPION, Version, find_version
from pipeline.registry.evidence import download_verified
from pipeline.text import printable


class Audited(NamedTuple):
    """A version's score on the reserve.

    Attributes:
        mean_iou: with its two-sided interval.
        reasons: score and number of openings, this one included, as the ledger has them.
        line: number of the ledger's line.
    """

    version: Version
    mean_iou: Interval
    reasons: tuple[str, ...]
    line: int


def audit(version: str | None = None) -> Audited:
    """See `segline.audit`."""
    all_params, standing = read_params(), read_standing(completes=True)
    params = all_params.promote
    check_agreement(standing)
    found = find_version(version or CHAMPION)
    rows = [row for row in read_manifest() if row.split == RESERVE]
    if not rows:
        raise DataError(
            "the reserve is empty: no test group is in it; raise validate.reserve in params.yaml, the share of the "
            "test groups that is kept for it, and run `dvc repro`"
        )
    scored = rescore({str(found): download_verified(found)}, is_reserve=True)
    settings = params.bootstrap() | {"confidence": params.confidence}  # no decision: the level is not shared
    interval = mean_iou_interval(scored.tables[str(found)], **settings)
    number = 1 + sum(one.kind == "audit" for one in standing.lines)
    ends: dict[str, Value] = {"mean_iou": interval.estimate, "low_iou": interval.low, "high_iou": interval.high}
    units: dict[str, Value] = {"num_units": interval.num_units, "unit": params.unit, "confidence": params.confidence}
    reasons = [
        give_reason("audited", model=str(found), num_openings=number, **ends, **units),
        *_judge_exposure(found, all_params.validate_),
    ]
    told = {"audit": asdict(interval), "test_md5": scored.test_md5, "reasons": [asdict(reason) for reason in reasons]}
    line = new_line(
        "audit", found.number, standing.lines, standing.found, to_sentences(reasons), dict(nan_as_null(told))
    )
    return Audited(found, interval, line.reasons, record(line).number)


def _judge_exposure(version: Version, params: ValidateParams) -> Iterator[Reason]:
    """Whether the version knows images of the reserve."""
    today = read_today(params.look_bits, params.groups_in_several_splits, is_reserve=True)
    exposure = find_exposure(version, today)
    if exposure is None:
        yield give_reason("audited_exposure_unknown", model=str(version), file=STORED)
    elif exposure.num_images:
        yield give_reason("audited_leakage", model=str(version), **exposure._asdict())


def show(audited: Audited) -> None:
    """Prints the score and how often the reserve was opened."""
    print(printable("; ".join(audited.reasons)))
    print(f"line {audited.line} of the ledger")
