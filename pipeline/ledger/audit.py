"""Whether the ledger is what was written: its chain, its signatures, and what others saw of it before.

A chain alone does not show that its end was cut off. So heads are kept elsewhere: in a tag of every version that was
registered or decided on, in a tag of the registered model, and in a file of this checkout.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pipeline.ledger.chain import START, Chain, follow_chain
from pipeline.ledger.key import KEY, is_signed, read_key
from pipeline.ledger.ledger import Entry, Line, ledger_name, list_lines
from pipeline.registry.client import Version, list_versions, model_name, opened, tracking_uri

HEAD_TAG = "ledger_head"
"""Number of a line and the head of the chain after it, such as `7:0a1b...`."""
SEEN = Path(".segline/ledger_heads.json")
"""The last head that this checkout has seen, by ledger."""
HEAD = re.compile(r"([0-9]{1,10}):([0-9a-f]{64})")
SHORT = 12  # characters of a hash in a message


@dataclass(frozen=True)
class Witness:
    """A head of the chain that someone has seen.

    Attributes:
        who: has seen it.
        number: of the line.
        head: of the chain after it.
    """

    who: str
    number: int
    head: str


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        findings: what is not as it was written and nobody has accepted, a phrase each.
        notes: what is odd, or was accepted.
        lines: that can be read.
    """

    findings: tuple[str, ...]
    notes: tuple[str, ...]
    lines: tuple[Line, ...]


def audit(entries: Sequence[Entry], witnesses: Sequence[Witness]) -> Audit:
    """Looks for everything that does not fit.

    Args:
        entries: of the ledger.
        witnesses: that were read before the entries, so that no line is missed that was written meanwhile.

    Raises:
        RegistryError: the key cannot be read.
    """
    chain, key = follow_chain([entry.link for entry in entries]), read_key()
    forged = dict(_check_signatures(entries, key)) if key else {}
    lines = [entry.line for entry in entries if entry.line and entry.line.accepted and entry.link.number not in forged]
    accepted = {text: line.number for line in lines for text in line.accepted}
    lost = _find_lost(chain, witnesses, max(accepted.values(), default=0))
    found = [text for text in (*chain.findings, *forged.values(), *lost) if text not in accepted]
    notes = [*chain.notes, *_describe_copies(entries)]
    notes += [f"line {witness.number} was seen by {witness.who}" for text, witness in lost.items() if text in found]
    notes += [f"accepted in line {number}: {text}" for text, number in accepted.items()]
    if key and entries and not any(entry.signature for entry in entries):
        notes.append(f"no line is signed yet, though {KEY} is set")
    return Audit(tuple(found), tuple(notes), list_lines(entries))


def _check_signatures(entries: Sequence[Entry], key: bytes) -> Iterator[tuple[int, str]]:
    """Lines that the key did not sign, from the first signed line on."""
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
    """Heads that the chain does not lead to, in words; a person who accepted in line `waived` accepted those before."""
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
    """Heads that versions, the registered model and this checkout have seen; of equal ones the first.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    versions = list_versions()
    found = [*_list_tagged(versions), *_read_seen()]
    return tuple({(witness.number, witness.head): witness for witness in reversed(found)}.values())


def _list_tagged(versions: Sequence[Version]) -> Iterator[Witness]:
    if not versions:
        return
    with opened() as (_, client):
        model = client.get_registered_model(model_name()).tags
    for who, tags in ((model_name(), model), *((str(version), version.tags) for version in versions)):
        if found := HEAD.fullmatch(str(tags.get(HEAD_TAG, ""))):
            yield Witness(who, int(found[1]), found[2])


def _read_seen() -> Iterator[Witness]:
    found = _read_file().get(_place())
    if isinstance(found, str) and (match := HEAD.fullmatch(found)):
        yield Witness(f"this checkout ({SEEN})", int(match[1]), match[2])


def _read_file() -> Mapping[str, object]:
    try:
        content = json.loads(SEEN.read_text())
    except (OSError, ValueError, RecursionError):  # nothing was seen
        return {}
    return content if isinstance(content, dict) else {}


def keep_seen(lines: Sequence[Line]) -> None:
    """Remembers the head in this checkout; where it cannot be written, as in a read-only checkout, nothing is."""
    told = {**_read_file(), _place(): head_of(lines)}
    beside = SEEN.with_name(f"{SEEN.name}.{os.getpid()}")
    if not lines or told == _read_file():
        return
    try:
        SEEN.parent.mkdir(exist_ok=True)
        beside.write_text(json.dumps(told))
        beside.replace(SEEN)
    except OSError:
        pass


def head_of(lines: Sequence[Line]) -> str:
    """The head of the chain, as it is kept in tags."""
    return f"{lines[-1].number}:{lines[-1].head}" if lines else f"0:{START}"


def _place() -> str:
    """A name of the ledger that shows no address."""
    return sha256(f"{tracking_uri()} {ledger_name()}".encode()).hexdigest()
