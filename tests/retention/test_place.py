"""Tests of pipeline/retention/place.py."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import RegistryError
from pipeline.retention.place import Entry, Place, changed_at, clear, look_at, remove_whole, size_of, words


def test_a_place_that_cannot_be_judged_has_nothing_that_goes() -> None:
    """Also if the error comes after the first entries."""

    def broken() -> Iterator[Entry]:
        yield Entry("a", 1, "old", lambda: None)
        raise RegistryError("it is gone")

    assert look_at("place", broken) == Place("place", problem="nothing is removed: it is gone")


def test_a_removal_that_fails_ends_the_removal_of_the_place() -> None:
    """What was removed before and what stays is in the result, with the reason."""
    done: list[str] = []

    def refuse() -> None:
        raise PermissionError(13, "not yours")

    entries = [Entry("kept", 1, "young"), Entry("a", 2, "old", lambda: done.append("a")), Entry("b", 4, "old", refuse)]
    cleared = clear(Place("place", (*entries, Entry("c", 8, "old", lambda: done.append("c")))))
    assert done == ["a"] and "not yours" in cleared.problem
    assert [entry.what for entry in cleared.entries] == ["a", "kept"]
    assert sum(entry.num_bytes for entry in cleared.removals) == 2


def test_a_folder_counts_as_its_newest_file_and_links_are_not_followed(tmp_path: Path) -> None:
    """Size and age are those of what a removal takes; removing a link leaves what it leads to."""
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "big").write_text("x" * 10_000)
    (folder / "deep").mkdir(parents=True)
    for name, time in (("a", 100), ("deep/b", 200)):
        (folder / name).write_text("xy")
        os.utime(folder / name, (time, time))
    assert (size_of(folder), changed_at(folder)) == (4, 200)
    (folder / "link").symlink_to(outside)
    assert size_of(folder) < 1000
    rest = tmp_path / ".folder.part/half"
    rest.mkdir(parents=True)  # of a removal that was killed
    remove_whole(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside"] and (outside / "big").exists()
    remove_whole(folder)
    assert words(1.5) == "1.5 d"
