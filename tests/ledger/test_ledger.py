"""Tests of the ledger: the law of its lines, and what MLflow keeps of them."""

import getpass
import hashlib
import json
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.ledger import ledger
from pipeline.ledger.chain import START, is_signed
from pipeline.ledger.ledger import (
    Aliases,
    Effect,
    Line,
    append,
    find_actor,
    list_lines,
    new_line,
    parse_entry,
    read_entries,
    read_ledger,
    replay,
)
from pipeline.registry import client
from pipeline.registry.client import Version, list_versions
from tests.finished_project import use_registry
from tests.hostile_registry import LINE, line_tags

NOBODY = Aliases(None, None)
WHEN = "2026-11-22T12:00:00+00:00"


def make(number: int, kind: ledger.Kind, version: int, expected: int | None, known: int | None = None) -> Line:
    """A line whose maker had read all lines before it, unless `known` says otherwise."""
    known = number - 1 if known is None else known
    return Line(kind, version, expected, known, NOBODY, ("why",), {}, "me", WHEN, str(number), number)


@st.composite
def ledgers(draw: st.DrawFn) -> list[Line]:
    """Lines of any kind that expect any champion and know any of the lines before them."""
    kinds: st.SearchStrategy[ledger.Kind] = st.sampled_from(["promote", "refuse", "rollback", "override", "audit"])
    versions = st.integers(1, 4)
    return [
        make(number, draw(kinds), draw(versions), draw(st.none() | versions), draw(st.integers(0, number - 1)))
        for number in range(1, draw(st.integers(1, 12)))
    ]


@given(ledgers(), st.integers(0, 12))
def test_no_line_changes_what_the_lines_before_it_did(lines: list[Line], cut: int) -> None:
    """Replaying a beginning gives the same effects as replaying the whole: what happened stays as it was."""
    assert replay(lines, NOBODY).effects[:cut] == replay(lines[:cut], NOBODY).effects
    assert len(replay(lines, NOBODY).effects) == len(lines)


@given(ledgers())
def test_champion_moves_by_compare_and_swap_only(lines: list[Line]) -> None:
    """A line moves the champion if and only if it expected him and knew of every move before it."""
    champion, last_move = None, 0
    for line, effect in zip(lines, replay(lines, NOBODY).effects, strict=True):
        moves = line.kind not in ("refuse", "audit") and line.expected_champion == champion and line.known >= last_move
        assert (effect.what in ("promoted", "rolled back", "override")) == moves
        assert effect.champion == (line.version if moves else champion)
        champion, last_move = effect.champion, line.number if moves else last_move


@given(st.permutations(range(2, 22)))
def test_of_many_at_once_the_first_line_wins(versions: list[int]) -> None:
    """Of promotions that were decided on the same champion one takes effect, whatever the order."""
    lines = [make(number, "promote", version, 1, 0) for number, version in enumerate(versions, start=1)]
    lines[0] = replace(lines[0], found=Aliases(1, None))
    state = replay(lines, NOBODY)
    assert (state.champion, state.previous) == (versions[0], 1)
    assert [effect.what for effect in state.effects] == ["promoted", *["void"] * 19]
    assert state.effects[1].reason == f"the champion was {versions[0]} by then, moved in line 1"


def test_rollback_is_an_exchange() -> None:
    """After a rollback the two have changed places, and a second undoes the first."""
    lines = [make(1, "promote", 1, None), make(2, "promote", 2, 1), make(3, "rollback", 1, 2)]
    state = replay(lines, NOBODY)
    assert (state.champion, state.previous, state.last_move) == (1, 2, 3)
    state = replay([*lines, make(4, "rollback", 2, 1)], NOBODY)
    assert (state.champion, state.previous) == (2, 1)
    assert state.effects[-1] == Effect(4, "rolled back", 2, "")


def test_promotion_does_not_undo_a_rollback_it_did_not_know_of() -> None:
    """A slow promotion of a version that was promoted and rolled back meanwhile is void, though the champion fits."""
    lines = [make(1, "promote", 1, None), make(2, "promote", 2, 1), make(3, "rollback", 1, 2)]
    state = replay([*lines, make(4, "promote", 2, 1, known=1)], NOBODY)
    assert state.champion == 1
    assert state.effects[-1] == Effect(4, "void", 1, "the champion was 1 by then, moved in line 3")


def test_champion_from_before_the_ledger() -> None:
    """The first line starts at the aliases it found; without a line they are the state."""
    found = Aliases(3, 2)
    assert replay([], found).champion == 3
    line = replace(make(1, "rollback", 2, 3), found=found)
    assert replay([line], NOBODY).champion == 2 and replay([line], NOBODY).previous == 3


@pytest.fixture
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


@pytest.mark.services
@pytest.mark.usefixtures("_registry")
def test_lines_come_back_as_they_were_written() -> None:
    """Whatever a line holds, long evidence and foreign letters too, is read again in order; nan becomes null."""
    assert read_ledger() == ()
    evidence = {"mean_ious": {"1": 0.5, "2": nan}, "text": "größer" * 30_000}
    first = append(new_line("promote", 1, [], NOBODY, ["why", "and why"], evidence))
    second = append(new_line("refuse", 2, [first], Aliases(1, None), ["not"], {}))
    assert (first.number, first.known, second.number, second.known, second.expected_champion) == (1, 0, 2, 1, 1)
    assert read_ledger() == (first, second) and first.evidence == evidence | {"mean_ious": {"1": 0.5, "2": None}}


