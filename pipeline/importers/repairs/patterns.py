"""Patterns of file names that pair images with masks, such as '{stem}_image' and '{stem}_mask'."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.importers.repairs.command import Command, next_step, refusal
from pipeline.importers.repairs.opened import IMPORTED_SUFFIXES
from pipeline.text import quoted

FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class NamePattern:
    """A pattern of a picture's path below its folder.

    Attributes:
        text: as it was given. It ends with a suffix such as .jpg, or stands for a path without suffix.
        fields: names of the fields; their values in this order, with "/" between them, tell samples apart.
    """

    text: str
    fields: tuple[str, ...]

    @property
    def num_literal(self) -> int:
        """Characters outside of the fields: of two patterns that fit a path, the longer one counts."""
        return len(FIELD.sub("", self.text))

    def key(self, relative: str) -> str | None:
        """The sample of a path, None if the pattern does not fit it; upper and lower case are alike."""
        name = unicodedata.normalize("NFC", relative)
        match = self._compiled.fullmatch(name if self._has_suffix() else without_suffix(name))
        return "/".join(match[field] for field in self.fields) if match else None

    def _has_suffix(self) -> bool:
        return self.text.lower().endswith(IMPORTED_SUFFIXES)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        seen: set[str] = set()
        parts = []
        for place, part in enumerate(FIELD.split(unicodedata.normalize("NFC", self.text))):
            if place % 2 == 0:
                parts.append(re.escape(part))
            else:
                parts.append(f"(?P={part})" if part in seen else f"(?P<{part}>.+)")
                seen.add(part)
        return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def to_patterns(
    pair: tuple[str, str] | None, mask_suffix: str, command: Command | None = None
) -> tuple[NamePattern, NamePattern]:
    """The patterns of images and masks: the two that are given, or names that are equal but for the mask's suffix.

    Raises:
        DataError: the patterns have no field or other fields than each other, or a suffix is given too.
    """
    if pair and mask_suffix:
        raise refusal(
            "--pair and --mask-suffix both say how masks are named; leave one of them out",
            *next_step(command, mask_suffix=""),
        )
    image, mask = pair or ("{stem}", f"{{stem}}{mask_suffix}")
    if pair and (not FIELD.search(image) or set(FIELD.findall(image)) != set(FIELD.findall(mask))):
        raise refusal(
            f"--pair {quoted(image)} {quoted(mask)}: expected two patterns with the same fields in braces, "
            "such as '{stem}_image' '{stem}_mask' or '{folder}/images/{stem}' '{folder}/masks/{stem}'",
            *next_step(command, pair=None),
        )
    fields = tuple(dict.fromkeys(FIELD.findall(image)))
    return NamePattern(image, fields), NamePattern(mask, fields)


def without_suffix(relative: str) -> str:
    """A path without its file's suffix."""
    return PurePosixPath(relative).with_suffix("").as_posix()
