"""The gate's verdict on a model."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EvidenceError
from pipeline.files import read_json, write_json
from pipeline.scores import Evidence

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
        content = read_json(path, "the stage `gate`")
        try:
            return _parse(content)
        except (KeyError, TypeError) as err:
            raise EvidenceError(
                f"{path}: is not what the stage `gate` writes ({type(err).__name__}: {err}); run it again"
            ) from err


def _parse(content: Any) -> Verdict:
    if not isinstance(content["accepted"], bool):
        raise TypeError(f"accepted is {content['accepted']!r}, expected true or false")
    evidence = content["evidence"]
    return Verdict(
        accepted=content["accepted"],
        reasons=tuple(content["reasons"]),
        scores_md5=content["scores_md5"],
        mean_iou=content["mean_iou"],
        evidence=None if evidence is None else Evidence(**evidence),
    )
