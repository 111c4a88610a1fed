"""Samples that are left out because their files are damaged, or because they are copies of others, byte for byte."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.command import NUM_NAMED, Command, counted, name_some, refusal
from pipeline.importers.repairs.images import read_image_file
from pipeline.importers.repairs.mask_picture import read_mask_picture
from pipeline.importers.repairs.opened import ChoiceError
from pipeline.importers.repairs.repairs import Repairs
from pipeline.runtime.parallel import in_threads


def skip_copies(samples: Sequence[Sample], copies: str, command: Command) -> tuple[list[Sample], list[str]]:
    """The samples without copies of images of other groups if `copies` is "skip", and a note on these.

    In two splits an image would be learned and scored.

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


def skip_damaged(samples: Sequence[Sample], repairs: Repairs, command: Command) -> tuple[list[Sample], list[str]]:
    """The samples whose image and mask can be decoded, and a note on the others, with the first reasons.

    Raises:
        DataError: none can be.
    """
    problems = list(in_threads(lambda sample: _find_problem(sample, repairs), samples))
    left = [sample for sample, problem in zip(samples, problems, strict=True) if not problem]
    found = [problem for problem in problems if problem]
    if not found:
        return left, []
    told = f"{counted(len(found), 'sample')} with a damaged file: {'; '.join(found[:NUM_NAMED])}"
    if not left:
        raise refusal(f"none of {len(samples)} samples can be decoded, {told}", command.but())
    return left, [f"left out {told}{'; ...' if len(found) > NUM_NAMED else ''}"]


def _find_problem(sample: Sample, repairs: Repairs) -> str:
    assert sample.image and sample.mask
    try:
        read_image_file(sample.image, repairs.page)
        read_mask_picture(sample.mask, repairs)
    except ChoiceError:  # an option makes it readable
        return ""
    except DataError as err:
        return str(err)
    return ""
