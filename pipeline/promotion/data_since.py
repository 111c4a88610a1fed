"""The data that a model was made of, compared with the champion's by the manifests in their runs, without any file."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.changes.pairs import describe_moves, moved_groups, pair_samples
from pipeline.changes.snapshot import Labelled, Snapshot
from pipeline.dataset.contract import SPLITS, ClassList
from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.promotion.leakage import STORED
from pipeline.registry.client import Version
from pipeline.registry.runs import find_file
from pipeline.report.evidence import DataSince

STORED_FINGERPRINT = f"preprocess/{FINGERPRINT.name}"


def data_since(champion: Version, work: Path) -> DataSince | None:
    """Compares the manifest and the class shares in `work`, the files of a model's run, with those of the champion.

    Labels differ if the MD5s of the masks do.

    Returns:
        None if one of the manifests is missing.

    Raises:
        EvidenceError: a file is damaged.
        RegistryError: MLflow cannot be reached.
    """
    with TemporaryDirectory() as temporary:
        former = find_file(champion.run_id, Path(temporary), STORED)
        if former is None or not (work / STORED).is_file():
            return None
        before, after = _read_snapshot(former), _read_snapshot(work / STORED)
        shares = _read_shares(find_file(champion.run_id, Path(temporary), STORED_FINGERPRINT))
    numbers = Counter(_list_changes(before, after))
    kinds = dict.fromkeys(kind for kind, split in numbers if split in SPLITS)
    now = _read_shares(work / STORED_FINGERPRINT)
    return DataSince(
        samples={kind: tuple(numbers[kind, split] for split in SPLITS) for kind in kinds},
        moves=tuple(describe_moves(moved_groups(before, after))),
        class_shares={name: (shares.get(name), now.get(name)) for name in {**now, **shares}} if shares and now else {},
    )


def _read_snapshot(manifest: Path) -> Snapshot:
    samples = {
        row.name: Labelled(None, None, row.image_md5, row.mask_md5, row.group, row.split, is_frozen=False)
        for row in read_manifest(manifest)
    }
    return Snapshot("", ClassList((), (), 255), samples)


def _list_changes(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """Kind and split of each change of a sample."""
    pairs = pair_samples(before, after)
    yield from (("added", after.samples[name].split) for name in pairs.added)
    yield from (("removed", before.samples[name].split) for name in pairs.removed)
    for former, name in pairs.kept:
        old, new = before.samples[former], after.samples[name]
        if old.image_md5 != new.image_md5:
            yield "other image", new.split
        elif old.mask_md5 != new.mask_md5:
            yield "relabelled", new.split
        if former != name:
            yield "renamed", new.split


def _read_shares(fingerprint: Path | None) -> Mapping[str, float]:
    """Each class's share of the training pixels, by name; empty without the file."""
    if fingerprint is None or not fingerprint.is_file():
        return {}
    pixels = Fingerprint.read(fingerprint).class_pixels
    total = max(1, sum(pixels.values()))
    return {name: count / total for name, count in pixels.items()}
