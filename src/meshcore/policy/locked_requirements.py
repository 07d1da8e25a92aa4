"""A file that pins packages by their hashes, read once; what is installed is what was read, never the file itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from meshcore.home import open_plain_file
from meshcore.knowledge.well_known import normal

_LARGEST: Final = 1 << 20  # bytes
_PINNED: Final = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.+!]{0,60})"
    r"((?: --hash=sha256:[0-9a-f]{64}){1,400})",
    re.ASCII,
)


def read_locked(path: Path) -> tuple[str, str]:
    """Return a normalised copy of a locked file, a line for each package, or "" and why there is none, in words."""
    try:
        with open_plain_file(path, _LARGEST, follow=False) as file:
            text = file.read(_LARGEST + 1).decode("ascii")
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        return "", "is not plain ASCII"
    if len(text) > _LARGEST:
        return "", "is too large"
    if not all(" " <= letter <= "~" or letter in "\n\t" for letter in text):
        return "", "holds a control character"
    lines: list[str] = []
    so_far = ""
    for number, line in enumerate(text.split("\n"), 1):
        words = " ".join(line.split())
        if words.startswith("#") and not so_far:
            # pip decodes by such a line, and joins before it takes comments away.
            if words.endswith("\\") or (number < 3 and "coding" in words):
                return "", f"has a comment in line {number} that pip may read otherwise"
            continue
        continued = line.endswith("\\")
        so_far = f"{so_far} {words[:-1] if continued else words}".strip()
        if continued:
            continue
        if so_far and not _PINNED.fullmatch(" ".join(so_far.split())):
            return "", f"line {number} is not name==version with its --hash=sha256"
        lines += [" ".join(so_far.split())] if so_far else []
        so_far = ""
    if so_far:
        return "", "ends in the middle of a line"
    names = [normal(line.split()[0]) for line in lines]
    if not names or len(set(names)) < len(names):
        return "", "names no package, or one twice"
    return "".join(f"{line}\n" for line in lines), ""


def names_of(copy: str) -> list[str]:
    """Return the packages that a normalised copy pins."""
    return [normal(line.partition("==")[0]) for line in copy.splitlines()]
