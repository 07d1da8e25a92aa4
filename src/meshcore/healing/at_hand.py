"""Another way to type a command that has failed, as far as this machine shows it at this moment; no memory is needed.

A command typed in the wrong folder, a program that lies in the project's environment, a script or file under another
name: told is only what was looked up here and now. Light: a hook asks, after a failure whose words fit. Every look is
bounded.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

from meshcore.healing.ground import Case, Change, Ground
from meshcore.healing.other_programs import PROGRAM_RULES
from meshcore.healing.usual_ways import USUAL_WAYS
from meshcore.healing.usual_ways_of_packages import WAYS_OF_PACKAGES
from meshcore.healing.usual_ways_of_tools import WAYS_OF_TOOLS
from meshcore.healing.usual_words import USUAL_WORDS
from meshcore.knowledge import own_words
from meshcore.knowledge.acts import writes
from meshcore.knowledge.corrections import Correction, corrected, holds_secret
from meshcore.knowledge.missing import without_relayed
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import OPERATORS, bare, program_words, reads_as_more, words_and_operators
from meshcore.knowledge.slips import closest
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import Typed
from meshcore.safety.visible_text import is_untagged, visible

MAX_SAID = 600
_READ = 8_000  # characters at the end of an output
_MAX_ENTRIES = 5_000
_PLAIN = re.compile(r"[\w@%+:,./-]+")


@dataclass(frozen=True, slots=True)
class AtHand:
    """Another way to type a command: the change, the whole command, and why, in words."""

    change: Correction
    command: str
    why: str
    rule: str

    @property
    def said(self) -> str:
        """Return what is told of it, "" where that cannot be shown as it is."""
        said = f"Another way, by what is on this machine now: `{self.command}` ({self.why}). Not tested."
        is_plain = visible(said, keep_newlines=False) == said and said.count("`") % 2 == 0 and is_untagged(said)
        return said if is_plain and "`" not in self.command and len(said) <= MAX_SAID else ""


_MARKS = (
    "not found", "no such file", "did you mean", "meant", "no rule to make", "no makefile", "missing script",
    "no module named", "permission denied", "no matches found", "can't open", "cannot access", "can't read",
    "unknown revision", "did not match any", "does not exist", "could not find", "couldn't find", "could not read",
    "enoent",
    "cannot find", "been booted with systemd", "is a directory", "omitting directory", "no known parent package",
    "externally-managed", "similar", "invalid", "unknown", "unrecogni", "usage:", "not in gzip", "no such command",
    "is not a", "doesn't have a", "candidates are", "must be enabled with", "too many arguments", "unterminated",
    "hard link not allowed", "not a regular file", "(not copied)", "without -", "could not find or load",
    "class names,", "fetch first", "no changes added to commit", "no tracking information", "no such remote",
    "requires 1 argument", "no such table", "prepending", "requires exactly 1 arg", "not found in path",
    "not be found", "not a bzip2", "format not recognized", "already exists", " flag", " option",
    "does not match any", "not a tty", "undefined reference", "as root", "heap out of memory",
    "namespaces \"", "used after filename", "must come before", "looking for matching", "nmatched",
    "nterminated quoted", "run ag with", "still in use", "no sessions", "find session", "no screen to be",
    "unexpected args", "no matching manifest", "access denied", "authentication failed", "are you root", "as root",
    "privileges", "root can", "root may", "are root", "be root", "lockfile", "lock file", "-locked", "failed: no such",
    "precede expression", "non-fast-forward",
    "authentication required", "try with sudo", "have permission to", "not permitted", "authentication agent",
    "replaces it", "no matching distribution", "package registry", "npm registry", "npm\" registry", "this registry",
    "replace it", "is not running", "no configuration file", "could not locate", "there is no pom",
    "write permissions", "unable to access", "invalid reference", "something we can merge", "invalid upstream",
    "missing argument", "is not defined", ": cannot stat",
    "tar archive", "end-of-central", "not a valid identifier",
)  # fmt: skip


def another_way(command: str, typed: Typed, cwd: str, root: str, output: str, ground: Ground) -> AtHand | None:
    """Return another way to type a command that has failed, None where nothing here shows one.

    `typed`: the command as it is remembered; `cwd`: where the shell was; `root`: the folder of the checkout.
    """
    output = without_relayed(output[-_READ:])
    said = output.lower()
    if not typed.parts or typed.document or holds_secret(typed.words) or not any(mark in said for mark in _MARKS):
        return None
    case = Case(command, typed, cwd, root, output, ground)
    for rule in (*_RULES, *PROGRAM_RULES, *USUAL_WORDS, *USUAL_WAYS, *WAYS_OF_PACKAGES, *WAYS_OF_TOOLS):
        found = rule(case)
        if found is not None:
            change, why, whole = found
            text = whole or corrected(typed, change)
            text = "" if rule in _BY_NAMES and reads_as_more(text, command) else text
            if text and (way := AtHand(change, text, why, rule.__name__.strip("_"))).said:
                return way
    return None


def _in(folder: str, case: Case, why: str) -> Change | None:
    """Return the command typed in another folder."""
    if not _PLAIN.fullmatch(folder) or os.path.normpath(folder) == os.path.normpath(case.folder):
        return None
    front = ("cd", folder, "&&")
    return Correction("", (), front, front=True), why, f"cd {folder} && {case.typed.text}"


# --- the wrong folder -------------------------------------------------------------------------------------------------

_ABSENT = re.compile(
    r"(?i)no such file or directory|can(?:'t|not) (?:open|access|read|find)|unknown revision or path"
    r"|directory not found|did not match any file|does not exist|ENOENT|file or directory not found|file not found"
    r"|unable to access jarfile"
)


def _entered_before(case: Case) -> Change | None:
    """`cd web && …` where the shell is in `web` already, or where `web` lies further up."""
    words = words_and_operators(case.command.strip())
    if len(words) < 4 or words[0] not in ("cd", "pushd") or words[2] not in ("&&", ";"):
        return None
    path = bare(words[1]).rstrip("/").removeprefix("./")
    line = next((line for line in case.output.splitlines() if "cd:" in line and _ABSENT.search(line)), "")
    if not path or path[:1] in "/~-$." or path not in line:
        return None
    wanted = os.path.normpath(f"{case.cwd}/{path}")
    if case.ground.exists(wanted) or case.folder != wanted:
        return None
    if case.cwd.endswith(f"/{path}"):
        return Correction("", ("cd", path, words[2]), ()), f"the shell is in `{path}` already", case.typed.text
    at = os.path.normpath(case.cwd)
    while at != case.root and at.startswith(case.root.rstrip("/") + "/"):
        at = os.path.dirname(at)  # noqa: PTH120
        if case.ground.exists(f"{at}/{path}"):
            return _in(f"{at}/{path}", case, f"`{path}` is further up")
    return None


def _operands(case: Case) -> list[str]:
    """Return the words of the command that the output calls missing, as paths."""
    lines = [line for line in case.output.splitlines() if _ABSENT.search(line)][-20:]
    found = []
    for word in case.typed.words:
        path = _path(word)
        if word in OPERATORS or path is None:
            continue
        whole = os.path.normpath(os.path.join(case.folder, path))  # noqa: PTH118
        if any(_lacks(line, one) for line in lines for one in (path, whole)):
            found.append(path)
    return found


def _path(word: str) -> str | None:
    """Return the path that a word may be, without what a test runner or compiler adds to it."""
    path = bare(word).partition("::")[0].removesuffix("/...").removeprefix("./").rstrip("/")
    if word.startswith(("-", "/", "~", "$", "..")) or not _PLAIN.fullmatch(path) or "://" in path:
        return None
    return path if "/" in path or "." in path.strip(".") else None


def _lacks(line: str, path: str) -> bool:
    """Tell whether a line says of a path that it is not there: of that path as a whole, and of nothing else."""
    at = line.find(path)
    behind = line[at + len(path) :]
    if at < 0 or (line[at - 1 : at] or " ") not in " '\"`:/‘“(" or behind[:1] not in _ENDS or behind[:4] == "/...":
        return False  # with a compiler's `/...` behind it, it is what was not found
    gaps = (
        line[said.end() : at] if said.start() < at else line[at + len(path) : said.start()]
        for said in _ABSENT.finditer(line)
    )
    return any(_BETWEEN.fullmatch(gap) for gap in gaps)


_ENDS = ("", " ", "'", '"', ":", "/", ",", "’", "`", ")")
_BETWEEN = re.compile(
    r"(?i)(?:\W|\b(?:file|path|directory|folder|argument|module|script|stat|open|read|access|the|is|was)\b"
    r"|\b(?:os )?err(?:no|or) \d+)*"
)
"""What may stand between a path and the words that it is not there: anything else is what they are about."""
_LOOKING = word_set("ls stat test [ pwd file")
_HARMFUL = word_set("rm mv cp dd chmod chown ln truncate shred unlink rmdir install rsync tee find xargs")


def _does_harm(case: Case) -> bool:
    """Tell whether a command writes, moves or removes files by their paths: another path is another deed."""
    programs = (program_name(program_words(part)[0]) for part in case.typed.parts)
    return writes(case.typed.words) or any(program in _HARMFUL for program in programs)


def _absent(case: Case) -> list[str]:
    """Return the paths of the command that are not in its folder, whether the output names them or not."""
    paths = (_path(word) for word in case.typed.words if word not in OPERATORS)
    return [path for path in paths if path and not case.ground.exists(f"{case.folder}/{path}")]


def _in_another_folder(case: Case) -> Change | None:
    """Files that the command names are not here, and all of them lie where the shell could have been."""
    missing = _operands(case)
    if not missing or _does_harm(case):
        return None
    if all(case.ground.exists(f"{case.folder}/{path}") for path in missing):
        if case.folder != case.cwd or not _PLAIN.fullmatch(case.cwd) or case.part[0] in _LOOKING:
            return None
        front = ("cd", case.cwd, "&&")
        why = f"`{missing[0]}` is in `{case.cwd}`: the shell seems to be elsewhere"
        return Correction("", (), front, front=True), why, f"cd {case.cwd} && {case.typed.text}"
    absent = _absent(case)
    for folder in case.above():
        if all(case.ground.exists(f"{folder}/{path}") for path in absent):
            return _in(folder, case, f"`{missing[0]}` is there, seen from `{folder}`")
    if all("/" in path for path in absent):
        places = [one for one in case.below() if all(case.ground.exists(f"{one}/{path}") for path in absent)]
        if len(places) == 1:
            return _in(places[0], case, f"`{missing[0]}` is there, seen from `{places[0]}`")
    return None


def _under_another_path(case: Case) -> Change | None:
    """The one file that the command lacks lies elsewhere in the project, under the same name, once."""
    missing = _operands(case)
    if len(missing) != 1 or _absent(case) != missing or _does_harm(case):
        return None
    name = os.path.basename(missing[0])  # noqa: PTH119
    if "." not in name.strip("."):
        return None
    found = _files_called(name, case)
    if len(found) != 1:
        return None
    path = os.path.relpath(found[0], case.folder)
    for part in case.typed.parts:
        for at, word in enumerate(part):
            if at and _path(word) == missing[0] and _PLAIN.fullmatch(path):
                new = bare(word).replace(missing[0], path, 1)
                return Correction(part[at - 1], (word,), (new,)), f"the one `{name}` of this project is `{path}`", ""
    return None


def _files_called(name: str, case: Case) -> list[str]:
    """Return the files of this name in the checkout, two at most; none where it holds too many to look at."""
    found, waiting, seen = list[str](), [case.root], 0
    while waiting:
        folder = waiting.pop()
        names = case.ground.names(folder)
        seen += len(names)
        if seen > _MAX_ENTRIES:
            return []
        if name in names:
            found.append(f"{folder}/{name}")
            if len(found) > 1:
                break
        waiting += [f"{folder}/{one}" for one in case.ground.folders(folder)]
    return found


# --- scripts and manifests --------------------------------------------------------------------------------------------

_NO_SCRIPT = re.compile(
    r"(?i)(?:script not found|find a script named) \"([\w:./-]{1,60})\"|missing script: ?\"?([\w:./-]{1,60})"
    r"|no rule to make target [`'‘\"]([\w:./-]{1,60})|command \"([\w:./-]{1,60})\" not found"
    r"|unknown command: \"([\w:./-]{1,60})\""
)
_NO_MANIFEST = (
    (re.compile(r"(?i)no makefile found"), "Makefile"),
    (re.compile(r"(?i)go\.mod file not found|cannot find main module"), "go.mod"),
    (re.compile(r"(?i)could not find `?Cargo\.toml"), "Cargo.toml"),
    (re.compile(r"(?i)(?:ENOENT.{0,80}|no |could not (?:read|find).{0,40})package\.json"), "package.json"),
    (re.compile(r"no configuration file provided: not found"), "compose.yaml"),
    (re.compile(r"no configuration file provided: not found"), "docker-compose.yml"),
    (re.compile(r"Could not locate Gemfile"), "Gemfile"),
    (re.compile(r"could not find a composer\.json file"), "composer.json"),
    (re.compile(r"there is no POM in this directory"), "pom.xml"),
    (re.compile(r"No pubspec\.yaml file found"), "pubspec.yaml"),
    (re.compile(r"Could not find a Mix\.Project"), "mix.exs"),
    (re.compile(r"No Rakefile found"), "Rakefile"),
    (re.compile(r"(?i)could not find a? ?pyproject\.toml|no `?pyproject\.toml`? found"), "pyproject.toml"),
)  # fmt: skip
_TARGET = re.compile(r"^([\w./-]+)[ \t]*:(?!=)", re.M)
_SCRIPT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_@%+:,./-]*")  # any other name may be there to be told


def _scripts(folder: str, manifest: str, ground: Ground) -> set[str]:
    text = ground.read(f"{folder}/{manifest}")
    if manifest == "Makefile":
        return set(filter(_SCRIPT.fullmatch, _TARGET.findall(text)))
    try:
        scripts = json.loads(text or "{}").get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return set()
    return set(filter(_SCRIPT.fullmatch, scripts)) if isinstance(scripts, dict) else set()


_RUNNERS = word_set("npm yarn pnpm bun")
_OWN_VERBS = {"npm": word_set("test start stop restart"), "bun": frozenset[str]()}
"""Of runners whose own verbs come before a project's scripts: the verbs that mean the script of that name."""


