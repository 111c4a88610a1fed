"""Replaces the data folder and its version, both or neither, even if the import is killed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.dataset.contract import DATA, list_samples, read_class_list
from pipeline.dataset.versions import add_data, check_can_add, read_data_md5
from pipeline.disk.files import check_writable, md5_of, part_of, remove, written_whole
from pipeline.disk.records import read_record, write_record
from pipeline.errors import DataError, SeglineError
from pipeline.repository.git import git

JOURNAL = Path(".segline/import.json")
"""Exists while a data folder is replaced."""


@dataclass(frozen=True)
class Replacement:
    """A data folder that is being replaced.

    Attributes:
        md5: of the new folder.
        dvc_file: text of the former `.dvc` file; None if it did not exist.
    """

    md5: str
    dvc_file: str | None


def check_replaceable(data: Path = DATA) -> None:
    """Checks that DVC can take a new version and that its cache holds the content of `data`.

    First undoes an import that was killed while it replaced a folder. Outside of a DVC project, `data` must be missing
    or empty.

    Raises:
        DataError: DVC does not hold the content of `data`.
        StageError: DVC or git cannot be used.
    """
    if is_versioned():
        check_can_add()
        check_writable(JOURNAL.parent)
        _undo_killed(data)
    if not data.exists() or (data.is_dir() and not any(data.iterdir())):
        return
    if not is_versioned() or not _dvc_file(data).exists() or not data.is_dir():
        raise DataError(
            f"{data}: exists and DVC holds no version of it; keep it with `dvc add {data}`, or move it away"
        )
    if md5_of(data) != read_data_md5(data):
        raise DataError(
            f"{data}: has changed since {data}.dvc was written; keep the change with `dvc add {data}`, undo it with "
            f"`dvc checkout {data} --force`, or move it away"
        )
    add_data(data)  # the cache may lack files after a clone or a clean-up


@dataclass(frozen=True)
class Former:
    """The version of the data that an import replaces.

    Attributes:
        md5: its name.
        content: such as "240 samples, 6 classes", "" if the folder is missing.
        restore: the command that brings it back.
    """

    md5: str
    content: str
    restore: str

    def note(self, data: Path) -> str:
        """For the user, once it is replaced."""
        return (
            f"replaces {data} of {self.content or 'a version that was not here'} (MD5 {self.md5}); this brings it "
            f"back: {self.restore}"
        )


def find_former(data: Path = DATA) -> Former | None:
    """The version of the data that an import will replace; None if there is none."""
    file = _dvc_file(data)
    if not is_versioned() or not file.exists():
        return None
    md5, content = read_data_md5(data), ""
    with suppress(SeglineError):  # a folder that breaks the contract is replaced too
        content = f"{len(list_samples(data))} samples, {len(read_class_list(data))} classes"
    restore = f"printf 'outs:\\n- md5: {md5}\\n  hash: md5\\n  path: {data.name}\\n' > {file} && dvc checkout {file}"
    with suppress(SeglineError):
        if git("show", f"HEAD:./{file}") == file.read_text(encoding="utf-8").rstrip("\n"):
            commit = git("rev-parse", "--short", "HEAD")
            restore = f"git checkout {commit} -- {file} && dvc checkout {file}"
    return Former(md5, content, restore)


def is_versioned() -> bool:
    """False outside of a DVC project, where data have no version and are never replaced."""
    return Path(".dvc").is_dir()


@contextmanager
def replaced(data: Path = DATA) -> Iterator[Path]:
    """Gives a folder to write a new data set to; at the end of the block it replaces `data` and gets a version.

    If the block raises or DVC fails, data folder and version stay as they were.

    Raises:
        StageError: the disk is full, or DVC fails.
    """
    if not is_versioned():
        with written_whole(data) as folder:
            yield folder
        return
    with part_of(data) as folder:
        yield folder
        dvc_file = _dvc_file(data)
        former = dvc_file.read_text(encoding="utf-8") if dvc_file.exists() else None
        replacement = Replacement(md5_of(folder), former)
        write_record(JOURNAL, replacement)
        old = _old(data)
        remove(old)
        try:
            if data.exists():
                data.replace(old)
            folder.replace(data)
            add_data(data)
        except BaseException:
            if not folder.exists():
                remove(data)
            _put_back(data, replacement)
            raise
        JOURNAL.unlink()
        remove(old)


def _undo_killed(data: Path) -> None:
    """Restores the state before a killed import; a folder that is not of that import is not touched."""
    if not JOURNAL.exists():
        return
    replacement = read_record(JOURNAL, Replacement, "`segline import`")
    if data.is_dir() and md5_of(data) == replacement.md5:
        with suppress(SeglineError):
            if read_data_md5(data) == replacement.md5:  # DVC had it all
                JOURNAL.unlink()
                return
        remove(data)
        _put_back(data, replacement)
    elif not data.exists() and _old(data).exists():
        _put_back(data, replacement)


def _put_back(data: Path, replacement: Replacement) -> None:
    if _old(data).exists():
        _old(data).replace(data)
    if replacement.dvc_file is None:
        _dvc_file(data).unlink(missing_ok=True)
    else:
        _dvc_file(data).write_text(replacement.dvc_file, encoding="utf-8")
    JOURNAL.unlink(missing_ok=True)


def _dvc_file(data: Path) -> Path:
    return data.with_name(f"{data.name}.dvc")


def _old(data: Path) -> Path:
    return data.with_name(f".{data.name}.old")
