"""Brings a labelled data set into `data/` and puts it under DVC; `pipeline/importers/formats.py` lists the formats."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.dataset.contract import DATA, ClassList, Sample, write_contract
from pipeline.dataset.names import check_name, same_everywhere
from pipeline.dataset.versions import read_data_md5
from pipeline.errors import DataError
from pipeline.importers.formats import IMPORTERS
from pipeline.importers.replacement import check_replaceable, find_former, is_versioned, replaced
from pipeline.importers.source import Source, Write
from pipeline.importers.unused import drop_unused_classes
from pipeline.planning.census import Census, take_census
from pipeline.planning.plan import Planned
from pipeline.planning.sheet import write_sheet
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.runtime.stages import WORK
from pipeline.text import quoted, show_names, shown

BY_GROUP = "by group"
IMPORT = WORK / "import"
NUM_NAMED = 10


@dataclass(frozen=True)
class Imported:
    """Summary of an import.

    Attributes:
        num_samples: number of pairs of an image and a mask.
        num_classes: number of classes without ignored ones.
        num_by_split: samples by frozen split; under "by group" those without a frozen one.
        notes: decisions for the user to read.
        census: of what came in; its rows of the classes are also in work/import/classes.csv.
        overlays: a sheet of some images under their masks.
        plan: params that fit; None: not asked for.
    """

    num_samples: int
    num_classes: int
    num_by_split: dict[str, int]
    notes: list[str]
    census: Census
    overlays: Path
    plan: Planned | None = None


def import_data(name: str, *words: Any, data: Path = DATA, **options: Any) -> Imported:
    """See `segline.import_data`."""
    if name not in IMPORTERS:
        raise DataError(f"no importer is called {quoted(name)}; expected one of {', '.join(IMPORTERS)}")
    check_replaceable(data)
    former = find_former(data)
    source = IMPORTERS[name](*words, **options)
    with source if isinstance(source, AbstractContextManager) else nullcontext(source) as opened:
        _check_names(opened.samples)
        classes, left_out = _write(data, opened)
    version = [] if is_versioned() else [f"{data} has no version yet: run `dvc init` and `dvc add {data}`"]
    replaced_note = [former.note(data)] if former and former.md5 != read_data_md5(data) else []
    by_split = Counter(sample.split or BY_GROUP for sample in opened.samples)
    census = take_census(data)
    census.write_classes(IMPORT / "classes.csv")
    write_sheet(IMPORT / "overlays.jpg", census.shown, classes)
    notes = [*opened.notes, *left_out, *_notes_on_classes(census), *version, *replaced_note]
    return Imported(
        *(len(opened.samples), len(classes), dict(by_split), notes),
        census=census,
        overlays=IMPORT / "overlays.jpg",
    )


def _notes_on_classes(census: Census) -> Iterator[str]:
    if absent := [row.name for row in census.classes[:-1] if not row.num_images]:
        yield f"no mask has {show_names(absent)}; a model cannot learn what it never sees"


def _check_names(samples: Sequence[Sample]) -> None:
    """Names become file names, and an importer may have read them from a file that it did not write."""
    seen = set()
    for sample in samples:
        if not sample.name or sample.name.startswith(".") or Path(sample.name).name != sample.name:
            raise DataError(
                f"sample {quoted(sample.name)}: is not a file name; expected no folders and no dot in front"
            )
        check_name(sample.name, sample.image or Path(sample.name))
        if (name := same_everywhere(sample.name)) in seen:
            raise DataError(f"two samples have the name {quoted(sample.name)}, upper and lower case alike; rename one")
        seen.add(name)


def _write(data: Path, source: Source) -> tuple[ClassList, list[str]]:
    """Writes the data folder; gives its classes, and notes on those that were left out."""
    with replaced(data) as folder:
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        progress = Progress("import", len(source.samples), "samples")
        complaints = []
        for complaint in in_threads(partial(_complaint_on, source.write, folder), source.samples):
            complaints += [complaint] if complaint else []
            progress.advance()
        progress.close()
        _refuse_bad(complaints, source)
        classes, notes = drop_unused_classes(folder / "masks", source.classes)
        write_contract(folder, classes, source.samples)
    return classes, notes


def _complaint_on(write: Write, folder: Path, sample: Sample) -> str:
    try:
        write(folder, sample)
    except DataError as err:
        return str(err)
    return ""


def _refuse_bad(complaints: Sequence[str], source: Source) -> None:
    if not complaints:
        return
    lines = "".join(f"\n  {complaint}" for complaint in complaints[:NUM_NAMED])
    more = f"\n  and {len(complaints) - NUM_NAMED} more" if len(complaints) > NUM_NAMED else ""
    raise DataError(
        f"{len(complaints)} of {len(source.samples)} images cannot be used; nothing was written{lines}{more}\n"
        f"{source.advice}"
    )


def show(imported: Imported) -> None:
    """Prints the number of samples, the table of the classes, where the overlays are, and notes on decisions."""
    splits = ", ".join(f"{number} {split}" for split, number in imported.num_by_split.items())
    print(f"data/ holds {imported.num_samples} samples of {imported.num_classes} classes ({splits})")
    table = Table(box=None)
    table.add_column("class", overflow="fold")
    for name in ("pixels", "images", "groups"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in imported.census.classes:
        table.add_row(Text(shown(row.name)), f"{row.pixel_share:.2%}", str(row.num_images), str(row.num_groups))
    Console(highlight=False).print(table)
    print(f"look at {imported.overlays}: are the names on the right colours?")
    for note in imported.notes:
        print(f"note: {note}")
