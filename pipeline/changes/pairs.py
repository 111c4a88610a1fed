"""Compares two versions by MD5s alone: pairs of samples, moved groups, changed classes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from pipeline.changes.snapshot import Labelled, Snapshot
from pipeline.dataset.contract import ClassList
from pipeline.text import show_names


class Pair(NamedTuple):
    """A sample in both versions: by the same image, else by the same name."""

    former: str
    name: str


class Pairs(NamedTuple):
    """The samples of two versions: those in both in order of their new name, and the names in one of them alone."""

    kept: tuple[Pair, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Move(NamedTuple):
    """A group that is in other splits than before, "test" or, of a group in several, "test, train"."""

    group: str
    before: str
    after: str


def pair_samples(before: Snapshot, after: Snapshot) -> Pairs:
    """Finds each sample again: image and name, then image and mask, then the image, then the name is the same."""
    keys: tuple[Callable[[str, Labelled], tuple[str, ...]], ...] = (
        lambda name, one: (name, one.image_md5),
        lambda _, one: (one.image_md5, one.mask_md5) if one.image_md5 else (),
        lambda _, one: (one.image_md5,) if one.image_md5 else (),
        lambda name, _: (name,),
    )
    old, new, kept = dict(before.samples), dict(after.samples), []
    for key in keys:
        waiting: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in reversed(old):
            waiting[key(name, old[name])].append(name)
        for name in list(new):
            if (wanted := key(name, new[name])) and waiting.get(wanted):
                former = waiting[wanted].pop()
                kept.append(Pair(former, name))
                del old[former], new[name]
    return Pairs(tuple(sorted(kept, key=lambda pair: pair.name)), tuple(new), tuple(old))


def moved_groups(before: Snapshot, after: Snapshot) -> list[Move]:
    """The groups in both versions whose splits differ, by name."""
    old, new = _splits_by_group(before), _splits_by_group(after)
    groups = sorted(old.keys() & new.keys())
    return [Move(group, old[group], new[group]) for group in groups if old[group] != new[group]]


def describe_moves(moves: Iterable[Move]) -> Iterator[str]:
    """A sentence for all groups that moved from one split to another."""
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group, before, after in moves:
        named[before, after].append(group)
    for (before, after), groups in named.items():
        yield f"{len(groups)} group{'s' * (len(groups) != 1)} moved from {before} to {after}: {show_names(groups)}"


def _splits_by_group(snapshot: Snapshot) -> dict[str, str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for one in snapshot.samples.values():
        splits[one.group].add(one.split)
    return {group: ", ".join(sorted(names)) for group, names in splits.items()}


def class_changes(before: ClassList, after: ClassList) -> dict[str, str]:
    """What happened to each class of both versions, "" for nothing: the new ones in order of id, then removed ones.

    A class whose name is new is a renamed one if a class with its id has gone.
    """
    renamed = renamed_classes(before, after)
    changes = {name: "; ".join(_class_change(before, after, renamed, name)) for name in after.names}
    return changes | dict.fromkeys(_only_in(before.names, (*after.names, *renamed)), "removed")


def renamed_classes(before: ClassList, after: ClassList) -> Mapping[str, str]:
    """The new name of each class that has another one, by its former name."""
    gone, new = set(_only_in(before.names, after.names)), set(_only_in(after.names, before.names))
    pairs = zip(before.names, after.names, strict=False)
    return {was: name for was, name in pairs if was in gone and name in new}


def _class_change(before: ClassList, after: ClassList, renamed: Mapping[str, str], name: str) -> Iterator[str]:
    former = {new: was for was, new in renamed.items()}.get(name, name)
    if former not in before.names:
        yield "added"
        return
    was, is_now = before.names.index(former), after.names.index(name)
    if former != name:
        yield f"renamed, was {former}"
    if was != is_now:
        yield f"id {is_now}, was {was}"
    if before.colours[was] != after.colours[is_now]:
        yield f"colour {_hex(after.colours[is_now])}, was {_hex(before.colours[was])}"


def _only_in(names: Iterable[str], others: Iterable[str]) -> list[str]:
    known = {*others}
    return [name for name in names if name not in known]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
