"""Did the failed program say this error, about itself? What a program merely passes on, anybody can have written.

Known is little: an interpreter whose own traceback ends what was printed, a program of the table that says what is
wrong with its operands, and a program that could not be started. Everything else is offered, not done.
"""

from __future__ import annotations

from pathlib import Path

from meshcore.healing.traceback_text import NotFirstThingError, read_traceback
from meshcore.knowledge.command import program_name
from meshcore.model import Incident
from meshcore.process.find_program import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND

_OWN_WORDS = frozenset(
    {"apt", "apt-get", "chgrp", "chmod", "chown", "cp", "createdb", "dropdb", "install", "ln", "mkdir", "mktemp", "mv"}
    | {
        "pip",
        "rm",
        "rmdir",
        "ssh-keygen",
        "stat",
        "systemctl",
        "touch",
        "truncate",
        "uv",
        "virtualenv",
        "useradd",
        "mount",
        "dpkg",
    }
)
"""Programs that print about their own operands only, never what a file, a server or another program said."""

_GIT_OWN_WORDS = frozenset(
    {"add", "branch", "checkout", "config", "init", "mv", "remote", "reset", "restore", "rm", "sparse-checkout"}
    | {"stash", "status", "switch", "tag", "worktree"}
)
"""Git's commands that neither show content nor repeat what a server says, nor run hooks before they fail."""

_GIT_WITH_HOOKS = frozenset({"am", "cherry-pick", "commit", "merge", "rebase", "revert"})

_PIP_BUILDS = frozenset({"install", "wheel", "download", "sync"})


def doubt(incident: Incident, argv: tuple[str, ...]) -> str:
    """Return why an incident's error need not be its program's own, "" where it is; `argv` is what failed in it."""
    if not argv:
        return "it is not known which program failed"
    name = program_name(argv[0])
    if incident.exit_code in (EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE) and argv == incident.argv:
        return ""  # it did not start, as we saw ourselves
    if incident.signature.error_type and _is_python(name, incident):
        return _traceback_doubt(incident)
    if name == "git":
        verb = argv[1] if len(argv) > 1 else ""
        own = verb in _GIT_OWN_WORDS or (verb in _GIT_WITH_HOOKS and _has_no_hooks(Path(incident.cwd)))
        return "" if own else "git passes on what files, hooks and servers say"
    if name in ("pip", "uv") and _PIP_BUILDS & set(argv[1:4]):
        return f"{name} passes on what the builds of packages say"
    return "" if name in _OWN_WORDS else f"what {name} prints need not be its own"


def _has_no_hooks(folder: Path) -> bool:
    """Tell whether a repository is one in which no hook can have printed anything."""
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if root is None or not (root / ".git" / "config").is_file():
        return False
    hooks = root / ".git" / "hooks"
    active = [path for path in hooks.iterdir() if path.suffix != ".sample"] if hooks.is_dir() else []
    return not active and "hookspath" not in (root / ".git" / "config").read_text("utf-8", "replace").lower()


def _is_python(name: str, incident: Incident) -> bool:
    return name == "python" or (incident.circumstances.ecosystem == "python" and incident.circumstances.scope == "venv")


def _traceback_doubt(incident: Incident) -> str:
    try:
        frames, error = read_traceback(incident.excerpt, incident.cwd)
    except NotFirstThingError:
        return "its traceback is not the end of what was printed"
    if incident.signature.error_type.rpartition(".")[2] not in error:
        return "its error is not that of the traceback at the end"
    return "" if frames[0].name == "<module>" else "its traceback does not begin with a program"
