"""Tests of pipeline/provenance/environment.py."""

from pipeline.provenance.environment import compare_versions, normalize, parse_freeze, parse_lock
from tests.conftest import ROOT

LOCK = """\
numpy==2.4.0 ; python_full_version >= '3.12' \\
    --hash=sha256:00
numpy==2.3.5 ; python_full_version < '3.12' \\
    --hash=sha256:11
ruamel-yaml==0.18.1
# a comment
dvc[s3]==3.67.1
"""


def test_a_lock() -> None:
    """A package may have several versions for several Pythons; hashes, comments and extras are left out."""
    assert parse_lock(LOCK) == {"numpy": {"2.4.0", "2.3.5"}, "ruamel-yaml": {"0.18.1"}, "dvc": {"3.67.1"}}


def test_the_lock_of_this_project() -> None:
    """Each package with a version is read."""
    text = (ROOT / "requirements.lock").read_text()
    assert sum(map(len, parse_lock(text).values())) == len([line for line in text.splitlines() if line[:1].isalnum()])


def test_installed_packages() -> None:
    """Another version than the lock's differs under any spelling of the name; a package that it lacks does not."""
    installed = parse_freeze("numpy==2.4.0\nruamel.yaml==0.19\nsegline==0.1.0\nlocal @ file:///x\n")
    assert compare_versions(parse_lock(LOCK), installed) == ["ruamel.yaml 0.19 was installed, locked is 0.18.1"]


def test_names() -> None:
    """Names that the package index takes for one are one."""
    assert {normalize(name) for name in ("Ruamel.YAML", "ruamel_yaml", "ruamel--yaml")} == {"ruamel-yaml"}
