"""Compares the data set as it is now with another version, and changes nothing but work/diff/."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.changes.comparison import Comparison, compare_versions
from pipeline.changes.pairs import Move, describe_moves
from pipeline.changes.sheet import write_sheet
from pipeline.changes.snapshot import read_snapshot
from pipeline.dataset.contract import DATA, SPLITS
from pipeline.dataset.versions import opened_repo, parse_data_md5, version_now, version_of
from pipeline.disk.files import remove
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import DataError, RegistryError, RepositoryError
from pipeline.params import read_params
from pipeline.registry.client import find_version, parse_reference
from pipeline.registry.lineage import DATA_DVC
from pipeline.repository.git import git
from pipeline.runtime.stages import WORK
from pipeline.text import quoted, shown

DIFF = WORK / "diff"
NUM_ROWS = 10
"""Relabelled samples in the table."""
NOT_ONE = "name a commit, a branch, a tag, or a version of the model such as segline/3 or champion"


@dataclass(frozen=True)
class DataDiff:
    """Two versions of the data set; `former` is what the earlier one was asked for by.

    Attributes:
        comparison: its `changes`, and its `classes` with pixels and shares.
        overlays: a sheet of the largest relabellings; None: no label differs.
    """

    former: str
    comparison: Comparison
    overlays: Path | None


def diff(rev: str) -> DataDiff:
    """See `segline.diff`."""
    shares = read_params().validate_.split
    before = read_snapshot(version_of(find_data_md5(rev)), shares.val, shares.test)
    after = read_snapshot(version_now(), shares.val, shares.test, DATA)
    comparison = compare_versions(before, after)
    remove(DIFF)
    comparison.write(DIFF)
    overlays = DIFF / "overlays.jpg" if comparison.labels.relabelled else None
    if overlays:
        write_sheet(overlays, comparison.labels.relabelled, before, after)
    return DataDiff(rev, comparison, overlays)


def find_data_md5(rev: str) -> str:
    """The data set's MD5 at a revision of git, or of a registered version.

    Raises:
        DataError: the revision has no data set.
        RegistryError: it is neither a revision nor a version.
        RepositoryError: there is no git repository.
        StageError: this is not a DVC project.
    """
    with opened_repo():
        pass
    git("rev-parse", "--git-dir", otherwise="run this in a clone of the project")
    try:
        commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except RepositoryError:
        return _find_registered(rev)
    try:
        text = git("show", f"{commit}:./{DATA_DVC}")
    except RepositoryError as err:
        listing = f"`git log --all --oneline -- {DATA_DVC}` lists the commits that changed it"
        raise DataError(f"{quoted(rev)} has no {DATA_DVC}, so no version of the data; {listing}") from err
    return parse_data_md5(_parse(text, rev), Path(DATA_DVC))


def _parse(text: str, rev: str) -> object:
    try:
        return parse_yaml(text)
    except ValueError as err:
        raise DataError(f"{DATA_DVC} at {quoted(rev)}: {err}; compare with another revision") from err


def _find_registered(rev: str) -> str:
    try:
        parse_reference(rev)
    except RegistryError as err:
        raise RepositoryError(
            f"{quoted(rev)}: is not a revision of git and not a registered version; {NOT_ONE}"
        ) from err
    try:
        version = find_version(rev)
    except RegistryError as err:
        raise RegistryError(f"{quoted(rev)} is not a revision of git, and as a version of the model: {err}") from err
    if not (md5 := version.tags.get("data_md5")):
        raise DataError(f"{version}: its tags name no version of the data; {NOT_ONE}")
    return md5


def show(found: DataDiff) -> None:
    """Prints tables of samples, labels, groups and classes, and where everything is."""
    comparison, console = found.comparison, Console(highlight=False)
    print(f"data at {shown(found.former)}: {comparison.before}, now: {comparison.after}")
    for table in build_tables(comparison):
        console.print(table)
        console.print()
    moved = (one for one in comparison.changes if one.change == "moved group")
    for line in describe_moves(Move(one.name, one.before, one.after) for one in moved):
        print(line)
    if not comparison.changes and not any(row.change for row in comparison.classes):
        print("no sample, label, group or class differs")
    if found.overlays:
        print(f"the largest relabellings: {found.overlays} (image, before, now, changed pixels)")
    print(f"everything is in {DIFF / 'changes.csv'} and {DIFF / 'classes.csv'}")


def build_tables(comparison: Comparison) -> Iterator[Table]:
    """Numbers of samples by kind of change and split, the largest relabellings, and the classes."""
    numbers = Counter((change.change, change.split) for change in comparison.changes if change.split)
    if numbers:
        table = _table("samples", *SPLITS)
        for kind in dict.fromkeys(kind for kind, _ in numbers):
            table.add_row(kind, *(str(numbers[kind, split]) for split in SPLITS))
        yield table
    relabelled = [one for one in comparison.changes if one.change == "relabelled"]
    if relabelled:
        table = _table("relabelled", "split", "pixels", "share", "most")
        for one in sorted(relabelled, key=lambda one: -(one.num_pixels or 0))[:NUM_ROWS]:
            cells = one.split, str(one.num_pixels), f"{one.pixel_share:.2%}", f"{one.before} -> {one.after}"
            table.add_row(*(Text(shown(cell)) for cell in (one.name, *cells)))
        yield table
    table = _table("class", "before", "now", "")
    table.columns[-1].justify = "left"
    for row in comparison.classes:
        shares = (f"{share:.2%}" for share in (row.share_before, row.share_after))
        table.add_row(Text(shown(row.name)), *shares, Text(shown(row.change)))
    yield table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table
