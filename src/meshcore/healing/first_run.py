"""Has the failed command had any effect yet? Where it was never started, or made nothing, its rerun is a first run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from meshcore.healing.circumstances import project_root
from meshcore.healing.modules import missing_program_module
from meshcore.healing.places import Failing, Place
from meshcore.healing.products import made_nothing, unopened
from meshcore.healing.provenance import is_quiet
from meshcore.healing.starting import is_all_said_of, never_started
from meshcore.model import Incident
from meshcore.policy.command_parser import read_argv
from meshcore.policy.denylist.denylist import refusal
from meshcore.policy.repeating import interpreter_doubt, program_doubt
from meshcore.policy.upstream import own_upstream

_NO_SUCH = re.compile(
    r"^(?:fatal: invalid reference: |error: pathspec '[^'\n]{1,200}' did not match any)", re.MULTILINE
)
_FOLLOWS_NONE = "There is no tracking information for the current branch"
_LOCKED = re.compile(r"fatal: Unable to create '(/[^'\n]{1,4000}/\.git/index\.lock)': File exists\.\n")
_GIT_LOCKS = frozenset({"add", "checkout", "commit", "mv", "reset", "restore", "rm", "switch"})
"""Git's verbs that take the lock of the index before they change anything."""
_GIT_REFUSES = frozenset({"checkout", "switch", "worktree"})
"""Git's verbs that look for what they are told to go to before they do anything."""


def had_no_effect(incident: Incident, failed: Failing, python: str, environment: Mapping[str, str]) -> str:
    """Return why a failed command has had no effect, "" where it may have had one.

    `python` is that of the virtual environment in which it failed, "" for none; `environment` what the whole command
    was given. Asked before the fix: what is missing then is what it lacked.
    """
    if interpreter_doubt(environment):
        return ""  # a shell or an interpreter may do something before all else
    redirected = unopened(incident)
    place = redirected[0] if redirected else failed.one if failed.bare else None
    if place and _nothing_to_source(place, incident):
        return "its shell found no such file to read, so it had run nothing yet"
    reading = read_argv(place.argv) if place else None
    if place is None or reading is None or not reading.argv or refusal(reading.commands) is not None:
        return ""  # of what could do harm, a person decides on the first run, too
    if interpreter_doubt(place.environment):
        return ""
    if redirected:
        return "its shell could not open its file, so it was never started"
    if never_started(incident, place):
        return "it was never started"
    if made_nothing(place):
        return "the folder for what it makes is missing, so it made nothing"
    if _git_refused(place, incident):
        return "git had done nothing yet"
    root = project_root(place.cwd) or place.cwd
    if missing_program_module(place, python) and not program_doubt(place.argv[0], place.cwd, place.environment, root):
        return "Python did not find what it was told to run"
    return ""


def _nothing_to_source(place: Place, incident: Incident) -> bool:
    """Tell whether a shell could not activate an environment that is not there, of a text that does no harm then."""
    if place.argv[:1] != ("source",) or len(place.argv) != 2 or (Path(place.cwd) / place.argv[1]).exists():
        return False
    rest = [argv for argv in read_argv(incident.argv).commands if argv[0] not in ("source", ".")]
    kinds = {found.kind for argv in rest if (found := refusal((argv,))) is not None}
    return is_all_said_of(place.argv[1], incident) and kinds <= {"inline code"}


def _git_refused(place: Place, incident: Incident) -> bool:
    """Tell whether git had found nothing to go to, or a lock, in a repository that has it run nothing of its own."""
    verb = place.argv[1] if place.argv[:1] == ("git",) and len(place.argv) > 1 else ""
    locked = _LOCKED.match(f"{incident.excerpt}\n") if verb in _GIT_LOCKS else None
    if verb == "pull" and all(word.startswith("-") for word in place.argv[2:]):
        # Without a branch to follow it has fetched at most, and merged nothing.
        follows_none = _FOLLOWS_NONE in incident.excerpt and bool(own_upstream(Path(place.cwd)))
        return follows_none and is_quiet(("git", "merge"), Path(place.cwd))
    refused = verb in _GIT_REFUSES and bool(_NO_SUCH.search(incident.excerpt))
    return (refused or (locked is not None and os.path.lexists(locked[1]))) and is_quiet(place.argv, Path(place.cwd))
