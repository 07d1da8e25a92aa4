"""The bytes of a hook's standard input, at most 1 MiB of them. Read at every call of an agent: this loads no module."""

from __future__ import annotations

import os

LIMIT = 1 << 20  # bytes that are kept of one payload
_HALF = LIMIT // 2
_CHUNK = 64 << 10
_MORE = 64 << 20  # bytes that are read and let go, so that an agent that still writes meets no closed pipe


def read_parts(descriptor: int) -> tuple[bytes, bytes]:
    """Read to the end; return all of it and nothing, or its beginning and its end. Raises OSError."""
    head, tail, total = b"", b"", 0
    while total < _MORE and (chunk := os.read(descriptor, _CHUNK)):
        total += len(chunk)
        if len(head) < LIMIT:
            head += chunk
        else:
            tail = (tail + chunk)[-_HALF:]
    if len(head) <= LIMIT and not tail:
        return head, b""
    return head[:_HALF], (head[_HALF:] + tail)[-_HALF:]
