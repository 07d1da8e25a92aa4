"""What is no end of a command: a session or a command that begins, a file that was edited. Lighter than `hook.call`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from meshcore.agents.base import Began, Edited, Upcoming
from meshcore.agents.table import Agent
from meshcore.config import Settings
from meshcore.home import Home
from meshcore.hook.answer_known import what_is_known
from meshcore.hook.handled import BUSY_SECONDS, Handled, open_to_the_end
from meshcore.hook.known import Known
from meshcore.hook.news import opened
from meshcore.hook.telling import Telling
from meshcore.store.known_marks import session_key
from meshcore.store.store import Store
from meshcore.trust.modes import MODE, mode_for_hook


def take_aside(
    report: Upcoming | Edited | Began,
    program: Agent,
    settings: Settings,
    environment: Mapping[str, str],
    *,
    to_the_end: bool = False,
) -> Handled:
    """Say what is known as a session or a command begins, or note an edit. Raises MeshError without a usable store.

    `to_the_end`: see `hook.call.take`.
    """
    store = Store(Home(settings.home).store, busy_timeout=BUSY_SECONDS, connection=opened())
    try:
        if mode_for_hook(store.controls.under(MODE), program.NAME) == "off":
            return Handled()
        folder = report.cwd if report.cwd.startswith("/") and "\0" not in report.cwd else os.getcwd()  # noqa: PTH109
        session = session_key(program.NAME, report.session)
        with store.transaction():
            if isinstance(report, Upcoming):
                known = Known(store, session, report.command, folder, environment)
                known.telling = Telling(store, session, program.NAME, settings.withhold)
                said = known.before()
                return Handled(program.answer(report.event, what_is_known(said.text))) if said.text else Handled()
            if isinstance(report, Began):
                from meshcore.hook.beginning import known_at_start  # once a session

                telling = Telling(store, session, program.NAME, settings.withhold)
                lines = known_at_start(store, session, folder, environment, telling)
                return Handled(program.answer(report.event, what_is_known("\n".join(lines)))) if lines else Handled()
            Known(store, session, "", folder, environment).edited()
            from meshcore.hook.memory import recall, remember  # of no use before a command

            if (memory := recall(store, session)) is not None:
                remember(store, session, replace(memory, commands=()))
        return Handled()
    finally:
        if to_the_end:
            open_to_the_end.append(store)
        else:
            store.close()
