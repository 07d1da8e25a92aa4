"""What is done about errors that mean the same on every machine: of the operating system, of apt, of git, of a shell.

Every rule reads the error's own words and names nothing that does not stand in them or in the command. None ends a
process: what holds a port is not known in general. Linear, never raises. Light, since a hook asks.
"""

from __future__ import annotations

import functools
import posixpath
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from meshcore.knowledge.missing import without_relayed
from meshcore.knowledge.packs import pack
from meshcore.knowledge.program import program_name
from meshcore.knowledge.usual_steps import STEPS

_READ = 8_000  # characters at the end of an output
_PLAIN = re.compile(r"[\w@%+:,./~-]{1,200}")
_MARKS = (
    "no such file", "nonexistent", "does not exist", "not a directory", "permission denied", "too open", "^m", "\\r",
    "unable to locate package", "dpkg was interrupted", "index.lock", "stash", "can only install with an existing",
    "no module named", "enoent", "missing parentheses", "' is not defined", "has no attribute", "leading zeros",
    "run apt-get update", "exception types must be", "no package called", "in @inc", "vendor/autoload.php",
    "active developer path", "ensurepip is not", "declared as external", "external volume", "initialization required",
    "error response from daemon: network", "is not installed", "nuget package restore", "did not initialize yet",
    "are in sync", "is masked", "dependency problems", "not up to date", "already used by worktree",
    "push the current branch", "not supported for the docker driver", "file watchers reached",
    "org.gradle.wrapper", "is missing on your system", "has expired", "googleapis.com/", "no such command",
    "no such subcommand", " repo ", "jupyter command", "encryption key", "bad owner",
    "couldn't resolve module/action", "unable to open database", "need to run `helm dep",
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


def without_sudo(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the `sudo` in front of a command, if it was typed so and without options, and the command."""
    words = tuple(argv)
    return (words[:1], words[1:]) if words[:1] == ("sudo",) and len(words) > 1 and words[1][:1] != "-" else ((), words)


def usual(failed: Failed) -> Usual | None:
    """Return what is usually done about an error, None where nothing is, or where it would take a decision."""
    failed = replace(failed, output=without_relayed(failed.output[-_READ:]))
    low = failed.output.lower()
    if not any(mark in low for mark in _MARKS):
        return None
    return next((found for rule in _RULES if (found := rule(failed))), None)


def _found(pattern: str, failed: Failed) -> str:
    """Return the last thing that a pattern finds in the output, "" for nothing, or for what is not plain."""
    found = next(reversed(list(_compiled(pattern).finditer(failed.output[-_READ:]))), None)
    said = next(filter(None, found.groups()), "") if found else ""
    return said if _is_plain(said) else ""


def _is_plain(said: str) -> bool:
    return _PLAIN.fullmatch(said) is not None and not said.startswith(("-", "~")) and ".." not in said.split("/")


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
    folder = folder or _folder_to_copy_into(failed)
    return Usual(("mkdir", "-p", folder), f"there is no folder `{folder}`") if folder.strip("/") else None


def _folder_to_copy_into(failed: Failed) -> str:
    """Return the folder into which something was to be put or mounted, and which is not there."""
    for programs, said, parent in _INTO:
        path = _found(said, failed).rstrip("/") if failed.program in programs.split() else ""
        words = failed.argv[-1:] if failed.program in ("cp", "mv") else failed.argv[1:]
        if path and any(path == word.rstrip("/") or word.startswith(f"{path}:") for word in words):
            return posixpath.dirname(path) if parent else path
    return ""


_INTO = (
    ("cp mv", r"^(?:cp|mv): (?:directory ([^\n]{1,200}) does not exist"
     r"|.{0,220}['‘]([^'’\n]{1,200})/['’]: Not a directory)$", False),
    ("mount", r"^mount: (?:mount point )?(/[^:\n]{1,200}?):? (?:mount point )?does not exist", False),
    ("podman docker nerdctl", r"^(?:docker: )?Error.{0,60}: (?:statfs|stat) (/[^:\n]{1,200}): no such file or dir",
     False),
    ("sqlite3", r"^Error: unable to open database \"([^\"\n]{1,200}/[^\"\n]{1,200})\": unable to open", True),
)  # fmt: skip
"""What is said of a folder that is not there: programs, words, whether the folder is the one above what is named."""


_WRITES = re.compile(
    r"open\([^\n]{1,200}['\"][wax]b?\+?t?['\"]|\.(?:write_text|write_bytes|to_csv|to_json|to_parquet|savefig|touch|mkdir)\("
    r"|\bos\.mkdir\(|(?:writeFile|appendFile|createWriteStream|mkdir|copyFile)(?:Sync)?\b"
)
_NOT_THERE = (
    r"^FileNotFoundError: \[Errno 2\] No such file or directory: '([^'\n]{1,200})'$"
    r"|\bENOENT: no such file or directory, (?:open|mkdir|copyfile '[^'\n]{1,200}' ->) '([^'\n]{1,200})'"
)
_RUNS_CODE = re.compile(r"(?:python|pypy)[\d.]*|pytest|node|nodejs|deno|bun|npm|npx|yarn|pnpm|uv|poetry")
_OUTPUT_OPTIONS = frozenset({"-o", "-O", "--output", "--out", "--outfile", "--output-document", "--output-file"})


def _folder_of_what_is_written(failed: Failed) -> Usual | None:
    """A program's own code writes a file into a folder that is not there, or an option names such a file."""
    path = _found(_NOT_THERE, failed) if _RUNS_CODE.fullmatch(failed.program) else ""  # any text can say so
    within = not path.startswith("/") or path.startswith(f"{failed.cwd.rstrip('/')}/")
    if not within or not _WRITES.search(failed.output[-_READ:]):
        path = ""
    for option, value in zip(failed.argv, (*failed.argv, "")[1:], strict=True):
        name, _, joined = option.partition("=")
        value = joined or value
        if name in _OUTPUT_OPTIONS and "/" in value and _PLAIN.fullmatch(value) and ".." not in value.split("/"):
            lines = failed.output[-_READ:].splitlines()
            if any(value in line and "no such file" in line.lower() for line in lines):
                path = value
    folder = posixpath.dirname(path.rstrip("/")) if not path.startswith(("-", "~")) else ""
    if failed.program == "tar" and (into := _found(r"^tar: ([^:\n]{1,200}): Cannot open: No such file", failed)):
        folder = into if ("-C", into) in zip(failed.argv, failed.argv[1:], strict=False) else folder
    return Usual(("mkdir", "-p", folder), f"there is no folder `{folder}`") if folder.strip("/.") else None


def _script_without_right(failed: Failed) -> Usual | None:
    """A script that was typed by its path may not be executed."""
    path = _found(r"^(?:/bin/)?(?:ba|z|da|)sh: (?:line )?(?:\d+: )?(\S{1,200}): Permission denied$", failed)
    path = path or _found(r"^zsh: permission denied: (\S{1,200})$", failed)
    is_own = path == (failed.argv[0] if failed.argv else "") and "/" in path[1:] and path[0] != "/"
    return Usual(("chmod", "+x", path.removeprefix("./")), f"`{path}` may not be executed") if is_own else None


def _ends_of_lines(failed: Failed) -> Usual | None:
    """A script has the line ends of Windows, which its interpreter takes for a part of its words."""
    path = _found(
        r"(?:^|: )(\./\S{1,200}|\S{1,200}\.\w{1,6}): (?:line \d+: )?(?:\$'\\r': command not found|\S{1,60}\^M: )",
        failed,
    )
    if not path and failed.argv and re.search(r"env: ['‘]\w{1,20}\\r['’]: No such file", failed.output):
        path = failed.argv[0] if "/" in failed.argv[0] and _PLAIN.fullmatch(failed.argv[0]) else ""
    named = path and path in failed.argv
    return Usual(("sed", "-i", r"s/\r$//", path.removeprefix("./")), "its lines end as on Windows") if named else None


# --- by the program's own words ---------------------------------------------------------------------------------------


def _step(failed: Failed) -> Usual | None:
    """What one of the programs that are known says of a state of its own."""
    for row in STEPS:
        if row.programs and failed.program not in row.programs.split():
            continue
        found = next(reversed(list(_compiled(row.said).finditer(failed.output[-_READ:]))), None)
        if found is None:
            continue
        said = {str(number): text for number, text in enumerate(found.groups(), 1)}
        if not all(map(_is_plain, said.values())) or (row.named and not _names(failed, said["1"])):
            continue
        said["known"] = row.known.get(said.get("1", ""), "")
        argv = _filled(row.step, failed, said)
        if argv:
            return Usual(argv, _with(row.why, said))
    return None


def _with(text: str, said: dict[str, str]) -> str:
    return re.sub(r"\{(\d)\}", lambda at: said[at[1]], text)


def _names(failed: Failed, word: str) -> bool:
    """Tell whether a command names something: as a word, as the value of an option, or by a path below `~`."""
    typed = (*failed.argv, *(one.partition("=")[2] for one in failed.argv))
    return word in typed or any(one[:2] == "~/" and word.endswith(one[1:]) for one in typed)


def _filled(step: str, failed: Failed, said: dict[str, str]) -> tuple[str, ...]:
    """Return the words of a step with what is said and typed in their places; () where the command lacks one."""
    words: list[str] = []
    for word in shlex.split(step):
        slot = word[1:-1] if word[:1] == "{" and word[-1:] == "}" else ""
        if slot[:2] == "--":
            words += _option(slot, failed.argv)
        elif slot == "path":
            paths = [one for one in failed.argv[1:] if "/" in one and one[:1] in "./" and _is_plain(one)]
            if len(paths) != 1:
                return ()
            words += paths
        elif slot == "known":
            if not said["known"]:
                return ()
            words.append(said["known"])
        elif slot == "program":
            words.append(failed.argv[0])
        else:
            words.append(_with(word, said))
    return tuple(words)


def _option(name: str, argv: Sequence[str]) -> list[str]:
    """Return an option of a command with its value, nothing where the command has it not."""
    for word, value in zip(argv, (*argv[1:], ""), strict=True):
        if word == name and value and value[:1] != "-":
            return [word, value]
        if word.startswith(f"{name}="):
            return [word]
    return []


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
        if said and failed.program == "git" and failed.argv[1:2] != ("stash",)  # which would be put away again
        else None
    )


# --- Python -----------------------------------------------------------------------------------------------------------


_OF_PYTHON_2 = (
    (r"SyntaxError: Missing parentheses in call to 'print'", "print"),
    (r"SyntaxError: Missing parentheses in call to 'exec'", "exec"),
    (r"SyntaxError: leading zeros in decimal integer", "numliterals"),
    (r"SyntaxError: multiple exception types must be parenthesized", "except"),
    (r"NameError: name '(?:unicode|unichr)' is not defined", "unicode"),
    (r"NameError: name 'raw_input' is not defined", "raw_input"),
    (r"NameError: name 'xrange' is not defined", "xrange"),
    (r"NameError: name 'basestring' is not defined", "basestring"),
    (r"NameError: name 'long' is not defined", "long"),
    (r"NameError: name 'execfile' is not defined", "execfile"),
    (r"NameError: name 'reduce' is not defined", "reduce"),
    (r"AttributeError: 'dict' object has no attribute 'has_key'", "has_key"),
    (r"AttributeError: 'dict' object has no attribute '(?:iter|view)(?:items|keys|values)'", "dict"),
)
"""What Python 3 says of code that was written for Python 2, and the fixer of `2to3` for it (docs.python.org, 2to3)."""


def _python_2(failed: Failed) -> Usual | None:
    """The file that was run is written for Python 2."""
    end = failed.output[-_READ:]
    name = _found(r"No module named '?(\w{1,40})'?$", failed)
    fixer = "imports" if name in pack("renamed") else ""
    fixer = fixer or next((fixer for said, fixer in _OF_PYTHON_2 if _compiled(said).search(end)), "")
    path = _found(r'^ {2}File "([^"<>\n]{1,300}\.py)", line \d+', failed) if fixer else ""
    if not path or not any(path == word or path.endswith(f"/{word.removeprefix('./')}") for word in failed.argv[1:]):
        return None  # a file that nobody named is not for us to change
    return Usual(("2to3", "-w", "-n", "-f", fixer, path), "it is written for Python 2")


def _pip_itself(failed: Failed) -> Usual | None:
    said = re.search(r"(?m)^\S{1,200}: No module named pip$", failed.output[-_READ:])
    is_python = failed.program.startswith("python") and failed.argv[1:3] == ("-m", "pip")
    why = "this Python came without pip, which it can set up itself"
    return Usual((failed.argv[0], "-m", "ensurepip", "--upgrade"), why) if said and is_python else None


_RULES: Sequence[Callable[[Failed], Usual | None]] = (
    _python_2, _pip_itself, _step,
    _folder_of_a_new_file, _folder_of_what_is_written, _script_without_right, _ends_of_lines,
    _git_lock, _stash,
)  # fmt: skip
