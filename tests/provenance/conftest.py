"""A registered project that the tests of this folder only read."""

from collections.abc import Iterator

import pytest

from pipeline.provenance.registered import Registered, opened_version
from tests.provenance_project import write_registered


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registered]:
    """The champion of a project, which is the current directory for the tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        write_registered(tmp_path_factory.mktemp("project"), patch)
        with opened_version("champion") as registered:
            yield registered
