"""The command that failed inside what was typed: behind `cd`, `source`, settings, `sh -c`, wrappers and pipes.

Read strictly: a shell text is a list of plain commands or it stays unread, and a wrapper that is not in the table is
the command itself. Nothing is run. Light, since hooks ask as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from meshcore.knowledge.command import program_name
from meshcore.policy.command_parser import plain_words

LEVELS = 8  # of wrappers inside wrappers
_TEXT_LIMIT = 8_192  # characters of a shell text
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
_FILTERS = frozenset({"cat", "grep", "head", "less", "sort", "tail", "tee", "ts", "uniq", "wc"})
_CHANGING = frozenset(
    {"alias", "builtin", "cd", "conda", "deactivate", "declare", "enable", "eval", "export", "function", "getopts"}
    | {"hash"}
    | {"let", "local", "mamba", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "shopt", "trap", "typeset"}
    | {"unalias", "unset", "."}
)
"""Words by which a shell changes what those after them mean, in ways that are not read here."""
NEVER_FAIL = frozenset({":", "deactivate", "echo", "export", "false", "exit", "printf", "set", "true", "umask"})

# For each wrapper its options that take a value, those that take none, and how many words stand before the command.
_WRAPPERS: dict[str, tuple[frozenset[str], frozenset[str], int]] = {
    name: (frozenset(valued.split()), frozenset(flags.split()), before)
    for name, valued, flags, before in (
        ("timeout", "-k --kill-after -s --signal", "-f -v -p --foreground --verbose --preserve-status", 1),
        ("gtimeout", "-k --kill-after -s --signal", "-f -v -p --foreground --verbose --preserve-status", 1),
        ("time", "-f --format -o --output", "-p -v -a --portability --verbose --append", 0),
        ("nice", "-n --adjustment", "", 0),
        ("ionice", "-c --class -n --classdata", "-t --ignore", 0),
        ("nohup", "", "", 0),
        ("setsid", "", "-c -w --ctty --wait", 0),
        ("stdbuf", "-i -o -e --input --output --error", "", 0),
        ("chronic", "", "-v -e", 0),
        ("unbuffer", "", "-p", 0),
        ("command", "", "-p", 0),
        ("exec", "", "-c -l", 0),
        (
            "xargs",
            "-n -I -P -L -d -E -s -a --max-args --max-procs",
            "-0 -r -t -x --null --no-run-if-empty --verbose",
            0,
        ),
    )
}
_WRITING = frozenset({"nohup", "xargs", "tee"})  # they leave or take in something that a second run would change
_RUNNERS = frozenset({"uv", "poetry", "pdm", "pipenv"})  # their `run` uses the project's own environment
_SAME_ENVIRONMENT = re.compile(
    r"--(frozen|locked|no-sync|offline|quiet|verbose|group|extra|env-file|all-extras|(no-)?dev)$|-[qv]+$"
)
ACTIVE = "active: "  # before the folder of the environment that a runner was told to take
ANOTHER = "another"
"""The runner of a place whose options choose an environment of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Place:
    """A simple command, the folder and the variables that it ran with. `runner` is what chose its environment."""

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]
    runner: str = ""


@dataclass(frozen=True, slots=True)
class Failing:
    """What may have failed: one place, or several where the text does not tell; `unread` says what hides more.

    `around` is what stands around it; `bare`: that does nothing that a second run would repeat; `mixed`: another
    command of the same text, or a file that it shows, may have printed what was printed.
    """

    places: tuple[Place, ...]
    unread: str = ""
    bare: bool = True
    around: tuple[Place, ...] = ()
    mixed: bool = False

    @property
    def one(self) -> Place | None:
        """Return the one place where it failed, None where that is not known."""
        return self.places[0] if len(self.places) == 1 and not self.unread else None


def failing(argv: Sequence[str], cwd: str, environment: Mapping[str, str]) -> Failing:
    """Return which command failed inside a command that did, as far as its text tells."""
    found = Failing((Place(tuple(argv), cwd, environment),))
    for _ in range(LEVELS):
        inner = [inside(place) for place in found.places]
        if all(one is None for one in inner):
            return found
        places = tuple(
            place for old, new in zip(found.places, inner, strict=True) for place in (new.places if new else (old,))
        )
        unread = next((new.unread for new in inner if new and new.unread), found.unread)
        around = tuple(old for old, new in zip(found.places, inner, strict=True) if new)
        bare = found.bare and all(new.bare for new in inner if new)
        mixed = found.mixed or any(new.mixed for new in inner if new)
        found = Failing(places[:LEVELS], unread, bare, (*found.around, *around), mixed)
    return Failing(found.places, "commands inside commands", bare=False, mixed=True)


