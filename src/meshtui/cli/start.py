"""`meshtui` with no word behind it: the terminal opens, and the command line with all that it can do is not loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence

from meshtui.cli.context import COMPLETING, Session
from meshtui.terminal import check_terminal, run_app


def open_plainly(arguments: Sequence[str]) -> int | None:
    """Open the terminal; return its exit code, None for what the command line must read, or ask. Raises MeshError."""
    if arguments or os.environ.get(COMPLETING):
        return None
    session = Session()
    check_terminal()
    return None if is_first_start(session) else run_app(session.settings)


def is_first_start(session: Session) -> bool:
    """Tell whether a person starts meshtui for the first time: nobody named a home, and there is none."""
    named = session.home or os.environ.get("MESHTUI_HOME")
    return not named and not session.settings.home.exists()
