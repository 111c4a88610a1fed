"""Tests of the key that signs the ledger."""

import hashlib
import hmac
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.ledger.key import is_signed, read_key, sign


def test_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable goes before a file, whose last line break is no part of the key; without either there is none."""
    assert read_key() is None
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("SEGLINE_LEDGER_KEY_FILE", str(tmp_path / "key"))
    assert read_key() == b"from a file"
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "from a variable")
    assert read_key() == b"from a variable"


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot be read .No such file"), ("\n", "is empty; expected a key")]
)
def test_key_that_is_not_there(text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is named and holds no key is no reason to go on without one."""
    if text is not None:
        (tmp_path / "key").write_text(text)
    monkeypatch.setenv("SEGLINE_LEDGER_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(RegistryError, match=f"SEGLINE_LEDGER_KEY_FILE is .*key: {message}"):
        read_key()


def test_signature() -> None:
    """HMAC-SHA256, as any other program computes it; of another text, key or kind it is none."""
    assert sign(b"key", "text") == hmac.new(b"key", b"text", hashlib.sha256).hexdigest()
    assert is_signed(b"key", "text", sign(b"key", "text"))
    for key, text, signature in ((b"other", "text", sign(b"key", "text")), (b"key", "?", sign(b"key", "text"))):
        assert not is_signed(key, text, signature)
    assert not any(is_signed(b"key", "text", signature) for signature in ("", "\ud800", "ä" * 64))
