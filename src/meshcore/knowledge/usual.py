"""What is done about errors that mean the same on every machine: of the operating system, of apt, of git, of a shell.

Every rule reads the error's own words and names nothing that does not stand in them or in the command. None ends a
process: what holds a port is not known in general. Linear, never raises. Light, since a hook asks.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshcore.knowledge.command import program_name
from meshcore.knowledge.packs import pack

_READ = 8_000  # characters at the end of an output
_PLAIN = re.compile(r"[\w@%+:,./~-]{1,200}")
_MARKS = (
    "no such file", "nonexistent", "permission denied", "too open", "^m", "\\r", "unable to locate package",
    "dpkg was interrupted", "index.lock", "stash", "can only install with an existing", "no module named",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failed:
    """What a rule reads: the simple command that failed, the whole text as typed, its output's end, and its folder."""

    argv: tuple[str, ...]
    typed: str
    output: str
    cwd: str

    @property
    def program(self) -> str:
        """Return the command's program by its name."""
        return program_name(self.argv[0]) if self.argv else ""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usually done: the command, and why, in words."""

    argv: tuple[str, ...]
    why: str


def usual(failed: Failed) -> Usual | None:
    """Return what is usually done about an error, None where nothing is, or where it would take a decision."""
    low = failed.output[-_READ:].lower()
    if not any(mark in low for mark in _MARKS):
        return None
    return next((found for rule in _RULES if (found := rule(failed))), None)


def _found(pattern: str, failed: Failed) -> str:
    """Return the last thing that a pattern finds in the output, "" for nothing, or for what is not plain."""
    found = next(reversed(list(_compiled(pattern).finditer(failed.output[-_READ:]))), None)
    said = next(filter(None, found.groups()), "") if found else ""
    return said if _PLAIN.fullmatch(said) and not said.startswith(("-", "~")) and ".." not in said.split("/") else ""


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.M)


# --- files ------------------------------------------------------------------------------------------------------------

_MADE = (
    r"^(?:touch|mkdir|cp|mv|ln|tee): (?:cannot (?:touch|create (?:regular file|directory|symbolic link)"
    r"|move ['‘][^'’\n]{1,200}['’] to) )?['‘]?([^'‘’:\n]{1,200}?)/?['’]?: No such file or directory"
)
_WRITTEN = (
    r"^(?:/bin/)?(?:ba|z|da|)sh: (?:line )?(?:\d+: )?(?:cannot create )?([^:\n]{1,200}):"
    r" (?:No such file or directory|Directory nonexistent)"
)


def _folder_of_a_new_file(failed: Failed) -> Usual | None:
    """The folder in which something is to be made is not there."""
    path = _found(_MADE, failed)
    made = path and failed.program in ("touch", "mkdir", "tee") and path in (word.rstrip("/") for word in failed.argv)
    made = made or (path and failed.program in ("cp", "mv", "ln") and failed.argv[-1].rstrip("/") == path)
    if not made:
        path = _found(_WRITTEN, failed)
        made = bool(path) and re.search(rf">{{1,2}} ?['\"]?{re.escape(path)}(?![\w/.-])", failed.typed) is not None
    folder = posixpath.dirname(path) if made else ""
    return Usual(("mkdir", "-p", folder), f"there is no folder `{folder}`") if folder.strip("/") else None


def _script_without_right(failed: Failed) -> Usual | None:
    """A script that was typed by its path may not be executed."""
    path = _found(r"^(?:/bin/)?(?:ba|z|da|)sh: (?:line )?(?:\d+: )?(\S{1,200}): Permission denied$", failed)
    path = path or _found(r"^zsh: permission denied: (\S{1,200})$", failed)
    is_own = path == (failed.argv[0] if failed.argv else "") and path.startswith("./")
    return Usual(("chmod", "+x", path.removeprefix("./")), f"`{path}` may not be executed") if is_own else None


_SSH = frozenset({"ssh", "scp", "sftp", "ssh-add", "rsync", "git", "ansible", "ansible-playbook"})
_APT = frozenset({"apt", "apt-get", "dpkg"})


def _open_key(failed: Failed) -> Usual | None:
    if failed.program not in _SSH:
        return None  # any text can say so
    path = _found(r"Permissions 0\d{3} for ['\"](\S{1,200})['\"] are too open", failed)
    return Usual(("chmod", "600", path), "ssh takes no key that others may read") if path else None


def _ends_of_lines(failed: Failed) -> Usual | None:
    """A script has the line ends of Windows, which its interpreter takes for a part of its words."""
    path = _found(
        r"(?:^|: )(\./\S{1,200}|\S{1,200}\.\w{1,6}): (?:line \d+: )?(?:\$'\\r': command not found|\S{1,60}\^M: )",
        failed,
    )
    if not path and failed.argv and re.search(r"env: ['‘]\w{1,20}\\r['’]: No such file", failed.output):
        path = failed.argv[0] if "/" in failed.argv[0] and _PLAIN.fullmatch(failed.argv[0]) else ""
    named = path and path in failed.argv
    return Usual(("sed", "-i", r"s/\r$//", path), "its lines end as on Windows") if named else None


# --- packages ---------------------------------------------------------------------------------------------------------


def _apt(failed: Failed) -> Usual | None:
    if failed.program in _APT and "dpkg was interrupted" in failed.output:
        return Usual(("dpkg", "--configure", "-a"), "an installation was interrupted")
    unknown = failed.program in ("apt", "apt-get") and "E: Unable to locate package" in failed.output
    return Usual(("apt-get", "update"), "apt's lists are absent or old") if unknown else None


def _npm_lock(failed: Failed) -> Usual | None:
    said = failed.program == "npm" and "can only install with an existing package-lock.json" in failed.output
    return Usual(("npm", "install"), "there is no lock file, which `npm ci` wants") if said else None


# --- git --------------------------------------------------------------------------------------------------------------


def _git_lock(failed: Failed) -> Usual | None:
    """A lock is left over; whether a git still runs is for the reader to see."""
    path = _found(r"Unable to create '(/\S{1,200}/\.git/[\w.-]+\.lock)': File exists", failed)
    folder = f"{failed.cwd.rstrip('/')}/"
    if not path or failed.program != "git" or not folder.startswith(f"{path.partition('/.git/')[0]}/"):
        return None  # another repository's
    return Usual(("rm", "-f", path.removeprefix(folder)), "a git that ended early left it; first see that none runs")


def _stash(failed: Failed) -> Usual | None:
    said = re.search(
        r"(?i)commit (?:your changes|them) or stash (?:them|your changes)|: You have unstaged changes", failed.output
    )
    return (
        Usual(("git", "stash"), "changes that are not committed are in the way")
        if said and failed.program == "git"
        else None
    )


# --- Python -----------------------------------------------------------------------------------------------------------


def _python_2(failed: Failed) -> Usual | None:
    """A module that Python 3 has under another name: the file that was run, and asks for it, is older."""
    name = _found(r"No module named '?(\w{1,40})'?$", failed)
    if name not in pack("renamed"):
        return None
    path = _found(r'^ {2}File "([^"<>\n]{1,300}\.py)", line \d+', failed)
    if not path or not any(path == word or path.endswith(f"/{word.removeprefix('./')}") for word in failed.argv[1:]):
        return None  # a file that nobody named is not for us to change
    return Usual(("2to3", "-w", "-n", "-f", "imports", path), f"Python 3 has {name} under another name")


_RULES: Sequence[Callable[[Failed], Usual | None]] = (
    _python_2, _folder_of_a_new_file, _script_without_right, _open_key, _ends_of_lines, _apt, _npm_lock,
    _git_lock, _stash,
)  # fmt: skip
