"""All that the registry holds of a version, and which of its copies are as they were registered."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import SCORES, Scores
from pipeline.evaluation.verdict import Verdict
from pipeline.provenance.commit import md5_of_bytes, read_commit_files
from pipeline.registry.client import Version, find_version
from pipeline.registry.evidence import BOUND, EVIDENCE_TAG, STORED, TEST_TAG, VERDICT_TAG
from pipeline.registry.lineage import FILES, LockedStage, read_data_version, read_lock
from pipeline.registry.model_cache import MODEL_TAG
from pipeline.registry.run_contents import CONTENTS, CONTENTS_TAG, RunContents
from pipeline.registry.run_record import StoredRun
from pipeline.registry.runs import download_run, read_run

Result = TypeVar("Result")
TAGS = (*BOUND, CONTENTS_TAG, EVIDENCE_TAG, TEST_TAG, "verdict", "mean_iou")
"""The tags that registering writes on a version and on its run."""
PARAMS_FILE, LOCK_FILE, DATA_FILE = "lineage/params.yaml", "lineage/dvc.lock", "lineage/data.dvc"
SCORES_FILE, MANIFEST_FILE = f"evaluate/{SCORES.name}", "validate/manifest.csv"
COMMITTED = tuple(f"lineage/{path}" for path in map(str, FILES) if path in ("dvc.yaml", "pyproject.toml"))
REQUIREMENTS, FREEZE = "lineage/requirements.lock", "lineage/pip_freeze.txt"


@dataclass(frozen=True)
class Registered:
    """A version as MLflow has it now.

    Attributes:
        version: with its tags.
        run: that holds its record.
        folder: of the run's files, downloaded; copies from the commit are put beside it.
        found: MD5 of each of these files, by path in the run.
        claims: the values of each tag of `TAGS`, by the witness that has them.
    """

    version: Version
    run: StoredRun
    folder: Path
    found: Mapping[str, str]
    claims: Mapping[str, Mapping[str, str]]

    @cached_property
    def values(self) -> dict[str, str]:
        """The value of each tag that most witnesses have; of as many the first witness's."""
        return {name: Counter(claims.values()).most_common(1)[0][0] for name, claims in self.claims.items() if claims}

    @cached_property
    def commit_files(self) -> dict[str, bytes] | None:
        """Code and settings in the version's commit, by path; None if the commit is not here."""
        return read_commit_files(self.values.get("git_commit", ""))

    @cached_property
    def contents(self) -> RunContents | None:
        """The contents of the run when it was registered; None: the version is older, or the list was changed."""
        if self.found.get(CONTENTS) != self.values.get(CONTENTS_TAG, ""):
            return None
        return _try(RunContents.read, self.folder / CONTENTS)

    @cached_property
    def verdict(self) -> Verdict | None:
        """The gate's verdict; None if it is not as it was registered."""
        is_whole = self.found.get(STORED) == self.values.get(VERDICT_TAG)
        return _try(Verdict.read, self.folder / STORED) if is_whole else None

    @cached_property
    def expected(self) -> dict[str, str]:
        """MD5 that each file of the run had when it was registered, as far as that is known."""
        if self.contents:
            return dict(self.contents.files)
        committed = {name: self.md5_in_commit(name) for name in (*COMMITTED, REQUIREMENTS)}
        known = {STORED: self.values.get(VERDICT_TAG), PARAMS_FILE: self.values.get("params_md5")}
        known |= {LOCK_FILE: self.values.get("dvc_lock_md5"), **committed}
        if self.verdict:
            known[SCORES_FILE] = self.verdict.scores_md5
            known[MANIFEST_FILE] = self.verdict.evidence.manifest_md5 if self.verdict.evidence else None
        return {name: md5 for name, md5 in known.items() if md5}

    def md5_in_commit(self, name: str) -> str | None:
        """MD5 of the file of the commit that is stored as `name`; None: it is not there."""
        content = (self.commit_files or {}).get(name.removeprefix("lineage/"))
        return None if content is None else md5_of_bytes(content)

    def find_original(self, name: str) -> Path | None:
        """A copy of a stored file as it was registered: that in the run, else that of the commit; None: there is none.

        `name` is one of ours, never a text from the registry.
        """
        expected = self.expected.get(name)
        if expected is None or self.found.get(name) == expected:
            return self.folder / name if name in self.found else None
        if self.md5_in_commit(name) != expected or self.commit_files is None:
            return None
        copy = self.folder.with_name("commit") / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(self.commit_files[name.removeprefix("lineage/")])
        return copy

    @cached_property
    def stages(self) -> dict[str, LockedStage] | None:
        """The stages of the registered `dvc.lock`; None: no copy is as it was registered."""
        path = self.find_original(LOCK_FILE)
        return _try(read_lock, path) if path else None

    @cached_property
    def scores(self) -> Scores | None:
        """The scores; None: they are not as they were registered."""
        path = self.find_original(SCORES_FILE)
        return _try(Scores.read, path) if path else None


@contextmanager
def opened_version(text: str) -> Iterator[Registered]:
    """Gives a version, named as `find_version` takes it, with its run's files in a folder for the block.

    Raises:
        RegistryError: there is no such version, MLflow cannot be reached, or the version's run is gone.
    """
    version = find_version(text)
    run = read_run(version.run_id)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary, "run")
        folder.mkdir()
        download_run(version.run_id, folder)
        found = {path.relative_to(folder).as_posix(): md5_of(path) for path in _list_files(folder)}
        yield Registered(version, run, folder, found, _gather_claims(version, run, folder, found))


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _gather_claims(
    version: Version, run: StoredRun, folder: Path, found: Mapping[str, str]
) -> dict[str, Mapping[str, str]]:
    witnesses = {"its files": _read_files(folder, found), "its run's tags": run.tags}
    witnesses |= {"its run's data set": run.data_set, "its own tags": version.tags}
    return {name: {who: tags[name] for who, tags in witnesses.items() if name in tags} for name in TAGS}


def _read_files(folder: Path, found: Mapping[str, str]) -> dict[str, str]:
    """The tags as the files of the run have them."""
    files = {"params_md5": PARAMS_FILE, "dvc_lock_md5": LOCK_FILE, VERDICT_TAG: STORED, CONTENTS_TAG: CONTENTS}
    tags = {tag: found[name] for tag, name in files.items() if name in found}
    if data := _try(read_data_version, folder / DATA_FILE):
        tags["data_md5"] = data[1]
    if verdict := _try(Verdict.read, folder / STORED):
        tags["verdict"] = "accepted" if verdict.accepted else "rejected"
        if verdict.evidence:
            tags |= {MODEL_TAG: verdict.evidence.model_md5, TEST_TAG: verdict.evidence.test_md5}
    if scores := _try(Scores.read, folder / SCORES_FILE):
        tags["mean_iou"] = f"{scores.mean_iou:.6f}"
    return tags


def _try(read: Callable[[Path], Result], path: Path) -> Result | None:
    """What `read` gives; None for a file that it refuses."""
    with suppress(EvidenceError):
        return read(path)
    return None
