"""The chain and the signatures of the ledger's lines. Each line holds a hash of all lines that its writer had read.

Writers are concurrent and the database numbers the lines, so a line cannot hold the hash of the line directly before
it. It holds the head of the chain at the last line that its writer had read. A later line covers the lines between the
two. A head covers number and content of every line up to it.

The wording of findings is a format: a rollback records accepted findings by their text.
"""

import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import RegistryError

KEY, KEY_FILE = "SEGLINE_LEDGER_KEY", "SEGLINE_LEDGER_KEY_FILE"
"""The optional key that signs the lines, and the file that holds it."""
START = "0" * 64  # head of an empty ledger


@dataclass(frozen=True)
class Link:
    """A line's part in the chain.

    Attributes:
        digest: SHA-256 of its content.
        known: number of the last line that its writer had read.
        head: of the chain at that line, as its writer computed it; None: the line is older than the chain, or damaged.
        is_acceptance: its writer accepted the findings up to that line.
        damage: why the line cannot be read, else "".
    """

    number: int
    digest: str
    known: int
    head: str | None
    is_acceptance: bool = False
    damage: str = ""


@dataclass
class Chain:
    """The result of following the lines from the first to the last.

    Attributes:
        heads: by number of the line; 0 is the start.
        findings: each difference from what was written, in the order of the lines; later lines do not change them.
        notes: gaps in lines that are older than the chain.
    """

    heads: dict[int, str] = field(default_factory=lambda: {0: START})
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def follow_chain(links: Sequence[Link]) -> Chain:
    """Computes every head and compares it with the heads that the lines hold.

    A change gives one finding, at the first line that holds another head. The lines after it are followed from the
    head that this line holds.

    Args:
        links: in the order of their numbers.
    """
    chain = _Walk()
    for link in links:
        chain.step(link)
    return chain


def extend(head: str, number: int, digest: str) -> str:
    """The head of the chain after one more line."""
    return hashlib.sha256(f"{head} {number} {digest}".encode(errors="backslashreplace")).hexdigest()


@dataclass
class _Walk(Chain):
    digests: dict[int, str] = field(default_factory=dict)
    is_chained: bool = False
    last: int = 0
    sound: int = 0  # a later line covers the lines up to this one, or a finding names what is wrong there
    faults: list[tuple[int, int]] = field(default_factory=list)  # first and last of lines that are missing or damaged

    def step(self, link: Link) -> None:
        self._report_gap(link)
        if link.damage:
            self.findings.append(link.damage)
            self.faults.append((link.number, link.number))
        elif link.head is not None:
            self.is_chained = True
            self.findings.extend(self._compare(link, link.head))
        elif self.is_chained:
            self.findings.append(
                f"line {link.number} holds no hash of the lines before it, which do: it is forged, or of an old segline"
            )
        before = max(self.heads)
        self.heads[link.number] = extend(self.heads[before], link.number, link.digest)
        self.digests[link.number] = link.digest
        self.last = link.number

    def _report_gap(self, link: Link) -> None:
        """Reports missing lines. A line that accepts the ledger excuses them: its writer could not know its number."""
        first, last = self.last + 1, link.number - 1
        covered = min(last, link.known) if link.head is not None else 0
        self._report(self.findings, first, covered)
        if not link.is_acceptance:
            self._report(self.findings if self.is_chained else self.notes, max(first, covered + 1), last)

    def _report(self, place: list[str], first: int, last: int) -> None:
        if first <= last:
            if place is self.findings:
                self.faults.append((first, last))
            what = f"line {last} is" if first == last else f"lines {first} to {last} are"
            place.append(f"{what} not there: deleted in MLflow")

    def _compare(self, link: Link, head: str) -> Iterator[str]:
        known, heads = link.known, self.heads
        if not 0 <= known < link.number:
            yield f"line {link.number} says that it was written after line {known}: it was moved, copied or forged"
        elif heads.get(known) == head:
            self.sound = max(self.sound, known)
        elif known <= self.sound:
            yield f"line {link.number} holds a hash that the lines before it never had: it was moved, copied or forged"
        else:
            if not any(first <= known and last > self.sound for first, last in self.faults):
                first = self.sound + 1
                what = f"line {known}" if first == known else f"one of the lines {first} to {known}"
                yield f"{what} was changed, moved or deleted: line {link.number} holds another hash"
            self._follow_from(known, head)
            self.sound = known

    def _follow_from(self, known: int, head: str) -> None:
        self.heads[known] = head
        for number in (number for number in self.digests if number > known):
            self.heads[number] = head = extend(head, number, self.digests[number])


def read_key() -> bytes | None:
    """The key that signs lines, from SEGLINE_LEDGER_KEY or the file in SEGLINE_LEDGER_KEY_FILE; None: neither is set.

    Raises:
        RegistryError: the file cannot be read or is empty.
    """
    if text := os.environ.get(KEY):
        return text.encode()
    if not (path := os.environ.get(KEY_FILE)):
        return None
    try:
        key = Path(path).read_bytes().strip()
    except OSError as err:
        raise RegistryError(f"{KEY_FILE} is {path}: cannot be read ({err.strerror}); correct it, or unset it") from err
    if not key:
        raise RegistryError(f"{KEY_FILE} is {path}: is empty; expected a key, such as `openssl rand -hex 32` gives")
    return key


def sign(key: bytes, text: str) -> str:
    """HMAC-SHA256 of a line's content, in hex."""
    return hmac.digest(key, text.encode(errors="surrogatepass"), "sha256").hex()


def is_signed(key: bytes, text: str, signature: str) -> bool:
    """True if the key made this signature of the text."""
    return hmac.compare_digest(sign(key, text).encode(), signature.encode(errors="backslashreplace"))
