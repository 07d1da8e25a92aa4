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

from meshcore.knowledge.packs import pack
from meshcore.knowledge.program import program_name

_READ = 8_000  # characters at the end of an output
_PLAIN = re.compile(r"[\w@%+:,./~-]{1,200}")
_MARKS = (
    "no such file", "nonexistent", "does not exist", "not a directory", "permission denied", "too open", "^m", "\\r",
    "unable to locate package", "dpkg was interrupted", "index.lock", "stash", "can only install with an existing",
    "no module named", "enoent", "missing parentheses", "' is not defined", "has no attribute", "leading zeros",
    "run apt-get update", "exception types must be", "no package called", "in @inc", "vendor/autoload.php",
    "active developer path", "ensurepip is not", "declared as external", "external volume", "initialization required",
    "error response from daemon: network", "is not installed", "nuget package restore", "did not initialize yet",
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
    folder = folder or _folder_to_copy_into(failed)
    return Usual(("mkdir", "-p", folder), f"there is no folder `{folder}`") if folder.strip("/") else None


def _folder_to_copy_into(failed: Failed) -> str:
    """Return the folder into which something was to be copied or moved, and which is not there."""
    said = (
        r"^(?:cp|mv): (?:directory ([^\n]{1,200}) does not exist|.{0,220}['‘]([^'’\n]{1,200})/['’]: Not a directory)$"
    )
    path = _found(said, failed).rstrip("/")
    return path if path and failed.program in ("cp", "mv") and failed.argv[-1].rstrip("/") == path else ""


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
    old = ("E: Unable to locate package", "maybe run apt-get update")
    unknown = failed.program in ("apt", "apt-get") and any(said in failed.output for said in old)
    return Usual(("apt-get", "update"), "apt's lists are absent or old") if unknown else None


def _npm_lock(failed: Failed) -> Usual | None:
    said = failed.program == "npm" and "can only install with an existing package-lock.json" in failed.output
    return Usual(("npm", "install"), "there is no lock file, which `npm ci` wants") if said else None


def _composer(failed: Failed) -> Usual | None:
    said = re.search(
        r"(?i)failed to open(?:ing| stream)?.{0,300}vendor/autoload\.php|vendor/autoload\.php.{0,80}failed to open",
        failed.output[-_READ:],
    )
    why = "what composer.json asks for is not installed"
    return Usual(("composer", "install"), why) if said and failed.program == "php" else None


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


# --- other languages --------------------------------------------------------------------------------------------------


def _of_perl_or_r(failed: Failed) -> Usual | None:
    """A module that its language's own archive has under that very name: those of CPAN and CRAN are looked after."""
    module = _found(
        r"^Can't locate \S{1,200}\.pm in @INC \(you may need to install the ([\w:]{2,100}) module\)", failed
    )
    if module and failed.program == "perl":
        return Usual(("cpan", module), f"CPAN has it under the name {module}")
    package = _found(r"there is no package called ['‘]([A-Za-z][A-Za-z0-9.]{1,60})['’]", failed)
    if package and failed.program in ("R", "Rscript"):
        return Usual(("Rscript", "-e", f'install.packages("{package}")'), f"CRAN has it under the name {package}")
    return None


def _tools_of_a_mac(failed: Failed) -> Usual | None:
    """Apple's command line tools, through which its git and compilers run, are not there."""
    said = "xcrun: error: invalid active developer path" in failed.output[-_READ:]
    return Usual(("xcode-select", "--install"), "Apple's command line tools are not there") if said else None


def _venv_of_debian(failed: Failed) -> Usual | None:
    """Debian's Python comes without what makes environments, and says in which package that is."""
    package = _found(r"^ {2,8}apt(?:-get)? install (python3(?:\.\d{1,2})?-venv)$", failed)
    said = package and "ensurepip is not" in failed.output and failed.program == "python"
    return Usual(("apt-get", "install", "-y", package), "this Python says in which package it is") if said else None


def _external(failed: Failed) -> Usual | None:
    """A network or volume that others share was not made yet."""
    named = _found(r"Error response from daemon: network (\S{1,100}) not found", failed)
    if named and named in (*failed.argv, *(word.partition("=")[2] for word in failed.argv)):
        return Usual(("docker", "network", "create", named), "there is no such network")
    if "compose" not in failed.argv[:2] and failed.program != "docker-compose":
        return None
    network = _found(r"network (\S{1,100}) declared as external, but could not be found", failed)
    volume = _found(r"external volume \"(\S{1,100})\" not found", failed)
    for kind, name in (("network", network), ("volume", volume)):
        if name:
            return Usual(("docker", kind, "create", name), f"others share this {kind}, and it is not made yet")
    return None


def _version_to_install(failed: Failed) -> Usual | None:
    """A version that the project names, of which its manager says that it is not installed."""
    for manager in ("pyenv", "rbenv", "nodenv"):
        version = _found(rf"^{manager}: version [`']([\d.]{{1,20}})' is not installed", failed)
        if version:
            return Usual((manager, "install", version), f"{manager} has no {version}, which this project asks for")
    return None


def _restore_of_dotnet(failed: Failed) -> Usual | None:
    said = failed.program == "dotnet" and "Run a NuGet package restore" in failed.output[-_READ:]
    return Usual(("dotnet", "restore"), "what the project asks for is not restored") if said else None


def _client_of_prisma(failed: Failed) -> Usual | None:
    said = "@prisma/client did not initialize yet" in failed.output[-_READ:]
    is_node = failed.program in ("node", "npm", "npx", "yarn", "pnpm", "tsx", "ts-node", "next")
    return Usual(("npx", "prisma", "generate"), "its client is not generated") if said and is_node else None


def _backend_of_terraform(failed: Failed) -> Usual | None:
    said = failed.program in ("terraform", "tofu") and "Initialization required" in failed.output[-_READ:]
    return Usual((failed.argv[0], "init"), "its folder is not initialised") if said else None


_RULES: Sequence[Callable[[Failed], Usual | None]] = (
    _python_2, _pip_itself, _of_perl_or_r, _tools_of_a_mac, _venv_of_debian, _external, _backend_of_terraform,
    _version_to_install, _restore_of_dotnet, _client_of_prisma,
    _folder_of_a_new_file, _folder_of_what_is_written, _script_without_right,
    _open_key, _ends_of_lines, _apt, _npm_lock, _composer,
    _git_lock, _stash,
)  # fmt: skip
