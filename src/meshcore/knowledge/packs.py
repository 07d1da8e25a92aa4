"""What is known at the start: lists that are shipped, read strictly.

One that is damaged, newer, too large or hostile is passed over, and that is said.
A pack is a text: `# meshtui pack 1: NAME`, comments, then a line for each name, with what it stands for behind a space.
Light, since a hook may ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from meshcore.home import read_plain_file

FORMAT: Final = 1
MAX_BYTES: Final = 256 * 1024
FOLDER: Final = Path(__file__).parent / "packs"

_PACKAGE = r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?"
_LINES: Final[Mapping[str, str]] = {
    "imports": rf"[A-Za-z_]\w{{0,99}}(?: {_PACKAGE})?",
    "node": r"(?:@[a-z0-9-]{1,100}/)?[a-z0-9][a-z0-9.-]{0,99}",
    "renamed": r"[A-Za-z_]\w{0,99}",
    "pytest": rf"(?:-[a-zA-Z]|--[a-z][a-z0-9-]{{1,99}}|[a-z]\w{{0,99}}) {_PACKAGE}",
}
PACKS: Final = tuple(_LINES)
_HEAD: Final = re.compile(r"# meshtui pack (\d{1,6}): ([a-z]{1,20})\n((?:# [ -~]{0,10000}\n){0,20})")


class BadPackError(Exception):
    """A file is no pack that can be used; the message says why, in one line."""


def read_pack(name: str, data: bytes) -> dict[str, str]:
    """Return what a pack holds: each name with what it stands for, "" for the name itself. Raises BadPackError."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise BadPackError(f"the pack {name} is passed over: it is no plain text") from None
    head = _HEAD.match(text)
    if head is None or head[2] != name:
        raise BadPackError(f"the pack {name} is passed over: it does not begin as one")
    if int(head[1]) != FORMAT:
        raise BadPackError(f"the pack {name} is passed over: it is of format {int(head[1])}, and this version reads 1")
    rest, kind = text[head.end() :], _LINES[name]
    if not re.compile(rf"(?:{kind}\n)*", re.ASCII).fullmatch(rest):
        line = re.compile(kind, re.ASCII)
        *whole, _ = rest.split("\n")
        at = next((at for at, one in enumerate(whole) if not line.fullmatch(one)), len(whole))
        number = at + 1 + text.count("\n", 0, head.end())
        raise BadPackError(f"the pack {name} is passed over: its line {number} is no name of that kind, or is cut off")
    pairs = [one.partition(" ") for one in rest.splitlines()]
    found = {word: meant for word, _, meant in pairs}
    if len(found) != len(pairs):
        raise BadPackError(f"the pack {name} is passed over: it names something twice")
    return found


@cache
def _read(name: str) -> tuple[Mapping[str, str], str]:
    try:
        return read_pack(name, read_plain_file(FOLDER / f"{name}.txt", MAX_BYTES)), ""
    except OSError as error:
        return {}, f"the pack {name} is passed over: it cannot be read ({error.strerror})"
    except BadPackError as error:
        return {}, str(error)


def pack(name: str) -> Mapping[str, str]:
    """Return what a pack that is shipped holds; nothing where it cannot be used."""
    return _read(name)[0]


def problems() -> list[str]:
    """Return why packs cannot be used, a line for each."""
    return [why for name in PACKS if (why := _read(name)[1])]
