"""Checks what TensorFlow Serving serves: the files of the newest publication, its record and its signature."""

from collections.abc import Sequence

from pipeline.errors import EvidenceError
from pipeline.publishing.check import Row, check_publication
from pipeline.text import shown


def published(destination: str | None = None) -> list[Row]:
    """See `segline.published`."""
    return check_publication(destination)


def show(rows: Sequence[Row]) -> None:
    """Prints each comparison.

    Raises:
        EvidenceError: something is not as it was published; all is printed before.
    """
    for row in rows:
        expected = "" if row.is_right else f", expected {shown(row.expected)}"
        print(f"{'right' if row.is_right else 'WRONG'}  {shown(row.what)}: {shown(row.found)}{expected}")
    if wrong := [shown(row.what) for row in rows if not row.is_right]:
        raise EvidenceError(
            f"{', '.join(wrong)}: is not as it was published; find out who changed it, then run `segline publish`"
        )