def inside(place: Place) -> Failing | None:
    """Return what a command runs in its place; None where it is the command itself."""
    if not place.argv or place.runner:
        return None
    name = program_name(place.argv[0])
    if name in SHELLS:
        return _shell(place)
    if name == "env":
        return _env(place)
    if name in _WRAPPERS:
        values, flags, before = _WRAPPERS[name]
        at = _after_options(place.argv, values) + before
        if not all(_is_known(word, values, flags) for word in place.argv[1 : at - before]):
            return Failing((place,), f"{name} with options that are not known")
        bare = name not in _WRITING and not {"-o", "--output", "-a", "--append"} & set(place.argv[1:at])
        return Failing((replace(place, argv=place.argv[at:]),), bare=bare) if place.argv[at:] else None
    if name in _RUNNERS and place.argv[1:2] == ("run",):
        return _runner(place, name)
    return None


def _after_options(argv: Sequence[str], values: frozenset[str], at: int = 1) -> int:
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        if argv[at] == "--":
            return at + 1
        at += 2 if argv[at] in values else 1
    return at


def _is_known(word: str, values: frozenset[str], flags: frozenset[str]) -> bool:
    """Say whether a word before a wrapper's command is a known option, or the value of one."""
    if not word.startswith("-") or word == "--" or word in values or word in flags or re.fullmatch(r"-\d+", word):
        return True
    name, equals, _ = word.partition("=")
    return (bool(equals) and name in values) or (not word.startswith("--") and word[:2] in values)


def _env(place: Place) -> Failing | None:
    """Read `env [-u NAME] [-C FOLDER] NAME=VALUE… COMMAND`."""
    at, variables, cwd = 1, dict(place.environment), place.cwd
    while at < len(place.argv):
        word = place.argv[at]
        if word in ("-i", "-", "--ignore-environment"):
            variables = {}
        elif word in ("-u", "--unset") and at + 1 < len(place.argv):
            at += 1
            variables.pop(place.argv[at], None)
        elif word in ("-C", "--chdir") and at + 1 < len(place.argv):
            at += 1
            cwd = os.path.join(cwd, place.argv[at])
        elif word.startswith("-"):
            return Failing((place,), f"env {word}")
        elif "=" in word:
            name, _, value = word.partition("=")
            variables[name] = value
        else:
            return Failing((Place(place.argv[at:], cwd, variables),))
        at += 1
    return None


def _runner(place: Place, name: str) -> Failing:
    """Read `uv run COMMAND` and its kin: the project's own environment comes first on the command's PATH."""
    at = _after_options(place.argv, frozenset({"--group", "--extra", "--env-file"}), 2)
    inner = place.argv[at:]
    options = [word for word in place.argv[2:at] if word.startswith("-") and word != "--"]
    if name == "uv" and "--active" in options and (active := place.environment.get("VIRTUAL_ENV")):
        options.remove("--active")
        name = f"{ACTIVE}{active}"
    if not inner or not all(_SAME_ENVIRONMENT.match(word.partition("=")[0]) for word in options):
        return Failing((replace(place, runner=ANOTHER),), f"{name} run with options that choose another environment")
    return Failing((replace(place, argv=inner, runner=name),))


def text_of(argv: Sequence[str]) -> tuple[str, int]:
    """Return the text that a shell is given, and where it stands; "" for none."""
    at = next((n for n, word in enumerate(argv[1:], 2) if not re.match(r"-[^-c]*$", word)), 0)
    found = argv[at] if at and argv[at:] and re.match(r"-[^-]*c", argv[at - 1]) else ""  # else a script of its own
    return (found, at) if 0 < len(found) <= _TEXT_LIMIT else ("", 0)


def _shell(place: Place) -> Failing | None:
    """Read `sh -c TEXT`; a login shell may change what a name means."""
    text, at = text_of(place.argv)
    if not at:
        return None
    stops = any("e" in word for word in place.argv[1:at] if not word.startswith("--"))
    found = read_list(text, place.cwd, place.environment, stops=stops)
    if found is None:
        return Failing((place,), "a shell text that is more than a list of plain commands", bare=False)
    if any("l" in word or "i" in word for word in place.argv[1:at] if word.startswith("-")):
        sure = all("/" in inner.argv[0] or inner.environment is not place.environment for inner in found.places)
        return found if sure else replace(found, unread="a login shell, whose profile may change PATH")
    return found


# --- a list of plain commands -----------------------------------------------------------------------------------------

_QUIET = r"\d?(?:>>?|<)[ \t]?(?:&[ \t]?\d|[\w./-]+)"


@cache
def _pieces() -> re.Pattern[str]:
    variable = r"\$[A-Za-z_]\w{0,100}|\$\{[A-Za-z_]\w{0,100}\}"
    piece = rf"[A-Za-z0-9_@%+=:,./^~-]|{variable}|'[ -&(-~]*'|\"(?:[ #%-\[\]-_a-~]|{variable})*\""
    return re.compile(rf"[ \t]*(?:(?P<redirect>{_QUIET})|(?P<join>&&|\|\||[;|\n])|(?P<word>(?:{piece})+))")


