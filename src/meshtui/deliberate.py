"""A key that is held sends itself again and again: only its first press is a decision."""

from __future__ import annotations

from meshcore.clock import Clock

REPEAT_SECONDS = 0.75  # the longest time that keyboards wait before they repeat a key


class Presses:
    """Tells a press from a repeat; the same action within `REPEAT_SECONDS` of its last event is one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = ""
        self._at = 0.0

    def is_new(self, action: str) -> bool:
        """Take note of a press of an action; return False where it is a repeat."""
        now = self._clock.monotonic()
        new = action != self._last or now - self._at >= REPEAT_SECONDS
        self._last, self._at = action, now
        return new
