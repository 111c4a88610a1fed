"""SavedModels of registered versions on this machine, kept by the MD5 of what was really downloaded.

Nothing from the registry is a path: a tag is compared with a pattern before it names a folder, and with the hash of
the registry's own files before a folder is used. Nothing but temporary folders below the cache is ever deleted.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.disk.files import md5_of
from pipeline.errors import RegistryError
from pipeline.registry.client import Version, find_version, opened, tracking_uri
from pipeline.text import shown

CACHE = Path(".segline/models")
PROOFS = CACHE / "verified"
"""An empty file for each version whose files in the registry were once found to be what its tag says."""
MODEL_TAG = "model_md5"
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
RESTORE = "put that back from a backup, or register the model again"
SOURCE = re.compile(r"models:/m-[0-9a-f]{32}")
"""Where MLflow has the files of a version that `segline register` made."""


def resolve_model(text: str) -> Path:
    """The folder of a SavedModel: one that is named, or that of a registered version, which is downloaded once.

    Raises:
        RegistryError: it is neither.
    """
    return Path(text) if Path(text).is_dir() else fetch_model(find_version(text))


def fetch_model(version: Version) -> Path:
    """The SavedModel of a version; after the first use from this machine, if its files still have their MD5.

    Raises:
        RegistryError: see `download_model`.
    """
    folder = _folder_of(version)
    if _proof_of(version).is_file() and _is_whole(folder, read_md5(version)):
        return folder
    return download_model(version)


def download_model(version: Version) -> Path:
    """Downloads the SavedModel of a version, whatever is on this machine, and compares it with the version's tag.

    Raises:
        RegistryError: the version was not registered by segline, its files are gone, are not those that were
            registered, or cannot be kept here.
    """
    md5, folder = read_md5(version), _folder_of(version)
    with _temporary_folder() as temporary:
        model = _download(version, temporary)
        if (found := md5_of(model)) != md5:
            raise RegistryError(
                f"{version}: its model in MLflow is {found}, its tag {MODEL_TAG} says {md5}; files or tag were "
                f"changed, {RESTORE}"
            )
        _keep(model, folder, md5, temporary)
        _proof_of(version).touch()
    return folder


def read_md5(version: Version) -> str:
    """The MD5 in a version's tag.

    Raises:
        RegistryError: the version has none, or something else.
    """
    if (md5 := version.tags.get(MODEL_TAG)) is None:
        raise RegistryError(f"{version}: has no tag {MODEL_TAG}; expected a version that `segline register` made")
    if not MD5.fullmatch(md5):
        raise RegistryError(
            f"{version}: its tag {MODEL_TAG} is {shown(md5)!r}, expected an MD5 as `segline register` writes it; "
            "register the model again"
        )
    return md5


def _download(version: Version, temporary: Path) -> Path:
    download_from(version, _find_source(version), "model", temporary)
    found = [file.parent for file in temporary.glob("artifacts/*/saved_model.pb")]
    if not found:
        raise RegistryError(f"{version}: its model in MLflow lacks saved_model.pb; if it was deleted, {RESTORE}")
    return found[0]


def download_from(version: Version, address: str, what: str, folder: Path) -> Path:
    """Downloads something of a version into a folder; MLflow lets no name of a file lead out of it.

    Raises:
        RegistryError: it is not there.
    """
    try:
        with opened() as (mlflow, _):
            return Path(mlflow.artifacts.download_artifacts(address, dst_path=str(folder)))
    except RegistryError as err:
        raise RegistryError(
            f"{version}: its {what} cannot be downloaded ({err}); if it was deleted, {RESTORE}"
        ) from err


def _find_source(version: Version) -> str:
    with opened() as (_, client):
        source = str(client.get_model_version(version.name, str(version.number)).source)
    if not SOURCE.fullmatch(source):
        raise RegistryError(
            f"{version}: its files are at {shown(source)!r}, expected models:/m-..., as `segline register` makes it; "
            "register the model again"
        )
    return source


def _folder_of(version: Version) -> Path:
    return CACHE / read_md5(version).removesuffix(".dir")


def _proof_of(version: Version) -> Path:
    told = [tracking_uri(), version.name, version.number, version.run_id, str(version.created), read_md5(version)]
    return PROOFS / hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _is_whole(folder: Path, md5: str) -> bool:
    return folder.is_dir() and not folder.is_symlink() and md5_of(folder) == md5


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder in the cache that goes with the block; a cache that is a link could be anywhere, so it is refused."""
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
    """Moves a download to its place; what is there and damaged is moved out of the way first, and never followed."""
    if _is_whole(folder, md5):
        return
    if os.path.lexists(folder):
        with suppress(FileNotFoundError):  # another process moved it
            folder.rename(temporary / "replaced")
    try:
        model.rename(folder)
    except OSError:
        if not _is_whole(folder, md5):  # else another process was faster
            raise
