"""`K`: halt everything, or resume, after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshtui.app import MeshApp


def ask_kill_switch(app: MeshApp) -> None:
    """Ask for the reason of a halt, or whether to resume, and do it."""
