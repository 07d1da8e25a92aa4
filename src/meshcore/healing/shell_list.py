"""A list of plain commands in a shell text: which of them may have failed, and in which folder and environment.

Read strictly: a text that is more than such a list stays unread. Nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache

from meshcore.healing.places import Failing, Place
from meshcore.knowledge.command import program_name
from meshcore.policy.command_parser import plain_words

_SCRIPT_LIMIT = 8_192  # characters of an activate script
WRITING = frozenset({"nohup", "xargs", "tee"})  # they leave or take in something that a second run would change
_FILTERS = frozenset({"cat", "grep", "head", "less", "sort", "tail", "tee", "ts", "uniq", "wc"})
_CHANGING = frozenset(
    {"alias", "builtin", "cd", "conda", "deactivate", "declare", "enable", "eval", "export", "function", "getopts"}
    | {"hash"}
    | {"let", "local", "mamba", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "shopt", "trap", "typeset"}
    | {"unalias", "unset", "."}
)
"""Words by which a shell changes what those after them mean, in ways that are not read here."""
NEVER_FAIL = frozenset({":", "deactivate", "echo", "export", "false", "exit", "printf", "set", "true", "umask"})

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
            bare = bare and program_name(rest[0]) not in WRITING
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
            text = file.read(_SCRIPT_LIMIT)
    except OSError:
        return ""
    named = {found[2] for found in _SETS_FOLDER.finditer(text)}
    folder = named.pop() if len(named) == 1 else ""
    paths = [found[1].lstrip("\"'") for found in _SETS_PATH.finditer(text)]
    added = [path for path in paths if re.match(rf"\$VIRTUAL_ENV/|{re.escape(folder)}/\"?bin", path)]
    rest = [path for path in paths if path not in added and not path.startswith(("$_OLD_VIRTUAL", "${_OLD_VIRTUAL"))]
    return folder if added and not rest and not _DOES_MORE.search(text) else ""
