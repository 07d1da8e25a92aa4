"""`meshtui` without a subcommand: is there a terminal, start the app on it, and leave in order."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from meshcore.config import Settings
from meshcore.errors import EXIT_OK, UsageError
from meshtui.state import Opening

if TYPE_CHECKING:
    from meshtui.app import MeshApp

NO_TERMINAL = "a screen needs a terminal; use `meshtui --no-ui` to run without one, or `meshtui status` for the figures"


def check_terminal() -> None:
    """Look for a terminal that can be drawn on. Raises UsageError where there is none."""
    if os.environ.get("TERM", "") in ("dumb", ""):
        raise UsageError(f"TERM is {os.environ.get('TERM') or 'not set'}: {NO_TERMINAL}")
    if not all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__)):
        raise UsageError(NO_TERMINAL)


def run_app(settings: Settings, opening: Opening | None = None) -> int:
    """Show the terminal app until the person leaves; return the exit code. Raises MeshError."""
    _prepare(settings)
    from meshtui.app import MeshApp
    from meshtui.driver import MeshDriver

    return _run(MeshApp(settings, driver_class=MeshDriver, opening=opening or Opening()))


def run_log(settings: Settings, log: Path) -> int:
    """Show one log until the person leaves; return the exit code. Raises UsageError."""
    if log.is_dir():
        raise UsageError(f"{log}: a folder; name a log in it")
    _prepare(settings)
    from meshtui.driver import MeshDriver
    from meshtui.logapp import LogApp

    return _run(LogApp(settings, log, driver_class=MeshDriver))


def _prepare(settings: Settings) -> None:
    check_terminal()
    # Importing what draws takes a moment: say something before.
    sys.stdout.write("meshtui …\r")
    sys.stdout.flush()

    if settings.keys:
        from meshtui.actions import checked_keymap
        from meshtui.screens.table import all_actions

        checked_keymap(settings.keys, all_actions())


def _run(app: MeshApp) -> int:
    app.run()
    app.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or EXIT_OK
