"""Did the failed program say this error, about itself? What a program merely passes on, anybody can have written.

Known is little: an interpreter whose own traceback ends what was printed, a program of the table that says what is
wrong with its operands, and a program that could not be started. Everything else is offered, not done.
"""

from __future__ import annotations

import re
from pathlib import Path

from meshcore.healing.circumstances import project_root
from meshcore.healing.failing_command import failing
from meshcore.healing.places import Failing
from meshcore.healing.starting import never_started
from meshcore.healing.traceback_text import NotFirstThingError, beginning, is_called, read_traceback
from meshcore.healing.trailers import without_trailers
from meshcore.home import read_plain_file
from meshcore.knowledge.program import program_name
from meshcore.model import Incident
from meshcore.policy.repeating import program_doubt
from meshcore.process.find_program import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, CannotStartError, find_startable

_OWN_WORDS = frozenset(
    {"chgrp", "chmod", "chown", "cp", "createdb", "dropdb", "install", "ln", "mkdir", "mktemp", "mv", "rm", "rmdir"}
    | {"ssh-keygen", "stat", "touch", "truncate", "useradd", "virtualenv"}
)
"""Programs that print about their own operands only, never what a file, a server or another program said."""

_OWN_VERBS: dict[str, frozenset[str]] = {
    "git": frozenset({"config", "init"}),
    "pip": frozenset({"cache", "check", "config", "freeze", "list", "uninstall"}),
    "systemctl": frozenset({"disable", "enable", "reload", "restart", "start", "stop"}),
    "uv": frozenset({"cache", "venv"}),
}
"""The same of programs of which other verbs pass something on: the verb is the first word, before any option."""

_NAMED = _OWN_WORDS | frozenset(_OWN_VERBS)

_GIT_QUIET = frozenset(
    {"add", "branch", "checkout", "commit", "merge", "mv", "reset", "restore", "rm"}
    | {"sparse-checkout", "status", "switch", "tag", "worktree"}
)
"""Git's verbs that show no content, where the repository has them run nothing."""

_GIT_SHOWS = re.compile(r"--(patch|verbose|format|list|interactive|edit|contains|points-at)\b|-[a-zA-Z]*[npvli]")
_GIT_REMOTES = frozenset({"add", "get-url", "remove", "rename", "set-url"})
_GIT_RUNS = re.compile(r"hookspath|fsmonitor|\[\s*(filter|include|includeif|merge|diff)\b|command", re.IGNORECASE)
_CONFIG_BYTES = 1 << 16


def doubt(incident: Incident, argv: tuple[str, ...], cwd: str) -> str:
    """Return why an incident's error need not be its program's own, "" where it is.

    `argv` is what failed in it, in the folder `cwd`.
    """
    if not argv:
        return "it is not known which program failed"
    name = program_name(argv[0])
    failed = failing(incident.argv, incident.cwd, incident.environment)
    if failed.mixed or len(failed.places) > 1:
        return "another command of the same text may have printed that"
    if (name == "python" or name in _NAMED) and (why := _stands_in(failed, incident)):
        return why
    if incident.exit_code in (EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE):
        is_so = _cannot_start(incident, argv, failed)
        return "" if is_so else f"{name} can be started, so somebody else says that it cannot"
    if incident.signature.error_type and _is_python(name, incident):
        return _traceback_doubt(incident, without_trailers(incident.excerpt, failed), argv, cwd)
    own = name in _OWN_WORDS or (argv[1:2] and argv[1] in _OWN_VERBS.get(name, ()))
    if own or (name == "git" and is_quiet(argv, Path(cwd))):
        return ""
    return f"what {' '.join((name, *argv[1:2])) if name in _OWN_VERBS else name:.80} prints need not be its own"


def _stands_in(failed: Failing, incident: Incident) -> str:
    """Return why what was called need not be the program of its name, "" where it is."""
    root = project_root(incident.cwd) or incident.cwd
    places = (*failed.around, *failed.places)
    return next(filter(None, (program_doubt(one.argv[0], one.cwd, one.environment, root) for one in places)), "")


def _cannot_start(incident: Incident, argv: tuple[str, ...], failed: Failing) -> bool:
    """Tell whether a program is one that cannot be started: a program that did start can end with such a code, too."""
    if argv != incident.argv:  # inside a text, its shell alone has spoken, of the one command that there is
        one = failed.one if failed.bare else None
        return one is not None and one.argv == argv and never_started(incident, one)
    try:
        find_startable(argv[0], incident.environment, incident.cwd)
    except CannotStartError as error:
        return error.exit_code == incident.exit_code
    return False


def is_quiet(argv: tuple[str, ...], folder: Path) -> bool:
    """Tell whether a command of git shows no content, and its repository has it run nothing."""
    verb, options = (argv[1] if len(argv) > 1 else ""), [word for word in argv[2:] if word.startswith("-")]
    if verb == "remote":
        return argv[2:3] != () and argv[2] in _GIT_REMOTES
    if verb not in _GIT_QUIET or any(_GIT_SHOWS.match(word) for word in options):
        return False
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    try:
        config = read_plain_file(root / ".git" / "config", _CONFIG_BYTES) if root else None
        hooks = [*(root / ".git" / "hooks").iterdir()] if root and (root / ".git" / "hooks").is_dir() else []
    except OSError:
        return False
    active = [path for path in hooks if path.suffix != ".sample"]
    return config is not None and not active and not _GIT_RUNS.search(config.decode("utf-8", "replace"))


def _is_python(name: str, incident: Incident) -> bool:
    return name == "python" or (incident.circumstances.ecosystem == "python" and incident.circumstances.scope == "venv")


def _traceback_doubt(incident: Incident, output: str, argv: tuple[str, ...], cwd: str) -> str:
    if incident.exit_code not in (None, 0, 1):  # 0: of the last of a pipe
        return "Python does not end like this by a traceback"
    try:
        frames, error = read_traceback(output, cwd)
    except NotFirstThingError:
        return "its traceback is not the end of what was printed"
    if incident.signature.error_type.rpartition(".")[2] not in error:
        return "its error is not that of the traceback at the end"
    begun = beginning(frames)
    if begun is None:
        return "its traceback does not begin with a program"
    return "" if is_called(begun, argv, cwd) else "its traceback does not begin in what was called"
