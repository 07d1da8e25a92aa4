"""The fields of what was signed, read strictly: each read names what is wrong with its field. Light, as bodies are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.clock import from_text
from meshcore.errors import BadRecordError
from meshcore.model import Json, SignedText

if TYPE_CHECKING:
    from typing import NoReturn

INTEGERS = 2**31  # a number of the mesh is smaller than this, either way
_HEX_DIGITS = frozenset("0123456789abcdef")


class Fields:
    """The fields of one body; each read names what is wrong with it."""

    def __init__(self, kind: str, data: Json) -> None:
        self.kind = kind
        if not isinstance(data, dict):
            raise BadRecordError(f"a record of kind {kind} whose body is no object")
        self.data: Mapping[str, Json] = data

    def refuse(self, name: str, what: str) -> NoReturn:
        """Raise BadRecordError for a field."""
        raise BadRecordError(f"a record of kind {self.kind} with {name} {what}")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.data.get(name, default)
        if not isinstance(value, str):
            self.refuse(name, "missing or no text")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value, False where it is absent."""
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            self.refuse(name, "neither true nor false")
        return value

    def integer(self, name: str) -> int | None:
        """Return a number without a fraction, None where it is absent or null."""
        value = self.data.get(name)
        if value is not None and (type(value) is not int or not abs(value) < INTEGERS):
            self.refuse(name, "that is no number, or out of range")
        return value

    def number(self, name: str) -> float | None:
        """Return a finite number, None where it is absent or null."""
        value = self.data.get(name)
        if value is not None and (type(value) not in (int, float) or not abs(value) < INTEGERS):
            self.refuse(name, "that is no number, or out of range")
        return None if value is None else float(value)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """Return a list of at most so many texts, none where it is absent."""
        value = self.data.get(name, [])
        if not isinstance(value, list) or len(value) > most or not all(isinstance(text, str) for text in value):
            self.refuse(name, "that is no list of texts, or too long")
        return tuple(value)

    def time(self, name: str) -> str:
        """Return a time as it was written, empty where it is absent."""
        value = self.text(name, "")
        try:
            if value:
                from_text(value)
        except (ValueError, OverflowError):
            self.refuse(name, "that is no time")
        return value

    def signed(self) -> SignedText | None:
        """Return what the operator signed for this record's sake, None where nothing is carried."""
        value = self.data.get("word")
        if value is None:
            return None
        if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("text", "sig")):
            self.refuse("word", "that is no text and its signature")
        return SignedText(value["text"], value["sig"])


def is_id(text: str) -> bool:
    """Tell whether a text can be an id."""
    return is_hex(text, 8, 64)


def is_hex(text: str, least: int, most: int) -> bool:
    """Tell whether a text is so many hexadecimal digits, in small letters."""
    return least <= len(text) <= most and _HEX_DIGITS.issuperset(text)
