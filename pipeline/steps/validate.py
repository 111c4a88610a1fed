"""Validate: looks at the whole data set, judges it, and lets the good samples through."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.dataset.contract import DATA, SPLITS, Sample, list_samples, read_class_list
from pipeline.dataset.manifest import MANIFEST, ManifestRow, write_manifest
from pipeline.dataset.splits import RESERVE, scored_as, split_of
from pipeline.dataset.versions import Version, read_version
from pipeline.disk.files import md5_of, write_json
from pipeline.errors import DataError, ParamsError
from pipeline.params import ValidateParams, read_params
from pipeline.params_fit import check_params
from pipeline.runtime.program import run_stage
from pipeline.text import quoted, shown
from pipeline.validation.checks import CLASS_CHECKS, SPLIT_CHECKS, VERSION_CHECKS, Table, leak_checks, sample_checks
from pipeline.validation.data_docs import write_docs
from pipeline.validation.data_version import version_rows
from pipeline.validation.facts import class_rows, leak_rows, most_ignored_share, sample_row, split_rows
from pipeline.validation.findings import ERROR, WARNING, DataFinding, bad_names, first_of, summary_of, write_quarantine
from pipeline.validation.hashes import HASHES, write_hashes
from pipeline.validation.scan import Facts, read_num_workers
from pipeline.validation.scan_notes import scan_changed
from pipeline.vision.picture_files import SUFFIXES, Limits

VALIDATE = MANIFEST.parent


@dataclass(frozen=True)
class Report:
    """The judgement of a data set: a row of the manifest and a hash for each good sample, findings, and other facts."""

    num_samples: int
    rows: list[ManifestRow]
    hashes: dict[str, int]
    findings: list[DataFinding]
    notes: list[str]

    def counts(self) -> dict[str, Any]:
        """Samples in all, quarantined ones, and good ones by split."""
        splits = (*SPLITS, RESERVE) if any(row.split == RESERVE for row in self.rows) else SPLITS
        return {
            "num_samples": self.num_samples,
            "num_quarantined": len(bad_names(self.findings)),
            "num_good": {split: sum(row.split == split for row in self.rows) for split in splits},
        }

    def write(self, out: Path) -> None:
        """Writes findings.json and quarantine.csv."""
        write_quarantine(out / "quarantine.csv", self.findings)
        findings = [asdict(finding) for finding in self.findings]
        write_json(out / "findings.json", {**self.counts(), "notes": self.notes, "findings": findings})


def validate(data: Path, params: ValidateParams, out: Path) -> Report:
    """Judges a data set and writes its findings, then the manifest; no file of `data` is changed.

    Raises:
        DataError: there are errors, and the samples may not or cannot be left out.
        ParamsError: `groups_in_several_splits` names an unknown group.
        StageError: the project's DVC cannot be opened.
    """
    (out / MANIFEST.name).unlink(missing_ok=True)  # that of another data set must not outlive a refusal
    report = _look_at(data, params, out / "data_docs")
    report.write(out)
    for line in (*report.notes, *summary_of([one for one in report.findings if one.severity == WARNING])):
        print(line, flush=True)
    _refuse(report, data, params.on_error, out)
    write_hashes(out / HASHES.name, report.hashes)
    write_manifest(out / MANIFEST.name, report.rows)
    return report


def _look_at(data: Path, params: ValidateParams, docs: Path) -> Report:
    """Judges samples by themselves, then against each other, then the set as a whole."""
    classes = read_class_list(data)
    shares = params.split.val, params.split.test
    samples = [one if one.split else replace(one, split=split_of(one.group, *shares)) for one in list_samples(data)]
    _check_groups(params.groups_in_several_splits, {sample.group for sample in samples})
    version = read_version(data)
    facts = list(scan_changed(samples, read_num_workers(), _limits(data, params, version)))
    most_ignored = most_ignored_share(facts, classes)
    rows_of_samples = [sample_row(one, classes, most_ignored) for one in facts]
    checks = sample_checks(params.max_ignored_share, params.one_class_masks, params.binary_looking_masks)
    samples_table = Table("samples", key="name", rows=rows_of_samples, checks=checks)
    files = version_rows(version, _md5s(facts, data), data) if version else []
    files_table = Table("files", key="path", rows=files, checks=VERSION_CHECKS)
    findings = samples_table.findings() + files_table.findings()
    left = _left(facts, findings, params.on_error)
    leaks = leak_rows(left, params.groups_in_several_splits, params.near_duplicate_bits)
    leaks_table = Table("leaks", key="name", rows=leaks, checks=leak_checks(params.near_duplicates))
    findings += leaks_table.findings()
    left = _left(facts, findings, params.on_error)
    placed = [replace(one, sample=replace(one.sample, split=_place(one.sample, params.reserve))) for one in left]
    scored = [one for one in placed if one.sample.split != RESERVE]
    splits = split_rows(scored, data / "samples.csv")
    splits_table = Table("splits", key="split", rows=splits, checks=SPLIT_CHECKS)
    per_class = class_rows(scored, classes, data / "dataset.yaml")
    classes_table = Table("classes", key="class", rows=per_class, checks=CLASS_CHECKS)
    findings += splits_table.findings() + classes_table.findings()
    tables = (samples_table, files_table, leaks_table, splits_table, classes_table)
    write_docs(docs, [table for table in tables if table.rows])
    findings.sort(key=lambda finding: (finding.severity != ERROR, finding.name != ""))
    notes = [*_note_unused(data), *_note_known(leaks, params.near_duplicates)]
    good = _left(facts, findings, "quarantine")
    hashes = {one.sample.name: one.image.hash for one in good if one.image}
    return Report(len(samples), [_manifest_row(one, params.reserve) for one in good], hashes, findings, notes)


def _limits(data: Path, params: ValidateParams, version: Version | None) -> Limits:
    """DVC may keep the files in its cache and put links to them into the folder."""
    cache = (version.cache,) if version and version.cache else ()
    return Limits(params.max_image_px, params.max_file_mb * 1_000_000, (data, *cache))


def _md5s(facts: Sequence[Facts], data: Path) -> dict[str, str]:
    """MD5 of each file that the scan could decode, by its path below the data folder."""
    sides = [pair for one in facts for pair in ((one.sample.image, one.image), (one.sample.mask, one.mask))]
    return {path.as_posix().removeprefix(f"{data.as_posix()}/"): side.md5 for path, side in sides if path and side}


def _check_groups(named: Sequence[str], groups: set[str]) -> None:
    if unknown := [name for name in named if name not in groups]:
        near = get_close_matches(unknown[0], groups, n=1)
        guess = f", did you mean {quoted(near[0])}" if near else ""
        raise ParamsError(
            f"params.yaml: `validate.groups_in_several_splits` names {quoted(unknown[0])}, which is not a group of "
            f"the data set{guess}; correct or remove it"
        )


def _left(facts: Sequence[Facts], findings: Sequence[DataFinding], on_error: str) -> list[Facts]:
    """The samples to go on with: if bad ones are quarantined, the others, else all, so that every error is reported."""
    bad = bad_names(findings) if on_error == "quarantine" else set()
    return [one for one in facts if one.sample.name not in bad]


def _manifest_row(facts: Facts, reserve: float) -> ManifestRow:
    sample, image, mask = facts.sample, facts.image, facts.mask
    assert sample.image and sample.mask and image and mask, f"{sample.name}: not judged"
    files = sample.name, sample.image, sample.mask
    return ManifestRow(*files, sample.group, _place(sample, reserve), *image.size, image.md5, mask.md5)


def _place(sample: Sample, reserve: float) -> str:
    return scored_as(sample.group, sample.split, reserve)


def _note_unused(data: Path) -> Iterator[str]:
    """A note on files that no sample is made of, because of their place or kind."""
    folders = [folder for folder in (data / "images", data / "masks") if folder.is_dir()]
    unused = sorted(
        Path(one).as_posix()
        for folder in folders
        for one in os.scandir(folder)
        if not one.name.startswith(".") and (one.is_dir() or not one.name.lower().endswith(SUFFIXES))
    )
    if unused:
        note = f"samples are files right in images/ and masks/ that end in {', '.join(SUFFIXES)}"
        yield f"{len(unused)} files or folders are not looked at, the first is {shown(unused[0])}; {note}"


def _note_known(leaks: list[dict[str, object]], near_duplicates: str) -> Iterator[str]:
    num_known = sum(bool(row["known_look"]) for row in leaks)
    if num_known and near_duplicates != "off":
        yield f"{num_known} near-duplicates are between groups that are known to be in several splits"


def _refuse(report: Report, data: Path, on_error: str, out: Path) -> None:
    errors = [finding for finding in report.findings if finding.severity == ERROR]
    of_set = [finding for finding in errors if not finding.name]
    if not errors or (on_error == "quarantine" and not of_set):
        return
    advice = "Repair them, or go on without the bad samples: validate.on_error: quarantine in params.yaml"
    if of_set:
        advice = f"Repair them; what is wrong with the set as a whole (here {len(of_set)}) cannot be quarantined"
    raise DataError(
        f"{data}: {len(bad_names(errors))} of {report.num_samples} samples are bad, {len(errors)} errors in all:\n"
        f"{first_of(errors)}\nAll bad samples are in {out / 'quarantine.csv'}, everything in "
        f"{out / 'findings.json'} and, as pages, in {out / 'data_docs' / 'index.html'}. {advice}"
    )


def main() -> Mapping[str, Any]:
    """Validates `data/`; returns the summary."""
    check_params(read_class_list())
    report = validate(DATA, read_params().validate_, VALIDATE)
    counts = report.counts()
    print(f"{len(report.rows)} of {report.num_samples} samples are good: {counts['num_good']}")
    return {**counts, "manifest_md5": md5_of(MANIFEST)}


if __name__ == "__main__":
    run_stage("validate", main)
