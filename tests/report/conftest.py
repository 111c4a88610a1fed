"""The evidence that the tests of the report share."""

from pathlib import Path

import pytest

from pipeline.report.evidence import ModelEvidence, read_evidence
from tests.evaluated_work import write_evaluated


@pytest.fixture
def evidence(tmp_path: Path) -> ModelEvidence:
    """Evidence of all stages, without a decision and costs."""
    write_evaluated(tmp_path / "work")
    return read_evidence(tmp_path / "work", None, ())