def _script_elsewhere(case: Case) -> Change | None:
    """A script or target that this folder does not have: under a name close to it, or in one other folder."""
    found = _NO_SCRIPT.search(case.output)
    name = next(filter(None, found.groups()), "") if found else ""
    if not name or name not in map(bare, case.typed.words):
        return None
    manifest = "Makefile" if "make target" in found[0].lower() else "package.json"  # type: ignore[index]
    here = _scripts(case.folder, manifest, case.ground)
    if name in here:
        return None
    close = closest(name, here)
    for part in case.typed.parts if close else ():
        for at, word in enumerate(part):
            if at and bare(word) == name:
                alone = at > 1 or part[0] not in _OWN_VERBS or close in _OWN_VERBS[part[0]]
                new = (close,) if alone else ("run", close)
                return Correction(part[at - 1], (word,), new), f"`{close}` is in `{manifest}`", ""
    places = [folder for folder in case.above() if name in _scripts(folder, manifest, case.ground)][:1]
    places = places or [folder for folder in case.below() if name in _scripts(folder, manifest, case.ground)]
    return _in(places[0], case, f"`{name}` is in `{manifest}` there") if len(places) == 1 else None


def _manifest_elsewhere(case: Case) -> Change | None:
    """The program found no manifest here, and one other folder has it."""
    for said, manifest in _NO_MANIFEST:
        if said.search(case.output) and not case.ground.exists(f"{case.folder}/{manifest}"):
            places = [folder for folder in case.above() if case.ground.exists(f"{folder}/{manifest}")][:1]
            places = places or [one for one in case.below() if case.ground.exists(f"{one}/{manifest}")]
            if len(places) == 1:
                return _in(places[0], case, f"`{manifest}` is there")
    return None


# --- the program's own words ------------------------------------------------------------------------------------------


def _suggested(case: Case) -> Change | None:
    change = own_words.suggested(case.typed, case.output, case.cwd)
    found = _NO_SCRIPT.search(case.output) if case.part[0] in _RUNNERS else None
    if change and found:
        scripts = _scripts(case.folder, "package.json", case.ground)
        if change.new[-1] not in scripts and (scripts or "script" in found[0].lower()):
            return None  # the project's own file knows which scripts there are; what is said is a hint
    return (change, "the program suggests it", "") if change else None


def _option_named(case: Case) -> Change | None:
    change = own_words.option_named(case.typed, case.output)
    return (change, "the program names the option", "") if change else None


def _unquoted(case: Case) -> Change | None:
    change = own_words.unquoted(case.typed, case.output)
    return (change, "the shell took the word for a pattern", "") if change else None


_RULES = (
    _entered_before,
    _suggested,
    _option_named,
    _unquoted,
    _script_elsewhere,
    _manifest_elsewhere,
    _in_another_folder,
    _under_another_path,
)
_BY_NAMES = (*_RULES, *PROGRAM_RULES, *WAYS_OF_PACKAGES, *WAYS_OF_TOOLS)  # in others a shell's signs are ours
