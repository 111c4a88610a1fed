"""The scores, the verdict and a link to the report on the pages of a flow run in Prefect."""

import html
import math
import re

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from pipeline.evaluation.scores import SCORES, Scores
from pipeline.evaluation.verdict import Verdict
from pipeline.evaluation.wording import label
from pipeline.report.place import NEWEST
from pipeline.text import printable, shown

MARKUP = re.compile(r"[\\`*_{}\[\]#|~!]|(?<=:)//|(?<=www)\.", re.IGNORECASE)
"""Characters of Markdown's markup, and the parts of an address that make it a link; HTML is escaped before."""


def publish_evidence() -> None:
    """Publishes the outputs of the stages `evaluate` and `gate`; a rejected model may lack scores."""
    verdict = Verdict.read()
    create_markdown_artifact(verdict_page(verdict), key="verdict", description="The gate's verdict, with reasons")
    if SCORES.exists():
        create_table_artifact(score_rows(Scores.read()), key="scores", description="Scores on the test split")
    publish_report("report", "Full report")


def publish_report(key: str, description: str) -> None:
    """Publishes a link to the newest report, if there is one."""
    if NEWEST.exists():
        create_link_artifact(NEWEST.resolve().as_uri(), link_text=str(NEWEST), key=key, description=description)


def score_rows(scores: Scores) -> list[dict[str, str]]:
    """A row for each number, overall ones first, with that of the majority-class baseline if it has one."""
    baseline = {"mean_iou": scores.baseline.mean_iou, "pixel_accuracy": scores.baseline.pixel_accuracy}
    return [
        {
            "score": to_markdown(label(name)),
            "model": "-" if math.isnan(number.value) else f"{number.value:.4f}",
            f"always {shown(scores.baseline.class_name)}": f"{baseline[name]:.4f}" if name in baseline else "",
        }
        for name, number in sorted(scores.numbers().items(), key=lambda item: "/" in item[0])
    ]


def verdict_page(verdict: Verdict) -> str:
    """The verdict as Markdown."""
    reasons = "\n".join(f"- {to_markdown(reason)}" for reason in verdict.sentences)
    return f"# {'Accepted' if verdict.accepted else 'Rejected'}\n\n{reasons}\n"


def to_markdown(text: str) -> str:
    """A line of Markdown that shows the bare text; Prefect renders cells of tables as Markdown, too."""
    line = printable(text).replace("\n", " ")
    return MARKUP.sub(lambda match: f"\\{match[0]}", html.escape(line, quote=False))
