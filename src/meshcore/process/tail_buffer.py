"""The end of a stream of any length, in constant memory."""

from __future__ import annotations

from collections import deque


class LastBytes:
    """Keeps the last `limit` bytes of what it is given."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._total = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self._total += len(chunk)
        self._chunks.append(chunk)
        self._held += len(chunk)
        while self._chunks and self._held - len(self._chunks[0]) >= self._limit:
            self._held -= len(self._chunks.popleft())

    @property
    def truncated(self) -> bool:
        """Say whether the stream was longer than what is kept."""
        return self._total > self._limit

    def value(self) -> bytes:
        """Return the last bytes, in order."""
        return b"".join(self._chunks)[-self._limit :] if self._limit else b""
