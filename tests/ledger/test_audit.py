"""Tests of the audit: whatever is done to the ledger in MLflow is told, and can be accepted by a person."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.ledger import aliases
from pipeline.ledger.aliases import check_agreement, read_standing, record
from pipeline.ledger.audit import HEAD_TAG, SEEN, Witness, audit, keep_seen
from pipeline.ledger.ledger import append, new_line, parse_entry, read_ledger
from pipeline.registry.client import find_version, list_versions, set_alias
from pipeline.registry.connection import opened
from tests.contest import number_by_alias
from tests.finished_project import temporary_folder, use_registry
from tests.hostile_registry import line_tags, texts

pytestmark = pytest.mark.services

NUM_LINES = 4


def promote(version: int, kind: str = "promote") -> None:
    """Records a decision on whoever is champion."""
    standing = read_standing()
    record(new_line(kind, version, standing.lines, standing.found, ["why"], standing.acceptance))  # type: ignore[arg-type]


def tag(number: int, **tags: str) -> None:
    """Changes tags of a line by hand."""
    with opened() as (_, client):
        for name, value in tags.items():
            client.set_model_version_tag("segline.ledger", str(number), name, value)


def delete(*numbers: int) -> None:
    """Deletes lines by hand."""
    with opened() as (_, client):
        for number in numbers:
            client.delete_model_version("segline.ledger", str(number))


def delete_all() -> None:
    """Deletes the ledger by hand."""
    with opened() as (_, client):
        client.delete_registered_model("segline.ledger")


def exchange(first: int, second: int) -> None:
    """Gives two lines each other's content."""
    one, two = (list_versions("segline.ledger")[number - 1].tags for number in (first, second))
    for number, tags in ((first, two), (second, one)):
        with opened() as (_, client):
            for name, value in tags.items():
                client.set_model_version_tag("segline.ledger", str(number), name, value)


def forge(**changes: object) -> None:
    """Adds a line that looks like the last one."""
    tags = dict(list_versions("segline.ledger")[-1].tags)
    content = {**json.loads(tags["line.0"]), "attempt": "forged", **changes}
    from pipeline.ledger.ledger import DIGEST_TAG, SOURCE, _digest

    text = json.dumps(content)
    with opened() as (_, client):
        made = {"line.0": text, DIGEST_TAG: _digest(text)}
        client.create_model_version("segline.ledger", SOURCE, tags=made, await_creation_for=None)


@cache
def written_ledger() -> Path:
    """An SQLite file with four versions, each promoted in its turn; writing it takes seconds, copying it none."""
    folder = temporary_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        use_registry(folder, patch)
        with opened() as (_, client):
            client.create_registered_model("segline")
            for _number in range(NUM_LINES):
                client.create_model_version("segline", "segline:/test", await_creation_for=None)
        for number in range(1, NUM_LINES + 1):
            promote(number)
        assert read_standing().findings == () == read_standing().notes
    return folder / "mlflow.db"


