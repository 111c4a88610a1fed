"""The append-only record of every decision on the champion, kept in MLflow as a registered model `NAME.ledger`.

A line is a model version, so the data base numbers the lines, one after the other, whoever writes at once; its content
is JSON in the tags it is made with. Nothing of it is ever changed. What a line did follows from the lines before it.
Lines are chained, see `pipeline.ledger.chain`, and signed where there is a key, see `pipeline.ledger.key`.
"""

import getpass
import hashlib
import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import RegistryError
from pipeline.ledger.chain import START, Link, follow_chain
from pipeline.ledger.key import read_key, sign
from pipeline.registry.client import Version, list_versions, model_name, opened
from pipeline.registry.contention import write_patiently
from pipeline.text import shown

Kind = Literal["promote", "refuse", "rollback"]
What = Literal["promoted", "refused", "rolled back", "void"]
SOURCE = "segline:/ledger"
"""MLflow wants an address of each version's files; a line has none, and a server takes any absolute one."""
TAG_CHARS = 20_000
"""Characters of JSON in a tag: MLflow takes 100,000, MySQL 65,535 bytes."""
DESCRIPTION_CHARS = 1_000
DIGEST_TAG = "sha256"
"""Of the JSON: a line that is changed by hand shows."""
SIGNATURE_TAG = "hmac-sha256"
ACCEPTED = "accepted"
"""In the evidence of a rollback: what was found wrong with the ledger, and is accepted by a person."""
MAX_NUMBER = 2**31 - 1
"""MLflow counts versions in 32 bits."""


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
        link: head of the chain at the line `known`; None: it was written before lines were chained.
        is_signed: there was a key when it was made.
        head: of the chain after this line; it is computed when the line is read.
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
    number: int = 0
    link: str | None = None
    is_signed: bool = False
    head: str = START

    @property
    def accepted(self) -> tuple[str, ...]:
        """What its maker found wrong with the ledger, and accepted."""
        found = self.evidence.get(ACCEPTED) if self.kind == "rollback" else None
        return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list | tuple) else ()


@dataclass(frozen=True)
class Entry:
    """A line as MLflow has it.

    Attributes:
        link: of the chain.
        text: the JSON.
        signature: of the JSON; "": there is none.
        line: None where the entry cannot be read.
    """

    link: Link
    text: str
    signature: str
    line: Line | None


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
        link=lines[-1].head if lines else START,
        is_signed=read_key() is not None,
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
        RegistryError: it is no line, or MLflow does not take it.
    """
    text = json.dumps(_to_content(line), sort_keys=True, allow_nan=False)
    try:
        _to_line(text)
    except ValueError as err:
        raise RegistryError(f"{line.kind} {line.version}: is no line of the ledger ({err})") from err
    tags = {f"line.{start // TAG_CHARS}": text[start : start + TAG_CHARS] for start in range(0, len(text), TAG_CHARS)}
    tags[DIGEST_TAG] = _digest(text)
    if key := read_key():
        tags[SIGNATURE_TAG] = sign(key, text)
    description = f"{line.kind} {line.version}: {'; '.join(line.reasons)}"[:DESCRIPTION_CHARS]
    write_patiently(f"a line of {ledger_name()}", lambda: _create(tags, description))
    for written in read_ledger():
        if written.attempt == line.attempt:
            return written
    raise RegistryError(f"{ledger_name()}: the line that was written is not there; see `segline history`")


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
    """Every line that can be read, in the order of their numbers; of one that was sent twice the first counts.

    What is wrong with the others, `pipeline.ledger.audit` tells.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    return list_lines(read_entries())


def list_lines(entries: Sequence[Entry]) -> tuple[Line, ...]:
    """The lines of the entries, each with the head of the chain after it."""
    heads = follow_chain([entry.link for entry in entries]).heads
    lines: dict[str, Line] = {}
    for entry in entries:
        if entry.line:
            lines.setdefault(entry.line.attempt, replace(entry.line, head=heads[entry.line.number]))
    return tuple(lines.values())


def read_entries() -> tuple[Entry, ...]:
    """Everything in the ledger, in the order of the numbers.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    return tuple(map(parse_entry, list_versions(ledger_name())))


def parse_entry(version: Version) -> Entry:
    """Reads a line from the tags of a version; what cannot be read becomes an entry that says why."""
    text = "".join(_join_tags(version.tags))
    digest, signature = version.tags.get(DIGEST_TAG, ""), version.tags.get(SIGNATURE_TAG, "")
    try:
        line = replace(_to_line(text), number=version.number, head=START)
        if digest != _digest(text):
            raise ValueError(f"its tag {DIGEST_TAG} is {digest}, its content has {_digest(text)}")
    except ValueError as err:
        why = f"line {version.number} cannot be read ({shown(str(err))}): its tags were changed by hand"
        return Entry(Link(version.number, digest, 0, None, damage=why), text, signature, None)
    link = Link(version.number, digest, line.known, line.link, is_acceptance=bool(line.accepted))
    return Entry(link, text, signature, line)


def _to_content(line: Line) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name not in ("number", "head")}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _join_tags(tags: Mapping[str, str]) -> Iterator[str]:
    """The parts of the JSON; a part that is missing leaves what is no JSON."""
    parts = [name for name in tags if name.startswith("line.")]
    return (tags.get(f"line.{index}", "") for index in range(len(parts)))


def _to_line(text: str) -> Line:
    try:
        line = LINE.validate_json(text.encode(errors="surrogatepass"), strict=True)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{f'{where}: ' if where else ''}{first['msg']}") from err
    datetime.fromisoformat(line.when)
    for number in (line.version, line.known, line.expected_champion, line.found.champion, line.found.previous):
        if number is not None and not 0 <= number <= MAX_NUMBER:
            raise ValueError(f"found the number {number}")
    _check_evidence(line.evidence)
    return line


def _check_evidence(evidence: Mapping[str, Any]) -> None:
    """Of what later decisions read, the kinds."""
    comparisons = evidence.get("comparisons", {})
    if not isinstance(comparisons, dict) or not all(isinstance(found, dict) for found in comparisons.values()):
        raise ValueError("evidence.comparisons is no table of tables")
    for found in comparisons.values():
        for name in ("low", "p_value", "confidence"):
            if not isinstance(found.get(name), int | float | None):
                raise ValueError(f"evidence.comparisons: {name} is {found[name]!r}, expected a number")
    if not isinstance(evidence.get("test_md5"), str | None):
        raise ValueError(f"evidence.test_md5 is {evidence['test_md5']!r}, expected text")


LINE = TypeAdapter(Line)
"""Checks the types of a line, strictly, as they come from JSON."""
