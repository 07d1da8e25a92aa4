"""The line of authorized_keys with which a key may serve one bridge for one node, and nothing else."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from meshcore.errors import UsageError

MOST_KEY = 16 * 1024  # bytes
_KEY = re.compile(
    r"(?P<kind>[a-z0-9@.-]{4,60}) (?P<blob>[A-Za-z0-9+/]{40,12000}={0,2})(?: (?P<comment>[^\n\r\0]{0,200}))?"
)
_NODE = re.compile(r"[0-9a-f]{64}")


def authorized_line(key: str, node: str, program: Sequence[str], bridge: Path) -> str:
    """Return the line for a public key: what sshd runs for it is fixed, whatever its holder asks for.

    `program` starts meshtui, by absolute paths. Raises UsageError for what is no public key, or no node.
    """
    found = _KEY.fullmatch(key.strip())
    if found is None or not _is_of_kind(found["blob"], found["kind"]):
        raise UsageError("that is no public key: give one line such as `ssh-ed25519 AAAA… comment`, or its file")
    if not _NODE.fullmatch(node):
        raise UsageError("a node is 64 hexadecimal digits: `meshtui bridge introduce` on that host names its own")
    command = shlex.join([*program, "--bridge", str(bridge), "bridge", "serve", "--stdio", "--node", node])
    if re.search(r"[\x00-\x1f\x7f]", command):
        raise UsageError("a path with a control character cannot stand in authorized_keys")
    escaped = command.replace("\\", "\\\\").replace('"', '\\"')
    comment = re.sub(r"[^\w@.+-]", "_", found["comment"] or "")
    return f'restrict,command="{escaped}" {found["kind"]} {found["blob"]} {comment}'.rstrip()


def _is_of_kind(blob: str, kind: str) -> bool:
    """Tell whether a key's bytes name the kind that stands before them."""
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    return data[:4] == len(kind).to_bytes(4, "big") and data[4 : 4 + len(kind)] == kind.encode()
