"""The operator's passphrase: from a file, the tty or standard input; never an argument, never kept."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import click

from meshcore.errors import UsageError
from meshcore.home import read_plain_file
from meshcore.node import Node
from meshcore.safety.keys import SigningKey
from meshcore.safety.operator_key import unlock
from meshcore.trust.signed_decisions import protected

VARIABLE = "MESHTUI_PASSPHRASE_FILE"
_LIMIT = 4096  # bytes

passphrase_option = click.option(
    "--passphrase-file", metavar="FILE", help=f"Where the operator key is protected ({VARIABLE}; - is standard input)."
)


def signing_key(node: Node, file: str | None = None) -> SigningKey | None:
    """Return the operator's key where decisions need its signature, None where they do not.

    Raises UsageError for a wrong passphrase, or where nobody can be asked for it.
    """
    if not protected(node):
        return None
    return unlock(node.operator_key, passphrase(file, f"passphrase of {node.operator_key}: "))


def passphrase(file: str | None, prompt: str, *, twice: bool = False) -> str:
    """Return the passphrase from a file, named here or by the environment, or from the tty. Raises UsageError."""
    where = file or os.environ.get(VARIABLE)
    if where:
        return _first_line(where)
    if not sys.stdin.isatty():
        raise UsageError(f"a passphrase is needed, and no terminal to ask at: use --passphrase-file or {VARIABLE}")
    said = getpass.getpass(prompt)
    if twice and getpass.getpass("again: ") != said:
        raise UsageError("the two were not the same; nothing was changed")
    return said


def _first_line(where: str) -> str:
    try:
        raw = sys.stdin.buffer.readline(_LIMIT) if where == "-" else read_plain_file(Path(where), _LIMIT, private=True)
    except OSError as error:
        raise UsageError(f"{where}: no passphrase can be read from it: {error.strerror}") from error
    lines = raw.decode("utf-8", "surrogateescape").splitlines()
    if not lines or not lines[0]:
        raise UsageError(f"{where}: it holds no passphrase; put it on the first line")
    return lines[0]
