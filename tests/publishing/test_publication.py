"""Tests of publishing files under a number: whole or not at all, and the older ones."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import StorageError
from pipeline.publishing.champion import open_place
from pipeline.publishing.place import Place
from pipeline.publishing.publication import find_newest, read_record
from pipeline.publishing.record import GRAPH, RECORD
from tests.publications import MODEL, NAMES, is_killed, publish_files, read_all, record_of, write_files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The files of a model."""
    return write_files(tmp_path / "model", "one")


def put(place: Place, files: dict[str, bytes]) -> None:
    """Writes files by path as somebody else does."""
    with TemporaryDirectory() as temporary, place.alone():
        for path, content in files.items():
            (Path(temporary) / "file").write_bytes(content)
            place.write(path, Path(temporary) / "file")


def test_a_publication_has_the_files_and_their_record(destination: str, model: Path) -> None:
    """Publishing again does nothing, and says so."""
    assert publish_files(destination, model, 3) == ("published", ())
    files = read_all(open_place(destination, MODEL))
    assert files == {
        **{f"3/{name}": (model / name).read_bytes() for name in NAMES},
        f"3/{RECORD}": record_of(model, 3).to_bytes(),
    }
    assert publish_files(destination, model, 3) == ("unchanged", ())
    assert read_all(open_place(destination, MODEL)) == files


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from((*NAMES, RECORD)), st.sampled_from(["lost", "changed", "empty"]), max_size=3))
def test_whatever_is_damaged_beside_a_record_is_repaired(damage: dict[str, str]) -> None:
    """Content is compared, not names; nothing is repaired where nothing is damaged. A file that was added stays."""
    with TemporaryDirectory() as folder:
        model, destination = write_files(Path(folder) / "model", "one"), f"{folder}/served"
        publish_files(destination, model, 3)
        (Path(destination) / MODEL / "3/notes.txt").write_text("mine")
        whole = read_all(open_place(destination, MODEL))
        for name, how in damage.items():
            path = Path(destination) / MODEL / "3" / name
            path.unlink() if how == "lost" else path.write_text({"changed": "x", "empty": ""}[how])
        if RECORD in damage:  # then nothing says that it is ours
            with pytest.raises(StorageError, match="segline/3: is not a publication of segline .*move it away"):
                publish_files(destination, model, 3)
            return
        assert publish_files(destination, model, 3)[0] == ("repaired" if damage else "unchanged")
        assert read_all(open_place(destination, MODEL)) == whole


def test_a_lost_record_is_written_again_if_all_else_is_the_models(destination: str, model: Path) -> None:
    """Nothing of anybody else is lost by that."""
    publish_files(destination, model, 3)
    place = open_place(destination, MODEL)
    for content in (b"", b"{}"):
        put(place, {f"3/{RECORD}": content})
        assert publish_files(destination, model, 3) == ("repaired", ())
    place.delete(f"3/{RECORD}")
    assert publish_files(destination, model, 3) == ("repaired", ())
    assert read_record(place, 3, MODEL) == record_of(model, 3)


def test_files_of_others_under_the_number_are_not_touched(destination: str, model: Path) -> None:
    """The message says what to do."""
    place = open_place(destination, MODEL)
    put(place, {"3/saved_model.pb": b"of somebody else"})
    with pytest.raises(StorageError, match="segline/3: is not a publication of segline .*; move it away"):
        publish_files(destination, model, 3)
    assert read_all(place) == {"3/saved_model.pb": b"of somebody else"}


def test_a_whole_publication_of_another_ledger_is_not_replaced(destination: str, model: Path) -> None:
    """Two projects that publish to one place would replace each other's models in turn."""
    publish_files(destination, write_files(model.with_name("other"), "two"), 3)
    before = read_all(open_place(destination, MODEL))
    with pytest.raises(StorageError, match="segline/3: is segline/7 of another ledger, .*to another destination"):
        publish_files(destination, model, 3)
    assert read_all(open_place(destination, MODEL)) == before


def test_a_file_of_a_publication_is_repaired_without_its_graph(destination: str, model: Path) -> None:
    """So nobody loads it meanwhile; the graph is written again, last."""
    publish_files(destination, model, 3)
    place = open_place(destination, MODEL)
    put(place, {f"3/{NAMES[2]}": b"tampered"})
    assert publish_files(destination, model, 3) == ("repaired", ())
    assert place.read(f"3/{NAMES[2]}", 99) == (model / NAMES[2]).read_bytes()


def test_the_newest_stay_and_the_older_ones_go(destination: str, model: Path) -> None:
    """Only what segline published is removed: other names, other models and files without a record stay."""
    for number in (1, 2, 4, 7):
        publish_files(destination, model, number)
    others = {
        "3/saved_model.pb": b"no record",
        "04/saved_model.pb": b"another name of the number",
        f"5/{RECORD}": record_of(model, 4).to_bytes(),
        f"6/{RECORD}": replace(record_of(model, 6), model="other").to_bytes(),
        "notes.txt": b"mine",
    }
    put(open_place(destination, MODEL), others)
    assert publish_files(destination, model, 9, keep=2) == ("published", (1, 2, 4))
    files = read_all(open_place(destination, MODEL))
    assert {path.partition("/")[0] for path in files} == {"7", "9", *(path.partition("/")[0] for path in others)}
    assert all(files[path] == content for path, content in others.items())


def test_an_incomplete_older_publication_is_removed(destination: str, model: Path) -> None:
    """It was never served, and does not count among those to keep."""
    for number in (1, 2):
        publish_files(destination, model, number)
    open_place(destination, MODEL).delete(f"2/{GRAPH}")
    assert publish_files(destination, model, 3, keep=2) == ("published", (2,))
    assert {path.partition("/")[0] for path in read_all(open_place(destination, MODEL))} == {"1", "3"}


def test_the_newest_is_the_largest_number_of_anybody(destination: str, model: Path) -> None:
    """TensorFlow Serving asks for no record."""
    place = open_place(destination, MODEL)
    assert find_newest(place) is None
    publish_files(destination, model, 3)
    put(place, {"0012/x": b"of somebody else"})
    assert find_newest(place) == 12


@pytest.mark.e2e
def test_a_publisher_may_be_killed_at_any_moment(destination: str, model: Path) -> None:
    """What can be loaded is whole at each moment; the same command then ends what was begun and leaves nothing else."""
    other = write_files(model.with_name("other"), "two")
    publish_files(destination, other, 1)
    place, event, states = open_place(destination, MODEL), 1, set[frozenset[str]]()
    while is_killed(destination, model, event, number=2):
        files = read_all(place)
        for number, source in ((1, other), (2, model)):
            if f"{number}/{GRAPH}" in files:
                assert all(files[f"{number}/{name}"] == (source / name).read_bytes() for name in NAMES)
        states.add(frozenset(files))
        event += 7 if "://" in destination else 3
    assert len(states) > 1
    assert publish_files(destination, model, 2, keep=1)[0] in ("unchanged", "repaired")
    files = read_all(place)
    assert set(files) == {f"2/{name}" for name in (*NAMES, RECORD)}


@pytest.mark.e2e
def test_what_a_killed_publisher_left_goes_with_the_next_publication(destination: str, model: Path) -> None:
    """Also if the champion has changed since."""
    assert is_killed(destination, model, 5 if "://" not in destination else 12, number=2)
    assert publish_files(destination, model, 3)[0] == "published"
    assert {path.partition("/")[0] for path in read_all(open_place(destination, MODEL))} == {"3"}
    if "://" not in destination:
        assert [path.name for path in (Path(destination) / MODEL / ".segline").iterdir()] == ["lock"]
