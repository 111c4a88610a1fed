"""Tests of pipeline/retention/limits.py."""

import re
from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.retention.limits import RETENTION, Limits, read_limits
from pipeline.runtime.stages import ROOT

TEXT = (ROOT / RETENTION).read_text()


def test_the_shipped_file_explains_each_limit_and_counts_if_there_is_none(tmp_path: Path) -> None:
    """Each value has a comment with its unit; a project without the file has these values."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#") and line]
    assert [line.partition(":")[0] for line in lines] == list(Limits.model_fields)
    assert all(re.search(r"_days: \d+ +# of .*, since ", line) for line in lines)
    assert read_limits(tmp_path / "retention.yaml") == read_limits(ROOT / RETENTION)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("runs_days", "run_days"), "unknown name 'run_days'; did you mean `runs_days`?"),
        (TEXT + "xyz: 1\n", "unknown name 'xyz'; known are checkpoints_days, models_days"),
        (TEXT.replace("runs_days: 90", ""), "`runs_days` is missing; add it"),
        (TEXT.replace("runs_days: 90", "runs_days: -1"), "`runs_days` is -1, expected a number of days from 0"),
        (TEXT.replace("runs_days: 90", "runs_days: .nan"), "`runs_days` is nan, expected a number"),
        (TEXT.replace("runs_days: 90", "runs_days: '90'"), "`runs_days` is '90', expected a number"),
        (TEXT.replace("runs_days: 90", "runs_days: [90]"), "`runs_days` is [90], expected a number"),
        (TEXT + "1: 2\n", "unknown name"),
        ("", "found NoneType, expected lines such as"),
        ("- 1\n", "found list, expected lines such as"),
        ("{", "is not YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the name and the nearest known one."""
    path = tmp_path / "retention.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as err:
        read_limits(path)
    assert str(err.value).startswith(f"{path}: ") and message in str(err.value)