@pytest.mark.services
@pytest.mark.usefixtures("_registry")
def test_line_that_was_sent_twice_counts_once() -> None:
    """Where the answer was lost and the line was sent again, the first of the two is the line."""
    line = new_line("promote", 1, [], NOBODY, ["why"], {})
    assert append(line).number == append(line).number == 1
    assert len(list_versions(ledger.ledger_name())) == 2 and len(read_ledger()) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("{}", "kind: Field required"),
        (None, "Invalid JSON"),
        (json.dumps({**LINE, "kind": "crown"}), "'refuse', 'rollback', 'override' or 'audit'"),
        (json.dumps({**LINE, "version": "1"}), "version: Input should be a valid integer"),
        (json.dumps({**LINE, "version": 1e3}), "version: Input should be a valid integer"),
        (json.dumps({**LINE, "version": True}), "version: Input should be a valid integer"),
        (json.dumps({**LINE, "version": 10**30}), "version: Input should be less than or equal to 2147483647"),
        (json.dumps({**LINE, "when": "yesterday"}), "Invalid isoformat string"),
        (json.dumps({**LINE, "reasons": "why"}), "reasons: Input should be a valid array"),
        (json.dumps({**LINE, "evidence": {"comparisons": [1]}}), "evidence.comparisons: Input should be an object"),
        (
            json.dumps({**LINE, "evidence": {"comparisons": {"1": {"low": "x"}}}}),
            "evidence.comparisons.1.low: Input",
        ),
        (json.dumps({**LINE, "evidence": {"test_md5": 1}}), "evidence.test_md5: Input should be a valid string"),
        (json.dumps({**LINE, "who": "other"}), "its tag sha256 is 0000, its content has"),
    ],
)
def test_line_that_was_changed_by_hand_is_told(text: str | None, found: str) -> None:
    """What is no line, or not the one that was written, is left out, and which line it is and why is said."""
    tags = {"line.0": text, "sha256": "0000"} if text is not None else {"sha256": "0000"}
    entry = parse_entry(Version("segline.ledger", 3, "", (), tags, None))
    assert entry.line is None and list_lines([entry]) == ()
    assert entry.link.damage.startswith("line 3 cannot be read (") and found in entry.link.damage


def test_line_from_before_the_chain_is_read() -> None:
    """What an older segline wrote has no link, and can still be read."""
    text = json.dumps({name: value for name, value in LINE.items() if name not in ("link", "is_signed")})
    tags = {"line.0": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    entry = parse_entry(Version("segline.ledger", 3, "", (), tags, None))
    assert entry.line and (entry.line.number, entry.line.link, entry.line.is_signed) == (3, None, False)
    assert entry.link.head is None and not entry.link.damage


@given(line_tags())
def test_any_tags_are_a_line_or_a_reason(tags: dict[str, str]) -> None:
    """Nothing that stands in the tags raises; what is taken for a line can be replayed and written again."""
    entry = parse_entry(Version("segline.ledger", 1, "", (), tags, None))
    assert (entry.line is None) == bool(entry.link.damage)
    assert entry.link.damage.isprintable()
    replay(list_lines([entry]), NOBODY)


@pytest.mark.services
@pytest.mark.usefixtures("_registry")
def test_each_line_holds_the_hash_of_those_before() -> None:
    """The link of a line is the head that its maker has read, and is kept."""
    first = append(new_line("promote", 1, [], NOBODY, ["why"], {}))
    second = append(new_line("promote", 2, [first], NOBODY, ["why"], {}))
    assert (first.link, second.link) == (START, first.head) and len({START, first.head, second.head}) == 3


@pytest.mark.services
@pytest.mark.usefixtures("_registry")
def test_lines_are_signed_where_there_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key the content has an HMAC beside it, and says so; without one it has none."""
    append(new_line("promote", 1, [], NOBODY, ["why"], {}))
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "key")
    append(new_line("promote", 1, [], NOBODY, ["why"], {}))
    plain, signed = read_entries()
    assert plain.line and not plain.line.is_signed and plain.signature == ""
    assert signed.line and signed.line.is_signed and is_signed(b"key", signed.text, signed.signature)


@pytest.mark.services
@pytest.mark.usefixtures("_registry")
def test_what_is_no_line_is_not_written() -> None:
    """A kind that nobody knows is refused before anything is written."""
    line = new_line("crown", 1, [], NOBODY, ["why"], {})  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="crown 1: is not a line of the ledger .kind: Input should be 'promote'"):
        append(line)
    assert list_versions(ledger.ledger_name()) == []


def test_registry_that_takes_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing is tried for a while and then given up with what MLflow said."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(client, "PATIENCE_S", 0.1)
    with pytest.raises(
        RegistryError,
        match=r"a line of segline.ledger was not written within 0.1 s: MLflow at http://127.0.0.1:9 fails",
    ):
        append(new_line("promote", 1, [], NOBODY, ["why"], {}))


def test_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in the environment, else the user and host, with the flow run; a user without a name has a number."""
    for name in ("SEGLINE_ACTOR", "PREFECT__FLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    assert find_actor().startswith(f"{getpass.getuser()}@")
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "abc")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)
    assert find_actor().startswith("user 54321@") and find_actor().endswith(", flow run abc")
    monkeypatch.setenv("SEGLINE_ACTOR", "nightly")
    assert find_actor() == "nightly"
