"""Images that are copies of others, byte for byte: in two splits they would be learned and scored."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from pipeline.dataset.contract import Sample
from pipeline.importers.repairs.command import Command, name_some


def skip_copies(samples: Sequence[Sample], copies: str, command: Command) -> tuple[list[Sample], list[str]]:
    """The samples without copies of images of other groups if `copies` is "skip", and a note on these.

    Only files of one size are read.
    """
    by_size = defaultdict(list)
    for sample in samples:
        assert sample.image
        if sample.image.is_file():
            by_size[sample.image.stat().st_size].append(sample)
    first: dict[bytes, Sample] = {}
    found = []
    for alike in by_size.values():
        for sample in alike if len(alike) > 1 else ():
            assert sample.image
            content = hashlib.sha256(sample.image.read_bytes()).digest()
            if first.setdefault(content, sample).group != sample.group:
                found.append(sample.name)
    if not found:
        return list(samples), []
    if copies == "skip":
        bad = set(found)
        return [sample for sample in samples if sample.name not in bad], [f"copies of images left out: {len(bad)}"]
    return list(samples), [
        f"images of several groups are copies, byte for byte: {len(found)} ({name_some(found)}); `validate` refuses "
        f"copies in two splits: give them one group, or leave them out with `{command.but(copies='skip')}`"
    ]
