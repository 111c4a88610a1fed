"""The append-only record of every decision on the champion, kept in MLflow as a registered model `NAME.ledger`.

A line is a model version, so the database numbers the lines of concurrent writers. Its content is JSON in the tags that
the version is made with, and never changes. The effect of a line follows from the lines before it. Lines are chained,
and signed if there is a key; see `pipeline.ledger.chain`.
"""

import getpass
import hashlib
import json
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict, TypeAdapter, ValidationError

from pipeline.disk.records import nan_as_null
from pipeline.errors import RegistryError
from pipeline.ledger.chain import START, Link, follow_chain, read_key, sign
from pipeline.registry.client import Version, create_entry, list_versions, model_name, write_patiently
from pipeline.text import shown

Kind = Literal["promote", "refuse", "rollback", "override", "audit"]
What = Literal["promoted", "refused", "rolled back", "override", "audited", "void"]
WHATS: Mapping[Kind, What] = {"promote": "promoted", "rollback": "rolled back", "override": "override"}
"""Effect of each kind that moves the champion."""
SOURCE = "segline:/ledger"
"""MLflow wants an address of each version's files. A line has no files, and a server accepts any absolute address."""
ABOUT = "Every decision on the champion, a version each; `segline history` shows them. Do not edit."
TAG_CHARS = 20_000  # of JSON in a tag: MLflow accepts 100,000, MySQL 65,535 bytes
DESCRIPTION_CHARS = 1_000
DIGEST_TAG = "sha256"  # of the JSON; it shows that a line was changed by hand
SIGNATURE_TAG = "hmac-sha256"
ACCEPTED = "accepted"
"""In the evidence of a rollback: the findings about the ledger that a person accepts."""
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Of a version or line; MLflow counts versions in 32 bits."""
StrictFloat = Annotated[float, Strict()]


@dataclass(frozen=True)
class _Compared:
    low: StrictFloat | None = None
    p_value: StrictFloat | None = None
    confidence: StrictFloat | None = None
    num_units: int | None = None
    unit: str | None = None


@dataclass(frozen=True)
class _Evidence:
    """The part of a line's evidence that later decisions read."""

    comparisons: dict[str, _Compared] = field(default_factory=dict)
    test_md5: str | None = None
    attempts: dict[str, Any] | None = None


EVIDENCE = TypeAdapter(_Evidence)


