"""Where the report lies: one page for people, always the newest, and the gate's own, which DVC keeps."""

from pathlib import Path

from pipeline.disk.files import md5_of, written_whole
from pipeline.evaluation.verdict import VERDICT

NEWEST = Path("work/report.html")
"""The one place to look: the gate's page, from a decision on the page with that decision.

It lies beside the stages' folders, because no byte in these may change after the stage."""
GATE_PAGE = Path("work/gate/report.html")
"""What the stage `gate` wrote; it says nothing of a promotion, so that it stays true."""


def decision_mark(verdict_md5: str) -> str:
    """The tag in a page with a decision that names the gate's verdict on the same model."""
    return f'<meta name="decided" content="{verdict_md5}">'


def publish(page: str) -> None:
    """Puts a page in the one place.

    Raises:
        StageError: the disk is full.
    """
    with written_whole(NEWEST) as beside:
        beside.write_text(page, encoding="utf-8")


def publish_gate_page() -> None:
    """Puts the gate's page in the one place, unless a decision on the same model stands there.

    Called where the stage has run and also where DVC may have fetched its output without running it.
    """
    if not (GATE_PAGE.is_file() and VERDICT.is_file()):
        return
    decided = decision_mark(md5_of(VERDICT))
    if not (NEWEST.is_file() and decided in NEWEST.read_text(encoding="utf-8", errors="replace")):
        publish(GATE_PAGE.read_text(encoding="utf-8"))
