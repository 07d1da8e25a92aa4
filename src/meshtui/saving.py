"""What the screen shows as a file in the current folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


def save(name: str, suffix: str, text: str, now: datetime) -> str:
    """Write a new file; return one sentence for the person about where it is, or why it is not."""
    file = f"meshtui-{name}-{now:%Y%m%dT%H%M%S}.{suffix}"
    try:
        path = Path.cwd() / file
        path.write_text(text, "utf-8")
    except OSError as error:
        return f"{file}: not written ({error.strerror}); start meshtui in a folder of your own"
    return f"the screen is in {path}" if suffix == "svg" else f"{text.count(chr(10)):,} lines are in {path}"
