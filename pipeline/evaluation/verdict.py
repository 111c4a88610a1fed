"""The gate's verdict on a model."""

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.disk.files import write_json
from pipeline.disk.records import read_record
from pipeline.evaluation.scores import Evidence

VERDICT = Path("work/gate/verdict.json")


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be registered, and why.

    Attributes:
        accepted: every floor is reached, and all that was looked at belongs together.
        reasons: what was found; of a rejected model only what speaks against it.
        scores_md5: of the scores' file; None where there is none.
        mean_iou: as the scores say; None where they do not.
        evidence: copied from the scores; None where they cannot be read.
    """

    accepted: bool
    reasons: tuple[str, ...]
    scores_md5: str | None
    mean_iou: float | None
    evidence: Evidence | None

    def __str__(self) -> str:
        head = "ACCEPTED" if self.accepted else "REJECTED"
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])

    def write(self, path: Path = VERDICT) -> None:
        """Writes the verdict as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path = VERDICT) -> "Verdict":
        """Reads the verdict.

        Raises:
            EvidenceError: it is missing, not JSON, or not what the gate writes.
        """
        return read_record(path, cls, "the stage `gate`")
