"""Who runs a home, and whether it shows a sign of life: told by the lock alone, so that asking loads no runtime."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

from meshcore import filelock
from meshcore.clock import Clock, to_text
from meshcore.home import Home

SILENT_SECONDS = 5.0  # without a sign of life, of which there is one at each look


def when_there(home: Path) -> str:
    """Return in words when what was approved in another home is carried out: only its own runtime does that."""
    if holder(Home(home).runtime_lock) is None:
        return f"it runs as soon as a runtime of that home does: meshtui --home {shlex.quote(str(home))} --no-ui"
    return "its own runtime carries it out, as far as its policy and brakes allow"


def silent_since(path: Path, clock: Clock) -> str:
    """Return when (UTC text) who runs a home last showed a sign of life, "" where that is less than 5 s ago.

    A runtime that is stopped, or that hangs, shows none.
    """
    try:
        last = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return ""
    return to_text(last) if (clock.now() - last).total_seconds() > SILENT_SECONDS else ""


def holder(path: Path) -> int | None:
    """Return the process that runs a home, None where none does."""
    noted = filelock.holder(path)
    return None if noted is None else int(noted) if noted.isdecimal() else -1
