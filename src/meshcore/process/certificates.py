"""Whom a contained program may trust is in sight: files of certificates that its environment names, and no key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

NAMED_BY: Final = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
)
"""Variables by which OpenSSL, requests, curl, pip and Node are told which certificates to trust."""

_LIMIT: Final = 1 << 22  # bytes of one file; Mozilla's whole list has 220 kB
_MOST_FILES: Final = 1_000
_BLOCK: Final = re.compile(rb"-----BEGIN ([^\r\n]*)-----")
_CERTIFICATES: Final = frozenset({b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE", b"X509 CRL"})


def certificates(env: Mapping[str, str], *, in_sight: Sequence[str] = ()) -> list[str]:
    """Return the absolute paths that the variables of `NAMED_BY` name and that hold certificates, and nothing else.

    A folder counts where that holds for each file of it: a variable may name anything, also a secret. What lies in
    one of the folders `in_sight` is left out.
    """
    named = (path for name in NAMED_BY for path in env.get(name, "").split(":" if name == "SSL_CERT_DIR" else "\0"))
    found = [path for path in dict.fromkeys(named) if path.startswith("/")]
    return [path for path in found if not _is_seen(path, in_sight) and _holds_certificates(path)]


def _is_seen(path: str, folders: Sequence[str]) -> bool:
    return all(any(f"{one}/".startswith(f"{folder}/") for folder in folders) for one in (path, os.path.realpath(path)))


def _holds_certificates(path: str) -> bool:
    try:
        inside = list(_files(path)) if Path(path).is_dir() else [path]
        return 0 < len(inside) <= _MOST_FILES and all(map(_is_of_certificates, inside))
    except (OSError, ValueError):
        return False


def _files(folder: str) -> Iterator[str]:
    """Yield what a folder holds but links that lead nowhere; at most one path too many."""
    with os.scandir(folder) as entries:
        there = (entry.path for entry in entries if Path(entry.path).exists())
        yield from islice(there, _MOST_FILES + 1)


def _is_of_certificates(path: str) -> bool:
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        held = file.read(_LIMIT + 1)
    blocks = set(_BLOCK.findall(held))
    return len(held) <= _LIMIT and bool(blocks) and blocks <= _CERTIFICATES