def read_list(text: str, cwd: str, environment: Mapping[str, str], *, stops: bool = False) -> Failing | None:
    """Return the commands of a shell text of which one has failed; None where it is more than a plain list.

    Settings, `cd` and `source …/activate` are carried over to what follows them. `stops`: the first failure ends it.
    """
    if (inner := re.fullmatch(r"\s*\(([^()]*)\)\s*", text)) is not None:
        text = inner[1]  # all of it in a shell of its own
    commands, bare = split(text)
    stops = stops or any(raw[0] == "set" and re.match(r"-\w*e|-o errexit", " ".join(raw[1:])) for _, raw in commands)
    at = 0 if stops else max((i for i, (join, _) in enumerate(commands) if join in (";", "\n")), default=0)
    state, found, mixed = Place((), cwd, environment), list[Place](), False
    may_have_failed = is_conditional = False  # in a list of `&&` and `||`: a command, and a change of state behind one
    for i, (join, raw) in enumerate(commands):
        words = words_of_shell(raw, state)
        changed = prepared(words, state) if words is not None else None
        if changed is None:
            return None
        if join in (";", "\n"):
            if is_conditional:
                return None
            may_have_failed = False
        state, rest = changed
        if not rest:
            if join in ("|", "||") or any(one == "|" for one, _ in commands[i + 1 : i + 2]):
                return None  # in a shell of its own, or only where something had failed
            is_conditional = is_conditional or may_have_failed
            continue
        may_have_failed = may_have_failed or rest[0] not in NEVER_FAIL
        if found and join == "|" and _is_filter(rest):
            bare = bare and program_name(rest[0]) not in _WRITING
            mixed = mixed or any(os.path.exists(os.path.join(state.cwd, word)) for word in rest[1:])
        elif rest[0] not in NEVER_FAIL or len(commands) == 1:
            bare = bare and i >= at  # what came before was a command of its own
            mixed = mixed or i < at
            found += [Place(rest, state.cwd, state.environment)] if i >= at else []
    return Failing(tuple(found), bare=bare, mixed=mixed) if found else None


def _is_filter(words: Sequence[str]) -> bool:
    """Tell whether a command only filters what it is given; one that reads a file passes that on, too."""
    name, operands = program_name(words[0]), [word for word in words[1:] if not re.match(r"-.|\+?\d+$", word)]
    if name not in _FILTERS:
        return False
    if name == "grep":  # of one pattern
        reads = any(re.match(r"-\w*[rRfd]|--(file|recursive|deref|dir)", word) for word in words[1:])
        return len(operands) == 1 and not reads
    return name == "tee" or (not operands and not any(word.startswith("--files0") for word in words[1:]))


def split(text: str) -> tuple[list[tuple[str, list[str]]], bool]:
    """Return each command's raw words behind what joins it to the one before, and whether none of them writes a file.

    Nothing where it is more than a plain list.
    """
    commands: list[tuple[str, list[str]]] = [("", [])]
    at, end, bare = 0, len(text.rstrip()), True
    while at < end:
        found = _pieces().match(text, at)
        if found is None:
            return [], False
        at = found.end()
        if found["join"]:
            if not commands[-1][1] and found["join"] != "\n":
                return [], False
            commands.append((found["join"], []))
        elif found["word"]:
            if found.start("word") and text[found.start("word") - 1] not in " \t\n;|&":
                return [], False  # it goes on where a redirection or a quote ended
            commands[-1][1].append(found["word"])
        else:
            reads = "<" in found["redirect"] and "&" not in found["redirect"]  # a file, which can be read again
            bare = bare and (reads or found["redirect"].rpartition(" ")[2].lstrip("012<>") in ("/dev/null", "&1", "&2"))
    return [(join, words) for join, words in commands if words], bare


