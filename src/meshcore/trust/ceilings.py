"""The modes that count on a node: what settings and operator say, raised only as far as the operator's key allows."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.model import MODES, Mode
from meshcore.node import Node
from meshcore.trust.modes import AUTHOR, MODE, Ceiling, ceiling
from meshcore.trust.signed_decisions import holds, protected


def mode_here(node: Node, asked: Mode = "auto") -> Mode:
    """Return the lowest of what is asked, what the settings say, and what the operator has set for this home."""
    return ceiling_here(node, asked).mode


def ceiling_here(
    node: Node,
    asked: Mode = "auto",
    *,
    via: str = "",
    author: str = "",
    action_type: str = "",
    start: Mode = "auto",
) -> Ceiling:
    """Return the lowest mode that applies, and for whom it was set; see `modes.ceiling`."""
    rows = modes(node)
    return ceiling(asked, node.settings.mode, rows, via=via, author=author, action_type=action_type, start=start)


def counting(node: Node, rows: Mapping[str, str]) -> Mapping[str, str]:
    """Return the modes that count: with a protected key those that a signed decision raised, and all that lower."""
    if not protected(node):
        return rows
    counted = {key: value for key, value in rows.items() if holds(node, "rule", key, {"value": value})}
    return {**{key: lowered(key, value) for key, value in rows.items()}, **counted}


def lowered(key: str, value: str) -> str:
    """Return what a mode's row says without a signature: at most `approve`, and `hint` for an author."""
    most: Mode = "hint" if key.startswith(AUTHOR) else "approve"
    return min(value, most, key=MODES.index) if value in MODES else value


def raises(node: Node, key: str, value: str) -> bool:
    """Tell whether a mode is more than its row may say without a signature here."""
    return protected(node) and value != lowered(key, value)


def modes(node: Node) -> Mapping[str, str]:
    """Return all modes that count; a home with a protected key is at `approve` until a signed decision says more."""
    rows = counting(node, node.store.controls.under(MODE))
    return {MODE: "approve", **rows} if protected(node) else rows
