"""Promotions against the rule, which `segline status` and the reports of decisions show for ever."""

from collections.abc import Iterator, Sequence

from pipeline.ledger.ledger import Line, State
from pipeline.secrets import without_secrets
from pipeline.text import printable

OVERRIDE = "override"
"""In the evidence of an override: the reason that a person gave."""


def describe_overrides(lines: Sequence[Line], state: State) -> Iterator[str]:
    """A sentence for each override that took effect: version, line, time, actor and reason.

    Args:
        lines: of the ledger.
        state: after them.
    """
    for line, effect in zip(lines, state.effects, strict=True):
        if effect.what == "override":
            when = f"{line.when[:16].replace('T', ' ')} UTC"
            text = f"version {line.version} was promoted against the rule, line {line.number} of the ledger, {when}"
            why = " ".join(str(line.evidence.get(OVERRIDE)).split())
            yield printable(without_secrets(f"{text}, by {line.who}: {why}"))