def _expanded(word: str, state: Place) -> str:
    """Return a word with the variables that are known; those of which a value is not, or not plain, stay in it."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if not name:
            return found[0]  # it stands between single quotes
        known = state.cwd if name == "PWD" else state.environment.get(name, "")
        return known if re.fullmatch(r"[\w@%+=:,./-]+", known, re.ASCII) else found[0]

    return re.sub(r"'[^']*'|\$(\w+)|\$\{(\w+)\}", value, word)


def words_of_shell(given: Sequence[str], state: Place) -> tuple[str, ...] | None:
    """Return the words of one command without their quotes, settings in front included."""
    raw = [_expanded(word, state) for word in given]
    settings = 0
    while settings < len(raw) and re.match(r"[A-Za-z_]\w{0,100}=", raw[settings]):
        settings += 1
    home = state.environment.get("HOME", "~")
    plain = [re.sub(r"^~(?=/|$)", lambda _: home, word) for word in raw]
    if any("~" in word[:1] for word in plain):
        return None
    values = [plain_words(f"x {word}") for word in plain[:settings]]
    rest = plain[settings:]
    first = {".": ("source",), "time": ("time",)}.get(rest[0], ()) if rest else ()
    # The two are words of a shell, for which the strict reader has no use.
    words = plain_words(" ".join(("x", *rest[1:]) if first else rest)) if rest else ()
    if words is None or any(value is None for value in values):
        return None
    return (*(value[1] for value in values if value), *first, *(words[1:] if first else words))


def prepared(words: Sequence[str], state: Place) -> tuple[Place, tuple[str, ...]] | None:
    """Return the state after a command that only prepares, and what of a command is more than that; None: unread."""
    settings = dict[str, str]()
    at = 0
    while at < len(words) and re.match(r"[A-Za-z_]\w{0,100}=", words[at]):
        name, _, value = words[at].partition("=")
        settings[name] = value
        at += 1
    rest = tuple(words[at:])
    if "IFS" in settings:
        return None
    if not rest:
        return Place((), state.cwd, {**state.environment, **settings}), ()
    if rest[0] == "export" and not any(word.startswith("-") for word in rest):
        pairs = dict(word.split("=", 1) for word in rest[1:] if "=" in word)
        return Place((), state.cwd, {**state.environment, **pairs}), ()
    if rest == ("deactivate",) and (before := state.environment.get("_OLD_VIRTUAL_PATH")):
        kept = {name: value for name, value in state.environment.items() if name != "VIRTUAL_ENV"}
        return Place((), state.cwd, {**kept, "PATH": before}), ()
    if rest[0] == "cd" and len(rest) == 2 and rest[1] != "-":
        if state.environment.get("CDPATH") and not rest[1].startswith(("/", "./", "../")):
            return None
        folder = os.path.normpath(os.path.join(state.cwd, rest[1]))
        return (Place((), folder, state.environment), ()) if os.path.isdir(folder) else (state, rest)
    if rest[0] in _CHANGING or (rest[0] in ("command", "builtin", "time") and rest[1:2] and rest[1] in _CHANGING):
        return None
    if rest[0] == "source":
        return _activated(rest, state)
    if rest[:2] == ("printf", "-v"):
        return None
    if settings:
        return Place((), state.cwd, state.environment), ("env", *(f"{n}={v}" for n, v in settings.items()), *rest)
    return state, rest


def _activated(words: Sequence[str], state: Place) -> tuple[Place, tuple[str, ...]] | None:
    """Return the state after `source FOLDER/bin/activate`; of any other script nothing is known."""
    script = os.path.normpath(os.path.join(state.cwd, words[1])) if len(words) == 2 else ""
    if os.path.basename(script) != "activate":
        return None
    if not os.path.isfile(script):
        return state, tuple(words)  # that is what failed
    folder = _activates(script)
    if not folder or not os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
        return None
    before = state.environment.get("PATH", "")
    set_by_it = {"PATH": f"{folder}/bin:{before}", "VIRTUAL_ENV": folder, "_OLD_VIRTUAL_PATH": before}
    return Place((), state.cwd, {**state.environment, **set_by_it}), ()


_SETS_FOLDER = re.compile(r"(?m)^\s*(?:\*\)\s*)?(?:export\s+)?VIRTUAL_ENV=(['\"]?)(/[^'\"$`\n]*)\1\s*$")
_SETS_PATH = re.compile(r"(?m)^\s*(?:export\s+)?PATH=(.*)$")
_DOES_MORE = re.compile(
    r"(?m)^(?!\s*#)(?:.*[;&|])?\s*(?:source|\.|eval|exec|cd|conda|pyenv|python\d?\s*\(\)|alias\s+python\S*)\s"
)


def _activates(script: str) -> str:
    """Return the environment that an activate script names, another one where it was copied; "" if not sure."""
    try:
        with open(script, encoding="utf-8", errors="replace") as file:
            text = file.read(_TEXT_LIMIT)
    except OSError:
        return ""
    named = {found[2] for found in _SETS_FOLDER.finditer(text)}
    folder = named.pop() if len(named) == 1 else ""
    paths = [found[1].lstrip("\"'") for found in _SETS_PATH.finditer(text)]
    added = [path for path in paths if re.match(rf"\$VIRTUAL_ENV/|{re.escape(folder)}/\"?bin", path)]
    rest = [path for path in paths if path not in added and not path.startswith(("$_OLD_VIRTUAL", "${_OLD_VIRTUAL"))]
    return folder if added and not rest and not _DOES_MORE.search(text) else ""
