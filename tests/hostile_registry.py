"""What a registry may hold that nobody of ours wrote: made-up tags, versions and ledger lines."""

import hashlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from pipeline.ledger.audit import HEAD_TAG
from pipeline.ledger.ledger import DIGEST_TAG, SIGNATURE_TAG
from pipeline.registry.client import Version

TAG_NAMES = (
    *("model_md5", "verdict_md5", "evidence_md5", "test_md5", "data_md5", "params_md5", "dvc_lock_md5", "git_commit"),
    *("verdict", "mean_iou", "rescored_mean_iou", "decision", HEAD_TAG, "projected", "noise_floor", "made up"),
)
NASTY = (
    *("", " ", "-", "nan", "inf", "-inf", "1e3", "1e999", "9" * 5_000, "0x10", "None", "null", "[]", "{}", "true"),
    *("../..", "/etc/passwd", "..", "C:\\", "file:///etc", "~", "0" * 32, "0" * 32 + ".dir", "a" * 64, "7:" + "a" * 64),
    *("[/x]", "[bold]", "[link=http://host]x[/link]", "<script>alert(1)</script>", "![x](http://host)", "\\"),
    *("\x1b[2J\x1b]0;title\x07", "\r\n", "a\nerror: b", "\u202e", "\x00", "\u2028", "ä" * 300, "[" * 20_000),
    *("accepted", "2026-11-22T12:00:00+00:00", "2026-99-99", "http://me:secret@host/x?password=secret"),
)
LINE: dict[str, Any] = {
    "kind": "promote",
    "version": 1,
    "expected_champion": None,
    "known": 0,
    "found": {"champion": None, "previous": None},
    "reasons": ["why"],
    "evidence": {"comparisons": {"1": {"low": 0.1, "p_value": 0.01, "confidence": 0.95}}, "test_md5": "x"},
    "who": "me",
    "when": "2026-11-22T12:00:00+00:00",
    "attempt": "1",
    "link": "0" * 64,
    "is_signed": False,
}


def texts() -> st.SearchStrategy[str]:
    """Text of any kind, most of it unkind."""
    return st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=40)


def contents() -> st.SearchStrategy[Any]:
    """Whatever JSON can hold, and numbers that it can hold in Python only."""
    numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400)
    return st.recursive(
        numbers | texts(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def line_texts(draw: st.DrawFn) -> str:
    """JSON of a line with some fields replaced, left out or added; or any JSON; or none at all."""
    kind = draw(st.sampled_from(("line", "line", "line", "content", "text")))
    if kind == "text":
        return draw(texts())
    if kind == "content":
        return json.dumps(draw(contents()))
    content = dict(LINE)
    for name in draw(st.lists(st.sampled_from((*LINE, "number", "head", "made up")), max_size=3)):
        content[name] = draw(contents())
    for name in draw(st.lists(st.sampled_from(tuple(LINE)), max_size=1)):
        content.pop(name, None)
    return json.dumps(content)


@st.composite
def line_tags(draw: st.DrawFn) -> dict[str, str]:
    """Tags of a ledger's line, its digest mostly right."""
    text = draw(line_texts())
    digest = hashlib.sha256(text.encode()).hexdigest()
    tags = {"line.0": text, DIGEST_TAG: draw(st.just(digest) | texts()), SIGNATURE_TAG: draw(texts())}
    for name in draw(st.lists(st.sampled_from((*tags, "line.1", "line.99", "line.x")), max_size=2)):
        tags[name] = draw(texts())
    return tags


def tags() -> st.SearchStrategy[dict[str, str]]:
    """Tags of a version of a model."""
    return st.dictionaries(st.sampled_from(TAG_NAMES) | texts(), texts(), max_size=8)


@st.composite
def versions(draw: st.DrawFn, numbers: st.SearchStrategy[int] = st.integers(1, 2**31 - 1)) -> Version:  # noqa: B008
    """A version with such tags."""
    created = draw(st.none() | st.just(datetime(2026, 11, 22, tzinfo=UTC)))
    aliases = tuple(draw(st.lists(texts(), max_size=2)))
    return Version("segline", draw(numbers), draw(texts()), aliases, draw(tags()), created)


def rows() -> st.SearchStrategy[Any]:
    """A version as MLflow's client might give it."""
    values = st.none() | st.integers() | st.floats() | texts()
    return st.builds(
        SimpleNamespace,
        name=texts(),
        version=st.sampled_from((1, "1", "1e3", "", None, "-1", "9" * 5_000)) | values,
        run_id=values,
        creation_timestamp=values,
        source=values,
        tags=st.dictionaries(texts(), st.none() | texts(), max_size=4),
    )
