"""The chain of the ledger's lines: each holds a hash of all lines that its maker had read.

Many write at once, and the data base alone knows which line comes next, so a line cannot hold the hash of the very
line before it. It holds the head of the chain at the last line that its maker had read; the lines between the two are
covered by the next. A head covers number and content of every line up to it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

START = "0" * 64
"""Head of a ledger without lines."""


@dataclass(frozen=True)
class Link:
    """What the chain has of a line.

    Attributes:
        number: of the line.
        digest: SHA-256 of its content.
        known: number of the last line that its maker had read.
        head: of the chain at that line, as its maker had it; None: the line is older than the chain, or damaged.
        is_acceptance: its maker accepted what was found of the lines until then.
        damage: why it cannot be read, else "".
    """

    number: int
    digest: str
    known: int
    head: str | None
    is_acceptance: bool = False
    damage: str = ""


@dataclass
class Chain:
    """Lines followed from the first to the last.

    Attributes:
        heads: by number of the line; 0 is the start.
        findings: what is not as it was written, in the order of the lines; the same whenever it is looked at.
        notes: what is odd in lines that are older than the chain.
    """

    heads: dict[int, str] = field(default_factory=lambda: {0: START})
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def follow_chain(links: Sequence[Link]) -> Chain:
    """Computes every head, and compares those that the lines hold.

    A change is told once, where a line holds another head than is found; the lines after it are followed from the
    head that the line holds.

    Args:
        links: in the order of their numbers.
    """
    walk = _Walk()
    for link in links:
        walk.step(link)
    return walk.chain


def extend(head: str, number: int, digest: str) -> str:
    """The head of the chain after one more line."""
    return hashlib.sha256(f"{head} {number} {digest}".encode(errors="backslashreplace")).hexdigest()


class _Walk:
    def __init__(self) -> None:
        self.chain = Chain()
        self.digests: dict[int, str] = {}
        self.is_chained = False
        self.last = 0
        self.sound = 0  # a later line vouches for the lines up to this one, or what is wrong there is told
        self.told: list[tuple[int, int]] = []  # first and last of lines that are missing or damaged

    def step(self, link: Link) -> None:
        self._tell_gap(link)
        if link.damage:
            self.chain.findings.append(link.damage)
            self.told.append((link.number, link.number))
        elif link.head is not None:
            self.is_chained = True
            self.chain.findings.extend(self._compare(link, link.head))
        elif self.is_chained:
            self.chain.findings.append(
                f"line {link.number} holds no hash of the lines before it, which do: it is forged, or of an old segline"
            )
        before = max(self.chain.heads)
        self.chain.heads[link.number] = extend(self.chain.heads[before], link.number, link.digest)
        self.digests[link.number] = link.digest
        self.last = link.number

    def _tell_gap(self, link: Link) -> None:
        """Tells lines that are not there; who accepts the ledger as it is cannot know the number of the own line."""
        first, last = self.last + 1, link.number - 1
        covered = min(last, link.known) if link.head is not None else 0
        self._tell(self.chain.findings, first, covered)
        if not link.is_acceptance:
            self._tell(self.chain.findings if self.is_chained else self.chain.notes, max(first, covered + 1), last)

    def _tell(self, place: list[str], first: int, last: int) -> None:
        if first <= last:
            if place is self.chain.findings:
                self.told.append((first, last))
            place.append(f"{'line' if first == last else 'lines'} {_name(first, last)} not there: deleted in MLflow")

    def _compare(self, link: Link, head: str) -> Iterator[str]:
        known, heads = link.known, self.chain.heads
        if not 0 <= known < link.number:
            yield f"line {link.number} says that it was written after line {known}: it was moved, copied or forged"
        elif heads.get(known) == head:
            self.sound = max(self.sound, known)
        elif known <= self.sound:
            yield f"line {link.number} holds a hash that the lines before it never had: it was moved, copied or forged"
        else:
            if not any(first <= known and last > self.sound for first, last in self.told):
                first = self.sound + 1
                what = f"line {known}" if first == known else f"one of the lines {first} to {known}"
                yield f"{what} was changed, moved or deleted: line {link.number} holds another hash"
            self._follow_from(known, head)
            self.sound = known

    def _follow_from(self, known: int, head: str) -> None:
        self.chain.heads[known] = head
        for number in (number for number in self.digests if number > known):
            self.chain.heads[number] = head = extend(head, number, self.digests[number])


def _name(first: int, last: int) -> str:
    return f"{last} is" if first == last else f"{first} to {last} are"
