"""Which branch would a repository's current one follow, as its files show? Nothing is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from meshcore.home import read_plain_file
from meshcore.policy.tracked import repository

_LIMIT: Final = 1 << 20  # bytes
_HEAD: Final = re.compile(r"ref: refs/heads/([A-Za-z0-9][\w./-]{0,120})\n?", re.ASCII)
_REMOTE: Final = re.compile(r'(?mi)^[ \t]*\[[ \t]*remote[ \t]+"([A-Za-z0-9][\w.-]{0,40})"[ \t]*\]', re.ASCII)


def own_upstream(folder: Path) -> str:
    """Return the branch of the current one's name at the only remote, where it was fetched and none is followed yet.

    Returns "" where any of that is not so, or cannot be read.
    """
    root = repository(folder / "any")
    try:
        head, config = (
            (read_plain_file(root / ".git" / name, _LIMIT).decode() for name in ("HEAD", "config"))
            if root
            else ("", "")
        )
        packed = root / ".git" / "packed-refs" if root else None
        refs = read_plain_file(packed, _LIMIT).decode() if packed and packed.is_file() else ""
    except (OSError, ValueError):
        return ""
    branch, remotes = _HEAD.fullmatch(head), set(_REMOTE.findall(config))
    if root is None or branch is None or ".." in branch[1] or len(remotes) != 1 or _includes(config):
        return ""
    if re.search(rf'(?mi)^[ \t]*\[[ \t]*branch[ \t]+"{re.escape(branch[1])}"', config):
        return ""  # it follows one, or is pulled in a way of its own
    name = f"{remotes.pop()}/{branch[1]}"
    fetched = (root / ".git" / "refs" / "remotes" / name).is_file() or f" refs/remotes/{name}\n" in refs
    return name if fetched else ""


def _includes(config: str) -> bool:
    return bool(re.search(r"(?mi)^[ \t]*\[[ \t]*include", config))
