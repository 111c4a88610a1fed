"""SavedModels of registered versions on this machine, each in a folder named by the MD5 of its downloaded files.

No text from the registry is used as a path. A tag has to match a pattern before it names a folder, and the MD5 of the
registry's own files before the folder is used. Only temporary folders below the cache are ever deleted.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.disk.files import md5_of
from pipeline.errors import RegistryError
from pipeline.registry.client import Version, find_version
from pipeline.registry.connection import tracking_uri
from pipeline.registry.runs import download
from pipeline.text import shown

CACHE = Path(".segline/models")
PROOFS = CACHE / "verified"
"""An empty file for each version whose files in the registry once had the MD5 of its tag."""
MODEL_TAG = "model_md5"
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
RESTORE = "put that back from a backup, or register the model again"
SOURCE = re.compile(r"models:/m-[0-9a-f]{32}")
"""MLflow's address of the files of a version that `segline register` made."""


def resolve_model(text: str) -> Path:
    """A SavedModel's folder: `text` itself, or the folder of a registered version, which is downloaded once.

    Raises:
        RegistryError: `text` is neither a folder nor a registered version.
    """
    return Path(text) if Path(text).is_dir() else fetch_model(find_version(text))


def fetch_model(version: Version) -> Path:
    """The SavedModel of a version: from the cache if the files there have their MD5, else downloaded.

    Raises:
        RegistryError: see `download_model`.
    """
    folder = _folder_of(version)
    if _proof_of(version).is_file() and _is_whole(folder, read_md5(version)):
        return folder
    return download_model(version)


def download_model(version: Version) -> Path:
    """Downloads the SavedModel of a version, cached or not, and compares it with the version's tag.

    Raises:
        RegistryError: the version was not registered by segline, its files are gone, are not those that were
            registered, or cannot be kept here.
    """
    md5, folder = read_md5(version), _folder_of(version)
    with _temporary_folder() as temporary:
        model = download_unchecked(version, temporary)
        if (stored_md5 := md5_of(model)) != md5:
            raise RegistryError(
                f"{version}: its model in MLflow is {stored_md5}, its tag {MODEL_TAG} says {md5}; files or tag were "
                f"changed, {RESTORE}"
            )
        _keep(model, folder, md5, temporary)
        _proof_of(version).touch()
    return folder


def read_md5(version: Version) -> str:
    """The MD5 in a version's tag.

    Raises:
        RegistryError: the tag is missing, or is not an MD5.
    """
    if (md5 := version.tags.get(MODEL_TAG)) is None:
        raise RegistryError(f"{version}: has no tag {MODEL_TAG}; expected a version that `segline register` made")
    if not MD5.fullmatch(md5):
        raise RegistryError(
            f"{version}: its tag {MODEL_TAG} is {shown(md5)!r}, expected an MD5 as `segline register` writes it; "
            "register the model again"
        )
    return md5


def download_unchecked(version: Version, temporary: Path) -> Path:
    """Downloads the SavedModel of a version into a folder, and compares it with nothing.

    Raises:
        RegistryError: the version was not registered by segline, or its files are gone.
    """
    if not SOURCE.fullmatch(version.source):
        raise RegistryError(
            f"{version}: its files are at {shown(version.source)!r}, expected models:/m-..., as `segline register` "
            "makes it; register the model again"
        )
    download_from(version, version.source, "model", temporary)
    folder = next((file.parent for file in temporary.glob("artifacts/*/saved_model.pb")), None)
    if folder is None:
        raise RegistryError(f"{version}: its model in MLflow lacks saved_model.pb; if it was deleted, {RESTORE}")
    return folder


def download_from(version: Version, address: str, what: str, folder: Path) -> Path:
    """Downloads `what` of a version into a folder.

    Raises:
        RegistryError: the download fails; the message names the version and says what to do.
    """
    try:
        return download(address, folder)
    except RegistryError as err:
        raise RegistryError(
            f"{version}: its {what} cannot be downloaded ({err}); if it was deleted, {RESTORE}"
        ) from err


def _folder_of(version: Version) -> Path:
    return CACHE / read_md5(version).removesuffix(".dir")


def _proof_of(version: Version) -> Path:
    identity = [tracking_uri(), version.name, version.number, version.run_id, str(version.created), read_md5(version)]
    return PROOFS / hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _is_whole(folder: Path, md5: str) -> bool:
    return folder.is_dir() and not folder.is_symlink() and md5_of(folder) == md5


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder in the cache, deleted at the end of the block. Refuses a cache that is a link: it can lead anywhere."""
    for folder in (CACHE.parent, CACHE, PROOFS):
        if folder.is_symlink():
            raise RegistryError(f"{folder}: is a symbolic link, expected a folder of its own; remove the link")
    try:
        PROOFS.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as temporary:
            yield Path(temporary)
    except (FileExistsError, NotADirectoryError, PermissionError) as err:
        raise RegistryError(f"{CACHE}: cannot be written to ({err}); make it a folder of yours") from err


def _keep(model: Path, folder: Path, md5: str, temporary: Path) -> None:
    """Moves a download to its place. A damaged folder or link there is moved away first, and never followed."""
    if _is_whole(folder, md5):
        return
    with suppress(FileNotFoundError):  # nothing is there, or another process moved it
        folder.rename(temporary / "replaced")
    try:
        model.rename(folder)
    except OSError:
        if not _is_whole(folder, md5):  # otherwise another process was faster
            raise
