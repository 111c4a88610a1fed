"""The chain of a version: data, stages, model, verdict, version, decisions, each with what it was made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.ledger.aliases import Standing
from pipeline.provenance.registered import Registered
from pipeline.registry.client import model_name
from pipeline.registry.lineage import CODE, LockedStage
from pipeline.registry.model_cache import MODEL_TAG
from pipeline.serving.model_card import MODEL

Kind = Literal["data", "stage", "model", "verdict", "version", "decision"]
Facts = tuple[tuple[str, str], ...]
GATE = "gate"
SHORT = 12


@dataclass(frozen=True)
class Node:
    """A link of the chain.

    Attributes:
        kind: of the link.
        name: of the link.
        facts: label and text of each.
        made_from: places of other links in the chain, all before this one.
    """

    kind: Kind
    name: str
    facts: Facts
    made_from: tuple[int, ...] = ()


def build_chain(registered: Registered, standing: Standing) -> list[Node]:
    """The links in the order in which they were made; a link whose record was changed has no facts."""
    values, stages = registered.values, registered.stages or {}
    nodes = [Node("data", "data", (("MD5", _short(values.get("data_md5"))),))]
    places = {"data": 0}
    for name, stage in stages.items():
        nodes.append(Node("stage", name, tuple(_list_facts(stage)), _find_sources(stage, places)))
        places |= {out.path: len(nodes) - 1 for out in stage.outs}
    exported = _place_of(str(MODEL), places)
    nodes.append(Node("model", "SavedModel", (("MD5", _short(values.get(MODEL_TAG))),), exported or (0,)))
    model = len(nodes) - 1
    verdict = registered.verdict
    reasons = tuple(("because", sentence) for sentence in verdict.sentences) if verdict else ()
    nodes.append(Node("verdict", values.get("verdict", "-"), reasons, (*_place_of(f"work/{GATE}", places), model)))
    facts = (("commit", _short(values.get("git_commit"))), ("mean IoU", values.get("mean_iou", "-")))
    created = registered.version.created
    when = (("when", f"{created:%Y-%m-%d %H:%M} UTC"),) if created else ()
    nodes.append(Node("version", str(registered.version), (*facts, *when), (model, model + 1)))
    nodes += _list_decisions(registered, standing, len(nodes) - 1)
    return nodes


def _list_facts(stage: LockedStage) -> Iterator[tuple[str, str]]:
    code = [dep.path.removeprefix(f"{CODE[0]}/") for dep in stage.deps if dep.path.split("/")[0] == CODE[0]]
    params = [name for names in stage.params.values() for name in names]
    yield from (("code", ", ".join(code)),) if code else ()
    yield from (("params", ", ".join(params)),) if params else ()
    yield from (("output", f"{out.path} {_short(out.md5)}") for out in stage.outs)


def _find_sources(stage: LockedStage, places: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sorted({place for dep in stage.deps for place in _place_of(dep.path, places)}))


def _place_of(path: str, places: Mapping[str, int]) -> tuple[int, ...]:
    """The place of the link that made a file, which may lie in a folder that the link made."""
    return tuple(place for out, place in places.items() if path == out or path.startswith(f"{out}/"))


def _list_decisions(registered: Registered, standing: Standing, before: int) -> Iterator[Node]:
    """The lines of the ledger about the version, each after the one before."""
    if registered.version.name != model_name():
        return
    for line, effect in zip(standing.lines, standing.state.effects, strict=True):
        if line.version == registered.version.number:
            facts = (("who", line.who), ("when", f"{line.when[:16].replace('T', ' ')} UTC"))
            reasons: Sequence[str] = (effect.reason,) if effect.reason else line.reasons
            because = tuple(("because", reason) for reason in reasons)
            yield Node("decision", f"{effect.what}, line {line.number}", (*facts, *because), (before,))
            before += 1


def _short(text: str | None) -> str:
    return (text or "-")[:SHORT]
