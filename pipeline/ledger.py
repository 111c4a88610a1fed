"""The append-only record of every decision on the champion, kept in MLflow as a registered model `NAME.ledger`.

A line is a model version, so the data base numbers the lines, one after the other, whoever writes at once; its content
is JSON in the tags it is made with. Nothing of it is ever changed. What a line did follows from the lines before it.
"""

import getpass
import hashlib
import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from pipeline.contention import write_patiently
from pipeline.errors import RegistryError
from pipeline.registry import Version, list_versions, model_name, opened

Kind = Literal["promote", "refuse", "rollback"]
What = Literal["promoted", "refused", "rolled back", "void"]
SOURCE = "segline:/ledger"
"""MLflow wants an address of each version's files; a line has none, and a server takes any absolute one."""
TAG_CHARS = 20_000
"""Characters of JSON in a tag: MLflow takes 100,000, MySQL 65,535 bytes."""
DESCRIPTION_CHARS = 1_000
DIGEST_TAG = "sha256"
"""Of the JSON: a line that is changed by hand shows."""


@dataclass(frozen=True)
class Aliases:
    """Versions that MLflow's aliases point to; None where there is none.

    Attributes:
        champion: number of a version.
        previous: the champion before.
    """

    champion: int | None
    previous: int | None


@dataclass(frozen=True)
class Line:
    """One decision, as its maker saw things.

    Attributes:
        kind: what is asked for; "refuse" never moves anything.
        version: what the decision is about.
        expected_champion: that the version was compared with; None: there was none.
        known: number of the last line that the maker had read; 0: the ledger was empty.
        found: where the aliases were; those of the first line are where the ledger starts.
        reasons: for people.
        evidence: what can be written as JSON: scores, intervals, settings.
        who: asked for it.
        when: UTC, ISO 8601.
        attempt: the same if a line is sent twice, because the answer to the first was lost.
        number: 1, 2, ...; 0 until it is written.
    """

    kind: Kind
    version: int
    expected_champion: int | None
    known: int
    found: Aliases
    reasons: tuple[str, ...]
    evidence: Mapping[str, Any]
    who: str
    when: str
    attempt: str
    number: int


@dataclass(frozen=True)
class Effect:
    """What a line did.

    Attributes:
        number: of the line.
        what: "void" where it came too late.
        champion: after the line.
        reason: why a line is void, else "".
    """

    number: int
    what: What
    champion: int | None
    reason: str


@dataclass(frozen=True)
class State:
    """Where the lines lead to.

    Attributes:
        champion: number of the version; None where there is none.
        previous: the champion before.
        last_move: number of the last line that moved anything; 0: none did.
        undone: versions that a rollback took from the throne, each with the number of that line.
        effects: one for each line.
    """

    champion: int | None
    previous: int | None
    last_move: int
    undone: Mapping[int, int]
    effects: tuple[Effect, ...]


def replay(lines: Sequence[Line], found: Aliases) -> State:
    """The state after all lines: a compare-and-swap of each on what the lines before it left.

    A line takes effect where the champion is the one it expected and no line that its maker had not read has moved it.

    Args:
        lines: in the order of their numbers.
        found: where the aliases are, which is where a ledger without lines starts.
    """
    start = lines[0].found if lines else found
    state = State(start.champion, start.previous, 0, {}, ())
    for line in lines:
        state = _apply(state, line)
    return state


def _apply(state: State, line: Line) -> State:
    if line.kind == "refuse":
        return _with_effect(state, Effect(line.number, "refused", state.champion, ""))
    if line.expected_champion != state.champion or state.last_move > line.known:
        moved = f", moved in line {state.last_move}" if state.last_move > line.known else ""
        reason = f"the champion was {state.champion or 'none'} by then{moved}"
        return _with_effect(state, Effect(line.number, "void", state.champion, reason))
    undone = {version: number for version, number in state.undone.items() if version != line.version}
    other = state.champion if state.champion != line.version else state.previous
    if line.kind == "rollback" and state.champion not in (None, line.version):
        undone[state.champion] = line.number
    effect = Effect(line.number, "promoted" if line.kind == "promote" else "rolled back", line.version, "")
    return _with_effect(State(line.version, other, line.number, undone, state.effects), effect)


def _with_effect(state: State, effect: Effect) -> State:
    return replace(state, effects=(*state.effects, effect))


