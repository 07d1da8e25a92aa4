"""What a session is told as it begins: what is known to fail in its project, and what to type instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meshcore.healing.checkout import root_of
from meshcore.hook.known import Known
from meshcore.hook.notes import storable
from meshcore.hook.telling import Telling
from meshcore.knowledge.habit_rows import habit_of
from meshcore.knowledge.habits import MAX_SAYINGS, WARN_WITHIN
from meshcore.store.store import Store

MOST_LINES = 4  # below the line that says what they are
LOOKED_AT = 40  # of what fails, the costliest


def known_at_start(
    store: Store, session: str, folder: str, environment: Mapping[str, str], telling: Telling
) -> list[str]:
    """Return the lines that a session is told, none where nothing is certain; the caller holds a transaction.

    The rules are those of a warning before a command, and all lines together are one saying of the session. Commands
    of other folders than the project's own are left to that moment.
    """
    root = storable(root_of(folder))
    project = store.projects.at(root)
    if project is None:
        return []
    since = int(store.clock.now().timestamp()) - WARN_WITHIN
    lines: list[str] = []
    notes = Known(store, session, "", root, environment).notes
    if notes.sayings >= MAX_SAYINGS:
        return []
    for command, row in store.habits.standing(project.number, since, LOOKED_AT):
        known = Known(store, session, habit_of(row).text, root, environment)
        if len(lines) == MOST_LINES or command.hex() in notes.told or known.typed.key(root) != command:
            continue
        found = known.foreseen(project) if known.is_open else None
        if found is None:
            continue
        _, line, better, habit = found
        notes = replace(notes, told=(*notes.told, command.hex()))
        if telling.tell(("habit before",), project.number, command, better[1] if better else ""):
            lines.append(line)
            notes = known.warned(project, notes, command, habit, better)
    if notes.told:
        Known(store, session, "", root, environment).keep(replace(notes, sayings=notes.sayings + bool(lines)))
    return lines
