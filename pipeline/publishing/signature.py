"""The door to minisign: signatures that `minisign -V` verifies without segline.

SEGLINE_SIGNING_KEY_FILE names the secret key, SEGLINE_PUBLIC_KEY_FILE the public one, as `minisign -G -W` writes them.
"""

import os
import stat
from pathlib import Path

from minisign import Error, PublicKey, Signature, VerifyError
from minisign import SecretKey as SecretKey

from pipeline.disk.regular_files import read_regular
from pipeline.errors import DataError, EvidenceError

SIGNING_KEY, PUBLIC_KEY = "SEGLINE_SIGNING_KEY_FILE", "SEGLINE_PUBLIC_KEY_FILE"
MAX_KEY_BYTES = 4096
OTHERS = stat.S_IRWXG | stat.S_IRWXO
VALID = "valid"


def read_signing_key() -> SecretKey | None:
    """The key that signs; None: SEGLINE_SIGNING_KEY_FILE is not set.

    Raises:
        EvidenceError: the file cannot be read, is not such a key, has a password, or may be read by others.
    """
    if not (path := os.environ.get(SIGNING_KEY)):
        return None
    content = _read(SIGNING_KEY, path)
    status = Path(path).stat()
    if status.st_uid == os.getuid() and status.st_mode & OTHERS:  # as ssh has it
        mode = stat.S_IMODE(status.st_mode)
        raise EvidenceError(
            f"{SIGNING_KEY} is {path}: others may read this key (mode {mode:04o}); `chmod 600` it, and make a new key "
            "if somebody may have"
        )
    try:
        key = SecretKey.from_bytes(content)
    except Error as err:
        raise EvidenceError(
            f"{SIGNING_KEY} is {path}: is not a secret key of minisign ({err}); `minisign -G -W` makes one"
        ) from err
    if key.is_encrypted():
        raise EvidenceError(
            f"{SIGNING_KEY} is {path}: the key has a password, which nobody can enter here; make one without: "
            "`minisign -G -W`"
        )
    return key


def sign(key: SecretKey, content: bytes, comment: str) -> bytes:
    """The file `.minisig` for a content: Ed25519 over its BLAKE2b hash; equal for equal content, key and comment.

    Args:
        key: without a password.
        content: of the file to sign.
        comment: is signed too; printable ASCII.
    """
    return bytes(key.sign(content, trusted_comment=comment)) + b"\n"


def read_public_key() -> PublicKey | None:
    """The key that verifies; None: SEGLINE_PUBLIC_KEY_FILE is not set.

    Raises:
        EvidenceError: the file cannot be read, or is not such a key.
    """
    if not (path := os.environ.get(PUBLIC_KEY)):
        return None
    try:
        return PublicKey.from_bytes(_read(PUBLIC_KEY, path))
    except Error as err:
        raise EvidenceError(
            f"{PUBLIC_KEY} is {path}: is not a public key of minisign ({err}); `minisign -G -W` writes one beside the "
            "secret key"
        ) from err


def examine(key: PublicKey, content: bytes, signature: bytes) -> str:
    """VALID if the key made this signature of the content, else the fault."""
    if not signature:
        return "missing"
    try:
        key.verify(content, Signature.from_bytes(signature))
    except VerifyError as err:
        return f"not of this record by this key ({err})"
    except Error as err:
        return f"damaged ({err})"
    return VALID


def _read(variable: str, path: str) -> bytes:
    try:
        return read_regular(Path(path), MAX_KEY_BYTES)
    except DataError as err:
        raise EvidenceError(f"{variable}: {err}") from err
