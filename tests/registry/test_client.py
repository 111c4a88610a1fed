"""Tests of the door to MLflow, against a real registry."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.files import md5_of
from pipeline.errors import RegistryError
from pipeline.promotion.noise_floor import parse_noise_floor
from pipeline.registry import client
from pipeline.registry.client import (
    Model,
    Version,
    create_entry,
    find_alias,
    find_version,
    list_versions,
    model_name,
    parse_reference,
    read_model,
    set_alias,
    set_tags,
    to_version,
    write_model,
    write_patiently,
)
from pipeline.registry.connection import opened, tracking_uri
from pipeline.registry.model_cache import MD5, read_md5
from pipeline.registry.runs import close_run, create_run, create_version, log_epoch, start_run
from tests.finished_project import tiny_model, use_registry
from tests.hostile_registry import contents, rows, texts, versions

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def register(favourite: int = 0, **tags: str) -> Version:
    """Registers a tiny model, with its MD5 unless the tags say otherwise."""
    model = tiny_model(favourite)
    return create_version(create_run(), model, "", {"model_md5": md5_of(model), **tags})


def test_reading_makes_no_data_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was registered, a look at the registry leaves the folder as it was."""
    (tmp_path / "mlflow.db").unlink()
    assert list_versions() == [] and find_alias("champion") is None
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri() == "sqlite:///mlflow.db" and list_versions() == []


def test_versions_with_aliases_and_tags() -> None:
    """Versions are listed oldest first, with the aliases and tags that they have by now."""
    assert list_versions() == []
    first, second = register(), register()
    set_alias("champion", first)
    set_alias("previous", first)
    set_alias("champion", second)
    set_tags(first, {"decision": "none"})
    one, two = list_versions()
    assert (one.number, one.aliases, one.tags["decision"]) == (1, ("previous",), "none")
    assert (two.number, two.aliases, two.run_id) == (2, ("champion",), second.run_id)
    assert find_alias("champion") == two == find_version("@champion") == find_version("segline/2") == find_version("2")


def test_model_has_tags_and_aliases() -> None:
    """Aliases are moved by number, tags are those of the model; a model that is missing is empty."""
    assert read_model() == Model({}, ())
    first, second = register(), register()
    write_model("segline", {"head": "1"}, {"champion": first.number, "previous": second.number})
    write_model("segline", {"head": "2"}, {"champion": second.number})
    model = read_model()
    assert model.tags == {"head": "2"} and model.number_by_alias == {"champion": 2, "previous": 2}
    assert list(model.versions) == list_versions() and model.versions[0].source.startswith("models:/m-")


def test_entry_has_no_files() -> None:
    """The model is made with the first entry; each entry has tags and no run."""
    for number in "12":
        create_entry("book", "segline:/book", {"line": number}, "an entry", "about")
    write_model("book", {})
    assert [(entry.number, entry.tags, entry.run_id) for entry in list_versions("book")] == [
        (1, {"line": "1"}, ""),
        (2, {"line": "2"}, ""),
    ]
    with opened() as (_, raw):
        assert raw.get_registered_model("book").description == "about"


def test_version_that_is_not_there() -> None:
    """An unknown alias or version is refused with a list of what there is."""
    with pytest.raises(RegistryError, match="segline@champion: not found in MLflow at .* registered of segline: none"):
        find_version("champion")
    set_alias("challenger", register())
    with pytest.raises(RegistryError, match="other/1: not found .* registered of other: none"):
        find_version("other/1")
    with pytest.raises(RegistryError, match="segline/7: not found .* registered of segline: segline/1 @challenger"):
        find_version("segline/7")


def test_models_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name in the environment is another model; an impossible one is refused."""
    register()
    monkeypatch.setenv("SEGLINE_MODEL_NAME", "tumours")
    assert list_versions() == [] and str(register()) == "tumours/1"
    monkeypatch.setenv("SEGLINE_MODEL_NAME", "it's")
    with pytest.raises(RegistryError, match='SEGLINE_MODEL_NAME is "it\'s"; expected letters'):
        model_name()


def test_live_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs go to the run, nan is left out."""
    run_id = start_run()
    assert run_id
    log_epoch(run_id, {"loss": 0.5, "val_loss": float("nan")}, 1)
    log_epoch(run_id, {"loss": 0.25}, 2)
    with opened() as (_, client):
        assert [(row.step, row.value) for row in client.get_metric_history(run_id, "loss")] == [(1, 0.5), (2, 0.25)]
        close_run(run_id)
        assert client.get_run(run_id).info.status == "FAILED"
        client.set_terminated(run_id, "FINISHED")
        close_run(run_id)
        assert client.get_run(run_id).info.status == "FINISHED"
    assert capsys.readouterr().err == ""


