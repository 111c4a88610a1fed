"""Opens the reserve: scores a version on test groups that neither gate nor promotion looked at, and records that."""

from dataclasses import asdict
from typing import NamedTuple

from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.splits import RESERVE
from pipeline.disk.records import nan_as_null
from pipeline.errors import DataError
from pipeline.evaluation.bootstrap import Interval, mean_iou_interval
from pipeline.evaluation.reasons import Value
from pipeline.ledger.aliases import check_agreement, read_standing, record
from pipeline.ledger.ledger import new_line
from pipeline.params import read_params
from pipeline.promotion.findings import give_reason
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
    params, standing = read_params().promote, read_standing(completes=True)
    check_agreement(standing)
    found = find_version(version or CHAMPION)
    rows = [row for row in read_manifest() if row.split == RESERVE]
    if not rows:
        raise DataError(
            "the reserve is empty: no test group is in it; raise validate.reserve in params.yaml, the share of the "
            "test groups that is kept for it, and run `dvc repro`"
        )
    scored = rescore({str(found): download_verified(found)}, is_reserve=True)
    interval = mean_iou_interval(scored.tables[str(found)], **params.bootstrap())
    number = 1 + sum(one.kind == "audit" for one in standing.lines)
    ends: dict[str, Value] = {"mean_iou": interval.estimate, "low_iou": interval.low, "high_iou": interval.high}
    units: dict[str, Value] = {"num_units": interval.num_units, "unit": params.unit}
    reason = give_reason("audited", model=str(found), num_openings=number, **ends, **units)
    evidence = nan_as_null({"audit": asdict(interval), "test_md5": scored.test_md5, "reasons": [asdict(reason)]})
    line = new_line("audit", found.number, standing.lines, standing.found, to_sentences([reason]), evidence)
    return Audited(found, interval, line.reasons, record(line).number)


def show(audited: Audited) -> None:
    """Prints the score and how often the reserve was opened."""
    print(printable("; ".join(audited.reasons)))
    print(f"line {audited.line} of the ledger")
