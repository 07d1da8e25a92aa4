"""A new approval makes itself heard: the terminal's bell, and its notification where it knows one (OSC 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from meshcore.safety.sanitize import visible

TEXT_LIMIT = 200


def ring(text: str, stream: TextIO, environment: Mapping[str, str]) -> None:
    """Ring on a terminal; nothing where the stream is none. A dumb terminal gets no escape sequence."""
    if not stream.isatty():
        return
    stream.write("\a")
    if environment.get("TERM", "dumb") not in ("", "dumb"):
        # `visible` leaves nothing that could end the sequence early.
        stream.write(f"\x1b]9;meshtui: {visible(text, limit=TEXT_LIMIT, keep_newlines=False)}\x07")
    stream.flush()
