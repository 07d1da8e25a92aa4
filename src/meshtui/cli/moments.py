"""How long ago something was, for people."""

from __future__ import annotations

from meshcore.clock import from_text
from meshcore.node import Node


def ago(node: Node, moment: str) -> str:
    """Return how long ago a time was, `never` for none."""
    return "never" if not moment else seconds_ago((node.clock.now() - from_text(moment)).total_seconds())


def seconds_ago(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
