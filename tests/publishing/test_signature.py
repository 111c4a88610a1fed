"""Tests of signatures, with minisign's own program if it is installed."""

import shutil
import subprocess
from pathlib import Path

import minisign
import pytest

from pipeline.errors import EvidenceError
from pipeline.publishing.signature import VALID, examine, read_public_key, read_signing_key, sign

needs_minisign = pytest.mark.skipif(
    not shutil.which("minisign"), reason="the program minisign is not installed (apt-get install minisign)"
)


@pytest.fixture
def key_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A secret and a public key in files that the environment names."""
    pair = minisign.KeyPair.generate()
    secret, public = tmp_path / "minisign.key", tmp_path / "minisign.pub"
    for path, key in ((secret, pair.secret_key), (public, pair.public_key)):
        path.write_bytes(bytes(key) + b"\n")
        path.chmod(0o600)
    monkeypatch.setenv("SEGLINE_SIGNING_KEY_FILE", str(secret))
    monkeypatch.setenv("SEGLINE_PUBLIC_KEY_FILE", str(public))
    return secret, public


def test_a_signature_fits_its_content_its_key_and_nothing_else(key_files: tuple[Path, Path]) -> None:
    """Equal content has an equal signature; each fault is named."""
    secret, public = read_signing_key(), read_public_key()
    assert secret and public
    signature = sign(secret, b"content", "version 7")
    assert signature == sign(secret, b"content", "version 7")
    assert examine(public, b"content", signature) == VALID
    assert examine(public, b"other", signature) == "not of this record by this key (signature verification failed)"
    assert "by this key" in examine(public, b"content", signature.replace(b"version 7", b"version 8"))
    assert "by this key" in examine(minisign.KeyPair.generate().public_key, b"content", signature)
    assert examine(public, b"content", b"") == "missing"
    assert examine(public, b"content", b"x\n" * 4).startswith("damaged (")


@needs_minisign
def test_minisign_itself_verifies_a_signature(key_files: tuple[Path, Path], tmp_path: Path) -> None:
    """With the public key alone; one changed byte is refused."""
    secret, file = read_signing_key(), tmp_path / "file"
    assert secret
    file.write_bytes(b"content")
    (tmp_path / "file.minisig").write_bytes(sign(secret, b"content", "version 7, ledger line 3"))
    verify = ["minisign", "-V", "-p", str(key_files[1]), "-m", str(file)]
    shown = subprocess.run(verify, capture_output=True, text=True, check=True).stdout
    assert "Trusted comment: version 7, ledger line 3" in shown
    file.write_bytes(b"c0ntent")
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 1


@needs_minisign
def test_keys_of_minisign_itself_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`minisign -G -W` makes both; a key with a password is refused with the command that makes one without."""
    secret, public = tmp_path / "k.key", tmp_path / "k.pub"
    subprocess.run(["minisign", "-G", "-W", "-s", secret, "-p", public], capture_output=True, check=True)
    monkeypatch.setenv("SEGLINE_SIGNING_KEY_FILE", str(secret))
    monkeypatch.setenv("SEGLINE_PUBLIC_KEY_FILE", str(public))
    key, other = read_signing_key(), read_public_key()
    assert key and other and examine(other, b"content", sign(key, b"content", "")) == VALID


def test_without_a_setting_there_is_no_key() -> None:
    """Nothing is signed or verified then."""
    assert read_signing_key() is None and read_public_key() is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_may_read_is_refused(key_files: tuple[Path, Path], mode: int) -> None:
    """As ssh refuses it; the message says how to close it."""
    key_files[0].chmod(mode)
    with pytest.raises(EvidenceError, match=rf"others may read this key \(mode {mode:04o}\); `chmod 600` it"):
        read_signing_key()


def test_a_key_with_a_password_is_refused(key_files: tuple[Path, Path]) -> None:
    """Nobody is there to enter it."""
    key = minisign.KeyPair.generate().secret_key
    key.encrypt("password", opslimit=32768, memlimit=1 << 24)
    key_files[0].write_bytes(bytes(key) + b"\n")
    with pytest.raises(EvidenceError, match="has a password, which nobody can enter here; .*`minisign -G -W`"):
        read_signing_key()


def test_what_is_no_key_is_refused(key_files: tuple[Path, Path]) -> None:
    """The variable, its file and the fault are named, of a public key in the secret one's place too."""
    key_files[0].write_bytes(key_files[1].read_bytes())
    with pytest.raises(EvidenceError, match=r"SEGLINE_SIGNING_KEY_FILE is .*: is not a secret key of minisign \(inv"):
        read_signing_key()
    key_files[1].write_text("no key")
    with pytest.raises(EvidenceError, match=r"SEGLINE_PUBLIC_KEY_FILE is .*: is not a public key of minisign \(inv"):
        read_public_key()
    for path in key_files:
        path.unlink()
    with pytest.raises(EvidenceError, match=r"SEGLINE_SIGNING_KEY_FILE: .*minisign.key: cannot be read \(No such"):
        read_signing_key()
    with pytest.raises(EvidenceError, match="SEGLINE_PUBLIC_KEY_FILE: .*minisign.pub: cannot be read"):
        read_public_key()
