"""The pictures of a folder, looked up by a path that somebody else wrote; no such path is ever opened."""

import re
import unicodedata
from collections import defaultdict
from pathlib import Path

from pipeline.dataset.names import check_name
from pipeline.disk.regular_files import check_place
from pipeline.errors import DataError
from pipeline.importers.pairs import Pair
from pipeline.text import quoted, shown
from pipeline.vision.picture_files import SUFFIXES, list_images


class Pictures:
    """The pictures below a folder and all folders below it.

    Raises:
        DataError: the folder is missing or has no picture.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f"{folder}: is not a folder; expected one of images, correct the path")
        self.folder = folder
        self._by_last: dict[str, dict[tuple[str, ...], Path]] = defaultdict(dict)
        for path in list_images(folder):
            parts = parts_of(path.relative_to(folder).as_posix())
            self._by_last[parts[-1]][parts] = path

    def __len__(self) -> int:
        return sum(map(len, self._by_last.values()))

    def __contains__(self, relative: str) -> bool:
        parts = parts_of(relative)
        return bool(parts) and parts in self._by_last.get(parts[-1], {})

    def relatives(self) -> list[str]:
        """Path of each picture below the folder, in order."""
        return sorted("/".join(parts) for candidates in self._by_last.values() for parts in candidates)

    def by_stem(self) -> dict[str, str]:
        """Relative path of each picture by the same path without suffix.

        Raises:
            DataError: two pictures differ in their suffix only.
        """
        stems: dict[str, str] = {}
        for relative in self.relatives():
            stem = str(Path(relative).with_suffix(""))
            if other := stems.get(stem):
                raise DataError(
                    f"{self.folder}: {shown(relative)} and {shown(other)} have one name; rename one of them"
                )
            stems[stem] = relative
        return stems

    def pair(self, name: str, annotations: Path, is_embedded: bool = False) -> Pair | None:
        """The picture that a path or URL means, with the file of its annotations.

        It is the picture whose path has the longest end in common with `name`: at least the file's name.

        Args:
            is_embedded: without such a picture, the file of annotations takes its place.

        Returns:
            None if there is none.

        Raises:
            DataError: several pictures fit as well, or the file's name does not fit every machine.
        """
        parts = parts_of(name)
        path = self._find(name, parts) if parts else None
        if path:
            check_place(path, (self.folder,))
            relative = path.relative_to(self.folder).as_posix()
        elif is_embedded:
            path, relative = annotations, "/".join(parts)
        else:
            return None
        stem = "__".join(parts_of(str(Path(relative).with_suffix("")) if has_suffix(relative) else relative))
        check_name(stem, path)
        return Pair(name=stem, relative=relative, image=path, mask=annotations)

    def _find(self, name: str, parts: tuple[str, ...]) -> Path | None:
        candidates = self._by_last.get(parts[-1], {})
        if parts in candidates or not candidates:
            return candidates.get(parts)
        common = {candidate: _num_common(candidate, parts) for candidate in candidates}
        best = [candidate for candidate, number in common.items() if number == max(common.values())]
        if len(best) > 1:
            both = " and ".join(shown("/".join(candidate)) for candidate in sorted(best)[:2])
            raise DataError(
                f"{annotated(name)} may be {both} below {self.folder}; name the folder that holds one of them only"
            )
        return candidates[best[0]]


def annotated(name: str) -> str:
    """An image of an annotation file, for a message."""
    return f"the annotated image {quoted(name)}"


def parts_of(name: str) -> tuple[str, ...]:
    """Folders and file name in a path or URL of any system, without what leads upwards or is no name."""
    parts = re.split(r"[/\\]+", unicodedata.normalize("NFC", name))
    return tuple(part for part in parts if part not in ("", ".", ".."))


def has_suffix(name: str) -> bool:
    """True for a picture's name."""
    return name.lower().endswith(SUFFIXES)


def _num_common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Number of equal parts at the end."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
