"""A hook's standard input: at most 1 MiB of it is kept, and read as one JSON object. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.agents.payload_bytes import LIMIT, read_parts

if TYPE_CHECKING:
    from meshcore.model import Json

__all__ = ["LIMIT", "Payload", "read_payload"]
_LOOKED_AT = 64 << 10  # characters in which a whole one must begin


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of a payload: all of them in `head`, or the beginning there and the end in `tail`."""

    head: bytes
    tail: bytes = b""

    def parse(self) -> dict[str, Json] | None:
        """Return the JSON object, None where it is none.

        A cut payload is joined where it was cut, which is inside its longest text: the output of a command.
        """
        text = self.head.decode(errors="replace")
        if self.tail:
            text = f"{_whole_before(text)}\\n…\\n{_whole_after(self.tail.decode(errors='replace'))}"
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def read_payload(descriptor: int) -> Payload:
    """Read a payload to its end. Raises OSError."""
    return Payload(*read_parts(descriptor))


def _whole_before(text: str) -> str:
    # No escape sequence is left half: the longest has six characters.
    at = text.rfind("\\", len(text) - 6)
    if at < 0:
        return text
    while at and text[at - 1] == "\\":
        at -= 1
    return text[:at]


def _whole_after(text: str) -> str:
    # What follows a letter, a digit or a space is the beginning of a character, whatever came before that.
    for at in range(1, min(len(text), _LOOKED_AT)):
        if text[at - 1].isalnum() or text[at - 1] == " ":
            return text[at:]
    return text