def _check_evidence(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    EVIDENCE.validate_python(evidence)
    return evidence


def _check_time(when: str) -> str:
    datetime.fromisoformat(when)
    return when


@dataclass(frozen=True)
class Aliases:
    """Numbers of the versions that MLflow's aliases point to; None: the alias is not set."""

    champion: Number | None
    previous: Number | None


@dataclass(frozen=True)
class Line:
    """One decision, with what its writer knew.

    Attributes:
        kind: of the decision; "refuse" and "audit", which opened the reserve, move no alias; "override" promotes
            against the rule.
        version: number of the version that is promoted, refused or rolled back to.
        expected_champion: number of the champion at the decision; None: there was none.
        known: number of the last line that the writer had read; 0: the ledger was empty.
        found: the aliases at the decision; the ledger starts from those of its first line.
        reasons: for people.
        evidence: scores, intervals, settings; all of it can be written as JSON.
        who: a person or program.
        when: UTC, ISO 8601.
        attempt: equal in two lines if a line was sent twice, because the answer to the first was lost.
        number: 1, 2, ...; 0 until the line is written.
        link: head of the chain at the line `known`; None: the line is older than the chain.
        is_signed: the writer had a key.
        head: of the chain after this line; it is computed when the line is read.
    """

    kind: Kind
    version: Number
    expected_champion: Number | None
    known: Number
    found: Aliases
    reasons: tuple[str, ...]
    evidence: Annotated[Mapping[str, Any], AfterValidator(_check_evidence)]
    who: str
    when: Annotated[str, AfterValidator(_check_time)]
    attempt: str
    number: int = 0
    link: str | None = None
    is_signed: bool = False
    head: str = START

    @property
    def accepted(self) -> tuple[str, ...]:
        """The findings about the ledger that its writer accepted."""
        texts = self.evidence.get(ACCEPTED) if self.kind == "rollback" else None
        return tuple(text for text in texts if isinstance(text, str)) if isinstance(texts, list | tuple) else ()


LINE = TypeAdapter(Line)


@dataclass(frozen=True)
class Entry:
    """A version of the ledger's model in MLflow.

    Attributes:
        text: the JSON.
        signature: of the JSON; "": it is not signed.
        line: None: the entry cannot be read.
    """

    link: Link
    text: str
    signature: str
    line: Line | None


@dataclass(frozen=True)
class Effect:
    """The effect of a line.

    Attributes:
        what: "void": the champion had changed before the line was written.
        champion: after the line.
        reason: why a line is void, else "".
    """

    number: int
    what: What
    champion: int | None
    reason: str


@dataclass(frozen=True)
class State:
    """The state after all lines.

    Attributes:
        champion: number of the version; None: there is none.
        previous: number of the champion before.
        last_move: number of the last line that moved an alias; 0: none did.
        effects: one for each line.
    """

    champion: int | None
    previous: int | None
    last_move: int
    effects: tuple[Effect, ...]


def replay(lines: Sequence[Line], found: Aliases) -> State:
    """The state after all lines; each line is a compare-and-swap on the state before it.

    A line takes effect if the champion is the one it expected, and no line that its writer had not read moved it.

    Args:
        lines: in the order of their numbers.
        found: the aliases in MLflow, the state of a ledger without lines.
    """
    start = lines[0].found if lines else found
    state = State(start.champion, start.previous, 0, ())
    for line in lines:
        state = _apply(state, line)
    return state


def _apply(state: State, line: Line) -> State:
    if line.kind == "refuse":
        return _with_effect(state, Effect(line.number, "refused", state.champion, ""))
    if line.kind == "audit":
        return _with_effect(state, Effect(line.number, "audited", state.champion, ""))
    if line.expected_champion != state.champion or state.last_move > line.known:
        moved = f", moved in line {state.last_move}" if state.last_move > line.known else ""
        reason = f"the champion was {state.champion or 'none'} by then{moved}"
        return _with_effect(state, Effect(line.number, "void", state.champion, reason))
    other = state.champion if state.champion != line.version else state.previous
    effect = Effect(line.number, WHATS[line.kind], line.version, "")
    return _with_effect(State(line.version, other, line.number, state.effects), effect)


def _with_effect(state: State, effect: Effect) -> State:
    return replace(state, effects=(*state.effects, effect))


def new_line(
    kind: Kind, version: int, lines: Sequence[Line], found: Aliases, reasons: Sequence[str], evidence: Mapping[str, Any]
) -> Line:
    """A line to be written, with actor and time.

    Args:
        lines: all that were read before the decision.
        evidence: of JSON's types; nan becomes null.
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
    """Who decides: SEGLINE_ACTOR, else user and host, and the flow run if Prefect started this program."""
    if actor := os.environ.get("SEGLINE_ACTOR"):
        return actor
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # the user of a container may have no name
        user = f"user {os.getuid()}"
    flow_run = os.environ.get("PREFECT__FLOW_RUN_ID")
    return f"{user}@{socket.gethostname()}" + (f", flow run {flow_run}" if flow_run else "")


def ledger_name() -> str:
    """Name of the registered model whose versions are the lines."""
    return f"{model_name()}.ledger"


def append(line: Line) -> Line:
    """Writes a line after all others and gives it with its number. Tries again while others write.

    Raises:
        RegistryError: the line is not valid, or MLflow does not accept it.
    """
    content = {name: value for name, value in nan_as_null(asdict(line)).items() if name not in ("number", "head")}
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    try:
        _to_line(text)
    except ValueError as err:
        raise RegistryError(f"{line.kind} {line.version}: is not a line of the ledger ({err})") from err
    tags = {f"line.{start // TAG_CHARS}": text[start : start + TAG_CHARS] for start in range(0, len(text), TAG_CHARS)}
    tags[DIGEST_TAG] = _digest(text)
    if key := read_key():
        tags[SIGNATURE_TAG] = sign(key, text)
    description = f"{line.kind} {line.version}: {'; '.join(line.reasons)}"[:DESCRIPTION_CHARS]
    write_patiently(f"a line of {ledger_name()}", lambda: create_entry(ledger_name(), SOURCE, tags, description, ABOUT))
    for written in read_ledger():
        if written.attempt == line.attempt:
            return written
    raise RegistryError(f"{ledger_name()}: the line that was written is not there; see `segline history`")


def read_ledger() -> tuple[Line, ...]:
    """Every readable line in the order of their numbers; if a line was sent twice, the first of the two.

    `pipeline.ledger.audit` reports the others.

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
    """Every version of the ledger's model, readable or not, in the order of their numbers.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    return tuple(map(parse_entry, list_versions(ledger_name())))


def parse_entry(version: Version) -> Entry:
    """Reads a line from the tags of a version; an unreadable line gives an entry that says why."""
    num_parts = sum(name.startswith("line.") for name in version.tags)
    text = "".join(version.tags.get(f"line.{index}", "") for index in range(num_parts))  # no JSON if one is missing
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _to_line(text: str) -> Line:
    try:
        return LINE.validate_json(text.encode(errors="surrogatepass"), strict=True)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{f'{where}: ' if where else ''}{first['msg']}") from err
