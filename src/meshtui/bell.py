"""A new approval makes itself heard: the terminal's bell, and its notification where it knows one (OSC 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from meshcore.safety.visible_text import visible

TEXT_LIMIT = 200


def sequence(text: str, environment: Mapping[str, str]) -> str:
    """Return what rings on a terminal: the bell, and a notification where the terminal is not a dumb one."""
    if environment.get("TERM", "dumb") in ("", "dumb"):
        return "\a"
    # `visible` leaves nothing that could end the sequence early.
    return f"\a\x1b]9;meshtui: {visible(text, limit=TEXT_LIMIT, keep_newlines=False)}\x07"


def ring(text: str, stream: TextIO, environment: Mapping[str, str]) -> None:
    """Ring on a terminal; nothing where the stream is none."""
    if stream.isatty():
        stream.write(sequence(text, environment))
        stream.flush()