@pytest.fixture
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That registry, in a checkout that has seen nothing of it."""
    file = written_ledger()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aliases, "PAUSE_S", 0.01)
    use_registry(tmp_path, monkeypatch)
    shutil.copy(file, tmp_path / "mlflow.db")


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (lambda: tag(2, sha256="0" * 64), "line 2 cannot be read (its tag sha256 is 000"),
        (lambda: tag(2, **{"line.0": "{"}), "line 2 cannot be read (Invalid JSON"),
        (lambda: delete(2), "line 2 is not there: deleted in MLflow"),
        (lambda: delete(4), "the ledger led to line 4 with the hash"),
        (lambda: delete(3, 4), "and does not any more: its end was cut off, it was changed, or deleted and begun"),
        (delete_all, "the ledger led to line 4 with the hash"),
        (lambda: exchange(2, 3), "line 2 says that it was written after line 2: it was moved, copied or forged"),
        (lambda: forge(link="0" * 64), "line 5 holds a hash that the lines before it never had"),
        (lambda: forge(link=None), "line 5 holds no hash of the lines before it, which do: it is forged"),
    ],
)
@pytest.mark.usefixtures("_ledger")
def test_harm_is_told_and_nothing_is_decided_until_a_person_accepts_it(harm: Callable[[], None], finding: str) -> None:
    """What happened is told, a decision is refused, and a rollback by name records that it is accepted."""
    before = number_by_alias()
    harm()
    standing = read_standing(completes=True)
    assert any(finding in text for text in standing.findings), standing.findings
    with pytest.raises(
        RegistryError, match="the ledger segline.ledger is not as it was written: .*rollback --to VERSION"
    ):
        check_agreement(standing)
    assert number_by_alias() == before
    promote(1, "rollback")
    standing = read_standing()
    assert standing.findings == () and standing.complaint is None and standing.state.champion == 1
    accepted = read_ledger()[-1].number
    assert any(f"accepted in line {accepted}: " in note and finding in note for note in standing.notes)
    promote(2)
    assert read_standing().findings == ()
    delete(accepted)
    assert read_standing().findings


@pytest.mark.usefixtures("_ledger")
def test_end_that_was_cut_off_with_all_tags_shows_where_it_was_seen() -> None:
    """Who removes the heads in MLflow, too, does not reach the checkout that has read the ledger before."""
    read_standing()
    assert SEEN.exists()
    delete(4)
    with opened() as (_, client):
        client.delete_registered_model_tag("segline", HEAD_TAG)
        client.delete_model_version("segline", "4")
        set_alias("champion", find_version("3"))
    standing = read_standing()
    assert standing.notes == (f"line 4 was seen by this checkout ({SEEN})",)
    assert standing.findings[0].startswith("the ledger led to line 4 with the hash")


@pytest.mark.usefixtures("_ledger")
def test_line_that_repeats_another_is_noted() -> None:
    """A copy counts once, and is told."""
    lines = read_ledger()
    append(lines[1])
    standing = read_standing()
    assert standing.findings == () and standing.state.champion == NUM_LINES
    assert standing.notes == ("line 5 repeats line 2: sent twice or copied, it counts once",)


@pytest.mark.e2e
@pytest.mark.usefixtures("_ledger")
def test_key_shows_who_writes_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first signed line on, what the key did not sign is told; without the key nothing is looked at."""
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "right")
    assert read_standing().notes == ("no line is signed yet, though SEGLINE_LEDGER_KEY is set",)
    promote(1)
    assert read_standing().findings == () == read_standing().notes
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "wrong")
    assert any("line 5 is signed by another key than that in SEGLINE_LEDGER_KEY" in f for f in read_standing().findings)
    monkeypatch.delenv("SEGLINE_LEDGER_KEY")
    assert read_standing().findings == ()
    promote(2)
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "right")
    (finding,) = read_standing().findings
    assert finding == "line 6 is not signed, lines before it are: it is forged, or was written without the key"
    with opened() as (_, client):
        client.delete_model_version_tag("segline.ledger", "5", "hmac-sha256")
    assert len(read_standing().findings) == 2


@pytest.mark.usefixtures("_ledger")
def test_unsigned_line_accepts_nothing_where_there_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no key cannot accept in the name of those who have one."""
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "right")
    promote(1)
    monkeypatch.delenv("SEGLINE_LEDGER_KEY")
    delete(2)
    promote(3, "rollback")
    assert read_standing().findings == ()
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "right")
    assert "line 2 is not there: deleted in MLflow" in read_standing().findings


@pytest.mark.e2e
@given(st.lists(line_tags(), max_size=4), st.lists(st.tuples(st.integers(0, 9), texts()), max_size=3))
def test_any_ledger_is_looked_at(lines: list[dict[str, str]], heads: list[tuple[int, str]]) -> None:
    """Whatever stands in the lines, with a key or without, there is an audit."""
    from pipeline.registry.client import Version

    entries = [parse_entry(Version("x", number, "", (), tags, None)) for number, tags in enumerate(lines, start=1)]
    witnesses = [Witness("someone", number, head) for number, head in heads]
    for key in ("", "key"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SEGLINE_LEDGER_KEY", key)
            assert audit(entries, witnesses).findings is not None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', "[" * 100_000, "\x00"])
@pytest.mark.usefixtures("_ledger")
def test_damaged_memory_of_the_checkout(content: str) -> None:
    """A file that cannot be read is as one that is not there, and is written anew."""
    SEEN.parent.mkdir(exist_ok=True)
    SEEN.write_text(content)
    assert read_standing().findings == () and json.loads(SEEN.read_text())


@pytest.mark.usefixtures("_ledger")
def test_checkout_that_cannot_be_written_to() -> None:
    """Reading needs no right to write."""
    SEEN.parent.write_text("a file in the way")
    keep_seen(read_ledger())
    assert read_standing().findings == ()
