"""Ed25519 keys in private files: one per node, one per operator, and the operator's word that a node is theirs."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meshcore.errors import ConfigurationError
from meshcore.home import create_once, make_private_folder, read_plain_file
from meshcore.model import canonical

KEY_BYTES = 32
_FILE_LIMIT = 1024  # bytes
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class SigningKey:
    """A private key; `public` (64 hex digits) is the name it goes by."""

    seed: bytes

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def public(self) -> str:
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, text: str) -> str:
        """Return the signature of a text, 128 hex digits."""
        return self._private.sign(text.encode()).hex()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is: its own key, its operator's public key, and the operator's signature under the node's key."""

    node: SigningKey
    operator: str
    enrolment: str


def is_key(text: str) -> bool:
    """Tell whether a text is a public key: 64 hex digits, in lower case."""
    return _KEY.fullmatch(text) is not None


def is_signed(key: str, text: str, signature: str) -> bool:
    """Tell whether `key` signed `text`; False for anything that is no key or no signature in lower-case hex."""
    # One spelling each: else a changed letter case would be another record that holds just as well.
    if not _KEY.fullmatch(key) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create(path: Path) -> SigningKey:
    """Return the key in a file, made at the first call.

    Raises ConfigurationError for a file that others can read, that is a link, or that holds no key.
    """
    make_private_folder(path.parent)
    try:
        if not os.path.lexists(path):
            create_once(path, Ed25519PrivateKey.generate().private_bytes_raw().hex().encode() + b"\n")
        seed = bytes.fromhex(read_plain_file(path, _FILE_LIMIT, private=True).decode("ascii").strip())
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigurationError(f"{path}: not usable as a key: {reason}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: not a key ({error}); restore it from a backup") from error
    if len(seed) != KEY_BYTES:
        raise ConfigurationError(f"{path}: not a key (expected 64 hex digits); restore it from a backup")
    return SigningKey(seed)


def enrolment_text(node: str, operator: str) -> str:
    """Return what an operator signs to say that a node is theirs."""
    return canonical({"meshtui": "enrolment", "node": node, "operator": operator})


def identify(node_key: Path, operator_key: Path) -> Identity:
    """Return this node's identity, enrolled by an operator's key without a passphrase; both are made where missing."""
    node, operator = load_or_create(node_key), load_or_create(operator_key)
    return Identity(node, operator.public, operator.sign(enrolment_text(node.public, operator.public)))
