"""The operator's key under a passphrase: `operator.key` holds PKCS#8, its public half lies beside it in `operator.pub`.

The passphrase is stretched by scrypt before PKCS#8's own derivation, whose 2,048 rounds would be too few. Nothing here
keeps a passphrase or an unlocked key. What handles them is loaded when it is asked for: every node imports this.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meshcore.errors import ConfigurationError, UsageError
from meshcore.home import read_plain_file, write_atomically
from meshcore.safety.keys import Identity, SigningKey, enrolment_text, is_key, is_signed, load_or_create

COST = 1 << 17  # scrypt's n: about 0.4 s and 128 MiB for each guess
MOST_COST = 1 << 20
LEAST_CHARACTERS = 8
_BLOCK = 8
_FILE_LIMIT = 4096  # bytes
_BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_HEAD = re.compile(rb"meshtui operator key, scrypt n=(\d{1,8}) r=8 p=1 salt=([0-9a-f]{64})\n")


def public_file(path: Path) -> Path:
    """Return where the public half of a protected key lies."""
    return path.with_suffix(".pub")


def is_protected(path: Path) -> bool:
    """Tell whether a key file asks for a passphrase; False where there is none. Raises ConfigurationError."""
    try:
        return _BEGIN in _read(path)
    except FileNotFoundError:
        return False


def version(path: Path) -> tuple[int, ...]:
    """Return what is another whenever a file is another or was changed, whoever did it; () where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size


def public_half(path: Path) -> str:
    """Return the public half of a protected key, as it lies beside it. Raises ConfigurationError."""
    beside = public_file(path)
    try:
        found = _read(beside).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise ConfigurationError(f"{beside}: missing; `meshtui trust protect` writes it again") from None
    if not is_key(found):
        raise ConfigurationError(f"{beside}: not a public key; delete it, then `meshtui trust protect` writes it again")
    return found


def unlock(path: Path, passphrase: str) -> SigningKey:
    """Return the key in a protected file. Raises UsageError for a wrong passphrase, ConfigurationError for no such key.

    Takes about half a second on purpose. Keep the key in memory only.
    """
    try:
        raw = _read(path)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: missing; restore it from a backup") from None
    head = _HEAD.search(raw)
    if head is None or not 1 < int(head[1]) <= MOST_COST or int(head[1]) & (int(head[1]) - 1):
        raise ConfigurationError(f"{path}: not a protected key of this version; restore it from a backup")
    secret = _stretched(passphrase, bytes.fromhex(head[2].decode()), int(head[1]))
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(raw[head.end() :], secret)
    except ValueError:
        raise UsageError(f"{path}: the passphrase is wrong, or the file is damaged; nothing was signed") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: a key of another kind than Ed25519; restore it from a backup")
    return SigningKey(found.private_bytes_raw())


def protect(path: Path, passphrase: str, *, cost: int = COST) -> SigningKey:
    """Put a passphrase on the key in a file, made where there is none; return the key. Raises UsageError.

    The public half is written first and the key replaced whole: whenever the process ends, one usable key is there.
    A key that is protected already is only checked, and its public half written again.
    """
    if is_protected(path):
        key = unlock(path, passphrase)
        write_atomically(public_file(path), key.public.encode() + b"\n")
        return key
    if len(passphrase) < LEAST_CHARACTERS:
        raise UsageError(f"a passphrase has {LEAST_CHARACTERS} characters or more; several words are best")
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    key, salt = load_or_create(path), secrets.token_bytes(32)
    pem = Ed25519PrivateKey.from_private_bytes(key.seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(_stretched(passphrase, salt, cost))
    )
    head = f"meshtui operator key, scrypt n={cost} r={_BLOCK} p=1 salt={salt.hex()}\n".encode()
    write_atomically(public_file(path), key.public.encode() + b"\n")
    write_atomically(path, head + pem)
    return key


def unprotect(path: Path, passphrase: str) -> SigningKey:
    """Take the passphrase off again; return the key. Raises UsageError, ConfigurationError."""
    key = unlock(path, passphrase)
    write_atomically(path, key.seed.hex().encode() + b"\n")
    return key


def enrol(node: SigningKey, operator: SigningKey, path: Path) -> Identity:
    """Return a node's identity, enrolled by its operator; the signature is kept in a file, the one before it too.

    A node that changes its key has two for a moment. Raises OSError.
    """
    enrolment = operator.sign(enrolment_text(node.public, operator.public))
    kept = [line for line in _enrolments(path) if line != enrolment][-1:]
    write_atomically(path, "".join(f"{line}\n" for line in [*kept, enrolment]).encode())
    return Identity(node, operator.public, enrolment)


def enrolled(node: SigningKey, operator: str, path: Path) -> Identity:
    """Return the identity of a node whose operator's key is protected: its enrolment is what was kept, "" without."""
    text = enrolment_text(node.public, operator)
    good = (enrolment for enrolment in _enrolments(path) if is_signed(operator, text, enrolment))
    return Identity(node, operator, next(good, ""))


def _enrolments(path: Path) -> list[str]:
    try:
        return _read(path).decode("ascii", "replace").split()
    except FileNotFoundError:
        return []


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    scrypt = Scrypt(salt=salt, length=32, n=cost, r=_BLOCK, p=1)
    return scrypt.derive(passphrase.encode("utf-8", "surrogateescape")).hex().encode()


def _read(path: Path) -> bytes:
    try:
        return read_plain_file(path, _FILE_LIMIT, private=True)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{path}: not usable as a key: {error.strerror}") from error
