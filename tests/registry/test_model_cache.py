"""Tests of the models on this machine: only what was hashed is used, whatever the registry says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.errors import RegistryError
from pipeline.registry.client import Version, find_version, set_alias, set_tags
from pipeline.registry.connection import opened
from pipeline.registry.model_cache import CACHE, PROOFS, download_model, fetch_model, read_md5, resolve_model
from pipeline.registry.runs import create_run, create_version
from pipeline.serving.model_card import ModelCard
from tests.conftest import small_files
from tests.finished_project import CLASSES, tiny_model, use_registry

pytestmark = pytest.mark.services

HOSTILE = (
    "../..",
    "..",
    ".",
    "",
    "/",
    "/etc",
    "a/b",
    "0" * 31,
    "0" * 32 + ".dir/..",
    "0" * 32 + "\n",
    "Z" * 32,
    "\x1b[2J",
)


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    use_registry(tmp_path / "project", monkeypatch)


def register(favourite: int = 0, **tags: str) -> Version:
    """Registers a tiny model, with its MD5 unless the tags say otherwise."""
    model = tiny_model(favourite)
    return create_version(create_run(), model, "", {"model_md5": md5_of(model), **tags})


def list_cache() -> list[Path]:
    """Models in the cache, and what is left of broken downloads."""
    return [path for path in CACHE.iterdir() if path != PROOFS]


def test_model_comes_back_as_it_was(tmp_path: Path) -> None:
    """A folder is taken as it is; a registered model is downloaded once, with its card, and kept."""
    assert resolve_model(str(tmp_path)) == tmp_path
    set_alias("champion", register())
    folder = resolve_model("@champion")
    assert md5_of(folder) == md5_of(tiny_model(0)) and ModelCard.read(folder).classes == CLASSES
    shutil.rmtree("mlartifacts")
    assert resolve_model("champion") == folder and len(list_cache()) == 1


@pytest.mark.parametrize("fetch", [fetch_model, download_model])
def test_damaged_cache_is_loaded_anew(fetch: Callable[[Version], Path]) -> None:
    """A file that was changed in the cache does not go unnoticed, and nothing is left of it."""
    folder = fetch(register())
    (folder / "saved_model.pb").write_bytes(b"")
    assert md5_of(fetch(find_version("1"))) == md5_of(tiny_model(0)) and list_cache() == [folder]


@pytest.mark.e2e
@pytest.mark.parametrize("md5", HOSTILE)
def test_tag_is_no_path(md5: str, tmp_path: Path) -> None:
    """A tag that leads anywhere is refused before it is one; every file of the project and beside it is there after."""
    (tmp_path / "precious").write_text("mine")
    register(0)
    fetch_model(find_version("1"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RegistryError, match=r"segline/1: its tag model_md5 is '.*', expected an MD5 as"):
        fetch_model(Version("segline", 1, "run", (), {"model_md5": md5}, find_version("1").created))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("fetch", [fetch_model, download_model])
def test_version_with_the_tags_of_another_model(fetch: Callable[[Version], Path]) -> None:
    """A model that is in the cache does not stand for a version whose own files are others."""
    fetch(register(0))
    register(1)
    set_tags(find_version("2"), {"model_md5": md5_of(tiny_model(0))})
    with pytest.raises(
        RegistryError, match=r"segline/2: its model in MLflow is \w+.dir, its tag model_md5 says \w+.dir"
    ):
        fetch(find_version("2"))


def test_changed_files_and_foreign_version_are_refused() -> None:
    """A version whose files are not those that were registered, and one that we did not register, are refused."""
    version = register()
    next(Path("mlartifacts").rglob("saved_model.pb")).write_bytes(b"")
    with pytest.raises(RegistryError, match=r"segline/1: its model in MLflow is .*put that back from a backup"):
        download_model(version)
    assert list_cache() == []
    with pytest.raises(
        RegistryError, match="segline/1: has no tag model_md5; expected a version that `segline register`"
    ):
        read_md5(Version("segline", 1, "run", (), {}, version.created))


def test_deleted_files_are_told() -> None:
    """A version whose files are gone says so, and what to do."""
    version = register()
    shutil.rmtree("mlartifacts")
    with pytest.raises(
        RegistryError, match="segline/1: its model in MLflow lacks saved_model.pb; if it was deleted, put that back"
    ):
        fetch_model(version)


def test_files_elsewhere_are_not_read(tmp_path: Path) -> None:
    """A version that names a folder of this machine, as nobody but an attacker registers one, is refused."""
    (tmp_path / "private").mkdir()
    with opened() as (_, client):
        client.create_registered_model("segline")
        tags = {"model_md5": "0" * 32 + ".dir"}
        client.create_model_version("segline", str(tmp_path / "private"), tags=tags, await_creation_for=None)
    with pytest.raises(RegistryError, match="segline/1: its files are at .*private', expected models:/m-"):
        fetch_model(find_version("1"))


@pytest.mark.parametrize("link", [CACHE.parent, CACHE, PROOFS])
def test_cache_that_is_a_link_is_refused(link: Path, tmp_path: Path) -> None:
    """Nothing is written to, or deleted from, wherever a link leads."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine").write_text("mine")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RegistryError, match="is a symbolic link, expected a folder of its own"):
        download_model(register())
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["mine"]


def test_model_that_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """A link in the place of a model goes; where it leads stays."""
    folder = fetch_model(register())
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert not fetch_model(find_version("1")).is_symlink() and (tmp_path / "elsewhere/saved_model.pb").exists()


def test_a_model_without_room_is_told() -> None:
    """The system refuses to write the downloaded files: the words are those of a full disk, and nothing is left."""
    version = register()
    (source,) = Path("mlartifacts").rglob("saved_model.pb")
    source.write_bytes(bytes(1 << 20))
    with (
        small_files(),
        pytest.raises(RegistryError, match="segline/1: its model cannot be downloaded .*no space left on the disk, or"),
    ):
        download_model(version)
    assert list_cache() == []


def test_cache_that_cannot_be_made() -> None:
    """A file in the place of the cache is told."""
    CACHE.parent.mkdir()
    CACHE.write_text("")
    with pytest.raises(RegistryError, match=r"\.segline/models: cannot be written to .*make it a folder of yours"):
        download_model(register())
