"""policy.toml under the operator's signature: with a protected key only what is signed counts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from meshcore.home import read_plain_file, write_atomically
from meshcore.model import canonical
from meshcore.safety.keys import SigningKey, is_signed

_LIMIT = 1024  # bytes


def signature_file(path: Path) -> Path:
    """Return where the signature of a policy file lies."""
    return path.with_name(path.name + ".sig")


def sign_policy(path: Path, raw: bytes, key: SigningKey) -> None:
    """Sign what a policy file holds. Raises OSError."""
    write_atomically(signature_file(path), key.sign(_text(raw)).encode() + b"\n")


def is_policy_signed(path: Path, raw: bytes, key: str) -> bool:
    """Tell whether exactly this content was signed by a key."""
    try:
        signature = read_plain_file(signature_file(path), _LIMIT).decode("ascii", "replace").strip()
    except OSError:
        return False
    return is_signed(key, _text(raw), signature)


def _text(raw: bytes) -> str:
    return canonical({"meshtui": "policy", "sha256": hashlib.sha256(raw).hexdigest()})
