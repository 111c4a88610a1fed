"""Destinations of every kind."""

from pathlib import Path

import pytest


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.services)])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder, and an empty prefix of a bucket on a server of this machine."""
    if request.param == "folder":
        return str(tmp_path / "served")
    s3 = request.getfixturevalue("s3")
    s3.create_bucket(Bucket="models")
    prefix = tmp_path.name
    return f"s3://models/{prefix}"