@pytest.mark.e2e
def test_training_goes_on_without_the_server(
    silent_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that does not answer costs a training one short wait and one line."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    for epoch in range(1, 9):
        log_epoch("a run there", {"loss": 1.0}, epoch)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"warning: training goes on without live metrics, registering adds those of history.csv: MLflow at "
        f"{silent_server}"
    )


def test_no_server_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An address where nobody listens is told without its password; opening and closing a run only warn."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(
        RegistryError, match=r"MLflow at http://127.0.0.1:9 fails: .*nothing is lost.*run the same"
    ) as info:
        list_versions()
    assert start_run() is None
    close_run("a run there")
    told = capsys.readouterr().err
    assert (
        "warning: no live metrics: MLflow at" in told and "warning: the run a run there stays open: MLflow at" in told
    )
    assert "secret" not in told + str(info.value)


def test_broken_data_base(tmp_path: Path) -> None:
    """A file that is no data base is named, without a long wait."""
    (tmp_path / "mlflow.db").write_text("no data base, but long enough to be looked at " * 100)
    with pytest.raises(RegistryError, match="MLflow at sqlite:.* fails: .*not a database.*nothing is lost"):
        list_versions()


@pytest.mark.e2e
@given(rows(), st.dictionaries(texts(), st.none() | st.integers() | texts(), max_size=3))
def test_any_row_is_a_version_or_an_error(row: Any, aliases: dict[str, Any]) -> None:
    """Whatever MLflow gives for a version, it is one with the right types, or is refused by name."""
    try:
        version = to_version(row, aliases)
    except RegistryError as err:
        assert "expected a number; delete it" in str(err)
    else:
        assert version.number >= 0 and all(isinstance(value, str) for value in version.tags.values())


@given(texts())
def test_any_text_is_a_reference_or_an_error(text: str) -> None:
    """What a person types for a model is one, or is refused."""
    with suppress(RegistryError):
        assert parse_reference(text)[0]


@given(versions())
def test_no_tag_becomes_a_path(version: Version) -> None:
    """The only tag that names a folder is an MD5, or is refused."""
    with suppress(RegistryError):
        assert MD5.fullmatch(read_md5(version))


@given(texts() | contents().map(json.dumps))
def test_any_noise_floor_is_one_or_an_error(text: str) -> None:
    """What stands in the tag is a floor of finite numbers, or is refused."""
    with suppress(RegistryError):
        assert parse_noise_floor(text).floor >= 0


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_. -]{0,9}", fullmatch=True)
ALIASES = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)


@given(NAMES, st.integers(1, 10_000) | ALIASES, st.sampled_from(["", "models:/"]))
def test_name_with_number_or_alias(name: str, key: int | str, before: str) -> None:
    """Both forms are read with MLflow's prefix and without."""
    assert parse_reference(f"{before}{name}{'/' if isinstance(key, int) else '@'}{key}") == (name, key)


@pytest.mark.parametrize("text", ["champion", "@champion", "models:/segline@champion"])
def test_alias_of_our_model(text: str) -> None:
    """An alias alone means that of our model."""
    assert parse_reference(text) == ("segline", "champion")


def test_number_of_our_model() -> None:
    """A number alone means that version of our model."""
    assert parse_reference("3") == ("segline", 3)


@pytest.mark.parametrize("text", ["", "work/export/model", "a@b@c", "name/", "@", "/abs/1"])
def test_anything_else_is_refused(text: str) -> None:
    """What is neither is refused with the forms that there are."""
    with pytest.raises(RegistryError, match="no such folder, and not a name of a registered model; expected"):
        parse_reference(text)


def test_write_is_repeated_until_it_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails for a moment succeeds in the end, and once."""
    monkeypatch.setattr(client, "MAX_PAUSE_S", 0.001)
    failures = [RegistryError("taken"), RegistryError("locked")]

    def write() -> None:
        if failures:
            raise failures.pop()
        done.append(1)

    done: list[int] = []
    write_patiently("it", write)
    assert done == [1]


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that never succeeds ends with its last error."""
    monkeypatch.setattr(client, "MAX_PAUSE_S", 0.001)
    monkeypatch.setattr(client, "PATIENCE_S", 0.1)

    def write() -> None:
        raise RegistryError("out of order")

    with pytest.raises(RegistryError, match=r"the line was not written within 0.1 s: out of order"):
        write_patiently("the line", write)
