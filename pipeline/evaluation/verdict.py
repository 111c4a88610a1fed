"""The gate's verdict on a model."""

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.disk.files import write_json
from pipeline.disk.records import read_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import Evidence
from pipeline.evaluation.wording import words
from pipeline.text import shown

VERDICT = Path("work/gate/verdict.json")
MADE_BY = "the stage `gate`"


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be registered, and why.

    Attributes:
        accepted: every threshold is kept, and the evidence is whole and fresh.
        reasons: of a rejected model those that speak against it alone, caveats last.
        scores_md5: of the scores' file; None without one.
        mean_iou: None if it cannot be read or is not in [0, 1].
        evidence: copied from the scores; None if they cannot be read.
    """

    accepted: bool
    reasons: tuple[Reason, ...]
    scores_md5: str | None
    mean_iou: float | None
    evidence: Evidence | None

    @property
    def sentences(self) -> list[str]:
        """The reasons in words."""
        return [words(reason) for reason in self.reasons]

    def __str__(self) -> str:
        head = "ACCEPTED" if self.accepted else "REJECTED"
        return "\n".join([head, *(f"- {sentence}" for sentence in self.sentences)])

    def write(self, path: Path = VERDICT) -> None:
        """Writes the verdict as JSON, each reason with its sentence."""
        reasons = [asdict(reason) | {"text": words(reason)} for reason in self.reasons]
        write_json(path, asdict(self) | {"reasons": reasons})

    @classmethod
    def read(cls, path: Path = VERDICT) -> "Verdict":
        """Reads the verdict.

        Raises:
            EvidenceError: it is missing, not JSON, or not a verdict that the gate writes.
        """
        verdict = read_record(path, cls, MADE_BY)
        try:
            _ = verdict.sentences
        except (KeyError, ValueError, TypeError, OverflowError) as err:
            reason = shown(repr(err))
            raise EvidenceError(f"{path}: is not what {MADE_BY} writes (a reason: {reason}); run it again") from err
        return verdict
