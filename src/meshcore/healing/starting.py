"""Was a program never started? Its shell says so, nothing else was printed, and it still cannot be started."""

from __future__ import annotations

import re

from meshcore.healing.places import Place
from meshcore.model import Incident
from meshcore.process.find_program import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, CannotStartError, find_startable

_STARTERS = (
    r"(?:env|timeout|nice|nohup|setsid|stdbuf|ionice|time): (?:(?:failed to|cannot) (?:run|execute)(?: command)? )?"
)
_SAID = (
    rf"(?:{_STARTERS}[‘'\"]?{{}}[’'\"]?: (?:Permission denied|No such file or directory)|"
    r"(?:\S*sh|meshtui): (?:(?:line )?\d+: )?{}: (?:Permission denied|No such file or directory|(?:command )?not found"
    r"|cannot execute: required file not found|(?:\S{{1,200}}: )?bad interpreter: No such file or directory))"
)


def is_all_said_of(word: str, incident: Incident) -> bool:
    """Tell whether all that was printed is that a shell, or a wrapper, could not start or read a file."""
    return bool(re.fullmatch(_SAID.format(re.escape(word), re.escape(word)), incident.excerpt.strip()))


def never_started(incident: Incident, place: Place) -> bool:
    """Tell whether a command could not be started: nothing else was printed, and it still cannot."""
    if incident.exit_code not in (EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE):
        return False
    if not is_all_said_of(place.argv[0], incident):
        return False
    try:
        find_startable(place.argv[0], place.environment, place.cwd)
    except CannotStartError as error:
        return error.exit_code == incident.exit_code
    return False
