"""Tests of what the registry holds of a version."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.provenance.registered import LOCK_FILE, PARAMS_FILE, SCORES_FILE, TAGS, Registered, opened_version
from pipeline.registry.evidence import STORED

pytestmark = pytest.mark.services

ZEROS = "0" * 32


def test_each_tag_has_witnesses(champion: Registered) -> None:
    """Each tag of a new version has three witnesses at least, which agree."""
    assert champion.claims.keys() == set(TAGS)
    assert all(len(claims) >= 3 and len(set(claims.values())) == 1 for claims in champion.claims.values())


def test_most_witnesses_are_believed(champion: Registered) -> None:
    """One witness of three is outvoted; of two the first counts, which is the content itself."""
    claims = {"data_md5": {"a": "1", "b": "2", "c": "2"}, "params_md5": {"its files": "1", "its own tags": "2"}}
    changed = replace(champion, claims=claims | {"verdict": {}})
    assert changed.values == {"data_md5": "2", "params_md5": "1"}


def test_a_changed_file_is_not_used(champion: Registered, tmp_path: Path) -> None:
    """Of a changed file the commit's copy is used; a file that the commit lacks is not used at all."""
    folder = tmp_path / "run"
    shutil.copytree(champion.folder, folder)
    found = dict(champion.found) | {LOCK_FILE: ZEROS, PARAMS_FILE: ZEROS, SCORES_FILE: ZEROS, STORED: ZEROS}
    changed = replace(champion, folder=folder, found=found)
    assert changed.stages == champion.stages and changed.stages
    assert changed.find_original(PARAMS_FILE) == tmp_path / "commit" / PARAMS_FILE
    assert changed.scores is None and changed.verdict is None and champion.scores and champion.verdict


def test_a_version_that_is_not_there(champion: Registered) -> None:
    """The message lists the versions that are."""
    with pytest.raises(RegistryError, match=r"segline/7: not found .*registered of segline: segline/1 @challenger"):
        opened_version("7").__enter__()
