"""One extension of each kind, added through its seam and run."""

from pathlib import Path

import pytest

from tests.benchmarks.extend import KINDS, extend

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def test_an_extension_is_one_file_and_two_lines(tmp_path: Path) -> None:
    """A network, a loss, a metric, an importer, a rule and a stage, which then work together."""
    costs = extend(tmp_path)
    assert costs.keys() == KINDS.keys()
    assert all(cost["files"] <= 1 and cost["lines"] <= 2 for cost in costs.values()), costs
