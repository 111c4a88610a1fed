"""The optional key that signs the ledger's lines, from SEGLINE_LEDGER_KEY or the file in SEGLINE_LEDGER_KEY_FILE."""

import hmac
import os
from pathlib import Path

from pipeline.errors import RegistryError

KEY, KEY_FILE = "SEGLINE_LEDGER_KEY", "SEGLINE_LEDGER_KEY_FILE"


def read_key() -> bytes | None:
    """The key; None where none is set.

    Raises:
        RegistryError: the file cannot be read or is empty.
    """
    if text := os.environ.get(KEY):
        return text.encode()
    if not (path := os.environ.get(KEY_FILE)):
        return None
    try:
        key = Path(path).read_bytes().strip()
    except OSError as err:
        raise RegistryError(f"{KEY_FILE} is {path}: cannot be read ({err.strerror}); correct it, or unset it") from err
    if not key:
        raise RegistryError(f"{KEY_FILE} is {path}: is empty; expected a key, such as `openssl rand -hex 32` gives")
    return key


def sign(key: bytes, text: str) -> str:
    """HMAC-SHA256 of a line's content, in hex."""
    return hmac.digest(key, text.encode(errors="surrogatepass"), "sha256").hex()


def is_signed(key: bytes, text: str, signature: str) -> bool:
    """True where the signature is of this text and this key."""
    return hmac.compare_digest(sign(key, text).encode(), signature.encode(errors="backslashreplace"))
