"""Checks that nobody changed the ledger, by its chain, its signatures and heads that were seen before.

A chain alone does not show that its end was cut off. So heads are kept in three other places: a tag of every version
that was registered or decided on, a tag of the registered model, and a file in this checkout.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.ledger.chain import KEY, START, Chain, follow_chain, is_signed, read_key
from pipeline.ledger.ledger import Entry, Line, ledger_name, list_lines
from pipeline.registry.client import model_name, read_model
from pipeline.registry.connection import tracking_uri

HEAD_TAG = "ledger_head"
"""Holds the number of a line and the head of the chain after it, such as `7:0a1b...`."""
SEEN = Path(".segline/ledger_heads.json")
"""Holds the last head that this checkout has seen, by ledger."""
HEAD = re.compile(r"([0-9]{1,10}):([0-9a-f]{64})")
SHORT = 12  # characters of a hash in a message


@dataclass(frozen=True)
class Witness:
    """A head of the chain that was seen before.

    Attributes:
        who: the version, model or checkout that keeps it.
        head: of the chain after line `number`.
    """

    who: str
    number: int
    head: str


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        lines: the readable ones.
        findings: each difference from what was written that nobody has accepted, a phrase each.
        notes: what is odd, or was accepted.
    """

    lines: tuple[Line, ...]
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def audit(entries: Sequence[Entry], witnesses: Sequence[Witness]) -> Audit:
    """Looks for changed, forged, missing and repeated lines.

    Args:
        witnesses: read before the entries; read after them they could name a line that the entries lack.

    Raises:
        RegistryError: the key cannot be read.
    """
    chain, key = follow_chain([entry.link for entry in entries]), read_key()
    forged = dict(_check_signatures(entries, key)) if key else {}
    lines = [entry.line for entry in entries if entry.line and entry.line.accepted and entry.link.number not in forged]
    accepted = {text: line.number for line in lines for text in line.accepted}
    lost = _find_lost(chain, witnesses, max(accepted.values(), default=0))
    findings = [text for text in (*chain.findings, *forged.values(), *lost) if text not in accepted]
    notes = [*chain.notes, *_describe_copies(entries)]
    notes += [f"line {witness.number} was seen by {witness.who}" for text, witness in lost.items() if text in findings]
    notes += [f"accepted in line {number}: {text}" for text, number in accepted.items()]
    if key and entries and not any(entry.signature for entry in entries):
        notes.append(f"no line is signed yet, though {KEY} is set")
    return Audit(list_lines(entries), tuple(findings), tuple(notes))


def _check_signatures(entries: Sequence[Entry], key: bytes) -> Iterator[tuple[int, str]]:
    """Lines from the first signed one on that the key did not sign."""
    has_begun = False
    for entry in entries:
        has_begun = has_begun or bool(entry.signature) or bool(entry.line and entry.line.is_signed)
        if not has_begun or is_signed(key, entry.text, entry.signature):
            continue
        what = (
            f"is signed by another key than that in {KEY}" if entry.signature else "is not signed, lines before it are"
        )
        yield entry.link.number, f"line {entry.link.number} {what}: it is forged, or was written without the key"


def _find_lost(chain: Chain, witnesses: Sequence[Witness], waived: int) -> dict[str, Witness]:
    """Findings about heads that the chain lacks; line `waived` accepts those of the lines before it."""
    return {
        f"the ledger led to line {witness.number} with the hash {witness.head[:SHORT]}, and does not any more: its end "
        "was cut off, it was changed, or deleted and begun anew": witness
        for witness in witnesses
        if chain.heads.get(witness.number) != witness.head and witness.number >= waived
    }


def _describe_copies(entries: Sequence[Entry]) -> Iterator[str]:
    first: dict[str, int] = {}
    for entry in entries:
        number = entry.link.number
        if entry.line and first.setdefault(entry.line.attempt, number) != number:
            yield f"line {number} repeats line {first[entry.line.attempt]}: sent twice or copied, it counts once"


def read_witnesses() -> tuple[Witness, ...]:
    """Heads that versions, the registered model and this checkout keep; of equal heads the first.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    model = read_model()
    kept: dict[str, object] = {model_name(): model.tags.get(HEAD_TAG)} if model.versions else {}
    kept |= {str(version): version.tags.get(HEAD_TAG) for version in model.versions}
    kept[f"this checkout ({SEEN})"] = _read_seen().get(_ledger_key())
    witnesses = {}
    for who, head in reversed(kept.items()):
        if match := HEAD.fullmatch(str(head)):
            witnesses[int(match[1]), match[2]] = Witness(who, int(match[1]), match[2])
    return tuple(witnesses.values())


def _read_seen() -> Mapping[str, object]:
    try:
        return TypeAdapter(dict[str, object]).validate_json(SEEN.read_bytes())
    except (OSError, ValidationError):  # nothing was seen
        return {}


def keep_seen(lines: Sequence[Line]) -> None:
    """Keeps the head in a file of this checkout; does nothing if the checkout is read-only."""
    before = _read_seen()
    seen = {**before, _ledger_key(): head_of(lines)}
    if not lines or seen == before:
        return
    beside = SEEN.with_name(f"{SEEN.name}.{os.getpid()}")
    with suppress(OSError):
        SEEN.parent.mkdir(exist_ok=True)
        beside.write_text(json.dumps(seen))
        beside.replace(SEEN)


def head_of(lines: Sequence[Line]) -> str:
    """The head of the chain in the format of the tags."""
    return f"{lines[-1].number}:{lines[-1].head}" if lines else f"0:{START}"


def _ledger_key() -> str:
    """A name of the ledger without its address."""
    return sha256(f"{tracking_uri()} {ledger_name()}".encode()).hexdigest()