def new_line(
    kind: Kind,
    version: int,
    lines: Sequence[Line],
    found: Aliases,
    reasons: Sequence[str],
    evidence: Mapping[str, Any],
) -> Line:
    """A line to be written, signed with who asks and when.

    Args:
        kind: what is asked for.
        version: what the decision is about.
        lines: that were read for it.
        found: where the aliases were.
        reasons: for people.
        evidence: what can be written as JSON.
    """
    return Line(
        kind=kind,
        version=version,
        expected_champion=replay(lines, found).champion,
        known=lines[-1].number if lines else 0,
        found=found,
        reasons=tuple(reasons),
        evidence=evidence,
        who=find_actor(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        attempt=uuid.uuid4().hex,
        number=0,
    )


def find_actor() -> str:
    """Who asks: SEGLINE_ACTOR, else user and host, with Prefect's flow run where it started this program."""
    if named := os.environ.get("SEGLINE_ACTOR"):
        return named
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"user {os.getuid()}"
    flow_run = os.environ.get("PREFECT__FLOW_RUN_ID")
    return f"{user}@{socket.gethostname()}" + (f", flow run {flow_run}" if flow_run else "")


def ledger_name() -> str:
    """Name of the registered model whose versions are the lines."""
    return f"{model_name()}.ledger"


def append(line: Line) -> Line:
    """Writes a line after all others, and gives it with its number; tried again while others write.

    Raises:
        RegistryError: MLflow does not take it.
    """
    text = json.dumps(_to_content(line), sort_keys=True, allow_nan=False)
    tags = {f"line.{start // TAG_CHARS}": text[start : start + TAG_CHARS] for start in range(0, len(text), TAG_CHARS)}
    tags[DIGEST_TAG] = _digest(text)
    description = f"{line.kind} {line.version}: {'; '.join(line.reasons)}"[:DESCRIPTION_CHARS]
    write_patiently(f"a line of {ledger_name()}", lambda: _create(tags, description))
    return next(written for written in read_ledger() if written.attempt == line.attempt)


def _create(tags: Mapping[str, str], description: str) -> None:
    with opened() as (_, client):
        if not client.search_registered_models(f"name = '{ledger_name()}'"):
            about = "Every decision on the champion, a version each; `segline history` shows them. Do not edit."
            with suppress(Exception):  # another process made it meanwhile; anything else the next line tells
                client.create_registered_model(ledger_name(), description=about)
        client.create_model_version(
            ledger_name(), SOURCE, tags=dict(tags), description=description, await_creation_for=None
        )


def read_ledger() -> tuple[Line, ...]:
    """Every line, in the order of their numbers; of one that was sent twice the first counts.

    Raises:
        RegistryError: MLflow cannot be reached, or a line was changed by hand.
    """
    lines: dict[str, Line] = {}
    for version in list_versions(ledger_name()):
        line = _parse(version)
        lines.setdefault(line.attempt, line)
    return tuple(lines.values())


def _to_content(line: Line) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name != "number"}


def _parse(version: Version) -> Line:
    try:
        text = "".join(_join_tags(version.tags))
        line = _to_line(json.loads(text), version.number)
        if version.tags[DIGEST_TAG] != _digest(text):
            raise ValueError(f"its tag {DIGEST_TAG} is {version.tags[DIGEST_TAG]}, its content has {_digest(text)}")
        return line
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise RegistryError(
            f"{version}: is no line of the ledger ({type(err).__name__}: {err}), so it was changed by hand; put its "
            "tags back from a backup of MLflow's data base. Where there is none, delete that version of the ledger: "
            "what rested on it is void then, so look at `segline history` and name the champion with "
            "`segline rollback --to VERSION`"
        ) from err


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _join_tags(tags: Mapping[str, str]) -> Iterator[str]:
    parts = [name for name in tags if name.startswith("line.")]
    return (tags[f"line.{index}"] for index in range(len(parts)))


def _to_line(content: Mapping[str, Any], number: int) -> Line:
    if content["kind"] not in get_args(Kind) or not isinstance(content["version"], int):
        raise ValueError(f"found kind {content['kind']!r} and version {content['version']!r}")
    values = {field.name: content[field.name] for field in fields(Line) if field.name != "number"}
    values |= {"found": Aliases(**content["found"]), "reasons": tuple(content["reasons"])}
    return Line(**values, number=number)
