"""The paths of the report: the newest page, and the gate's own page, which DVC keeps."""

from pathlib import Path

from pipeline.disk.files import md5_of, written_whole
from pipeline.evaluation.verdict import VERDICT

NEWEST = Path("work/report.html")
"""The page for readers: the gate's page until there is a decision, then the page with that decision.

It is outside of the stages' folders, because no byte in these may change after the stage."""
GATE_PAGE = Path("work/gate/report.html")
"""The page that the stage `gate` wrote. It names no promotion, so a later decision does not make it false."""


def publish(page: str) -> None:
    """Writes a page to `NEWEST`.

    Raises:
        StageError: the disk is full.
    """
    with written_whole(NEWEST) as beside:
        beside.write_text(page, encoding="utf-8")


def publish_gate_page() -> None:
    """Publishes the gate's page, unless the newest page has a decision on the same model.

    Only a page with a decision holds the MD5 of the gate's verdict. Call this after the stage, and if DVC may have
    fetched its output without a run.
    """
    if not (GATE_PAGE.is_file() and VERDICT.is_file()):
        return
    verdict_md5 = md5_of(VERDICT)
    if not (NEWEST.is_file() and verdict_md5 in NEWEST.read_text(encoding="utf-8", errors="replace")):
        publish(GATE_PAGE.read_text(encoding="utf-8"))
