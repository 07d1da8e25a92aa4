"""A list of plain commands in a shell text: which of them may have failed, and in which folder and environment.

Read strictly: a text that is more than such a list stays unread. Nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from meshcore.healing.places import Failing, Place
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import RESERVED

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
_HERE = r"<<(?P<tabs>-?)[ \t]*(?:'(?P<exact>\w+)'|\"(?P<as_exact>\w+)\"|(?P<tag>\w+))"
_VARIABLE = r"\$(?:[A-Za-z_]\w{0,100}|\{[A-Za-z_]\w{0,100}\})"
_PRINTED = r"\t\n -~\u00a0-\U0010ffff"


@cache
def _pieces() -> re.Pattern[str]:
    single = rf"'(?:(?!')[{_PRINTED}])*'"
    double = rf"\"(?:(?![\"\\$`])[{_PRINTED}]|\\[{_PRINTED}]|{_VARIABLE})*\""
    piece = rf"[A-Za-z0-9_@%+=:,./^~-]|\\[ -~]|{_VARIABLE}|{single}|{double}"
    return re.compile(
        rf"(?:[ \t]|\\\n)*(?:(?P<here>{_HERE})|(?P<redirect>{_QUIET})|(?P<join>&&|\|\||[;|\n])|(?P<comment>#[^\n]*)"
        rf"|(?P<word>(?:{piece})+))"
    )


@dataclass(slots=True)
class Raw:
    """A simple command as it is written: what joins it to the one before, and its words with their quotes.

    `given` is the text of its here-document, "" where a shell computes that or there are more of them; `inputs` counts
    what is to be its input.
    """

    join: str
    words: list[str]
    given: str = ""
    inputs: int = 0


def read_list(text: str, cwd: str, environment: Mapping[str, str], *, stops: bool = False) -> Failing | None:
    """Return the commands of a shell text of which one has failed; None where it is more than a plain list.

    Settings, `cd` and `source …/activate` are carried over to what follows them. `stops`: the first failure ends it.
    """
    if (inner := re.fullmatch(r"\s*\(([^()]*)\)\s*", text)) is not None:
        text = inner[1]  # all of it in a shell of its own
    commands, bare = split(text)
    options = [" ".join(one.words[1:]) for one in commands if one.words[0] == "set"]
    stops = stops or any(re.match(r"-\w*e|-o errexit", one) for one in options)
    at = 0 if stops else max((i for i, one in enumerate(commands) if one.join in (";", "\n")), default=0)
    state, found, mixed = Place((), cwd, environment), list[Place](), False
    may_have_failed = is_conditional = False  # in a list of `&&` and `||`: a command, and a change of state behind one
    for i, raw in enumerate(commands):
        join, words = raw.join, words_of_shell(raw.words, state)
        changed = prepared(words, state) if words is not None else None
        if changed is None:
            return None
        if join in (";", "\n"):
            if is_conditional:
                return None
            may_have_failed = False
        state, rest = changed
        if not rest:
            if join in ("|", "||") or any(one.join == "|" for one in commands[i + 1 : i + 2]):
                return None  # in a shell of its own, or only where something had failed
            is_conditional = is_conditional or may_have_failed
            continue
        if rest[0] == "source" and not found and _hangs_on(commands, i):
            return Failing((Place(rest, state.cwd, state.environment),), bare=bare and i >= at, mixed=i < at)
        may_have_failed = may_have_failed or rest[0] not in NEVER_FAIL
        if found and join == "|" and _is_filter(rest):
            bare = bare and program_name(rest[0]) not in WRITING
            mixed = mixed or any(os.path.exists(os.path.join(state.cwd, word)) for word in rest[1:])
        elif rest[0] not in NEVER_FAIL or len(commands) == 1:
            bare = bare and i >= at  # what came before was a command of its own
            mixed = mixed or i < at
            found += [Place(rest, state.cwd, state.environment, given=raw.given)] if i >= at else []
    return Failing(tuple(found), bare=bare, mixed=mixed) if found else None


def _hangs_on(commands: Sequence[Raw], at: int) -> bool:
    """Tell whether all that stands behind a command of a list runs only where that has succeeded."""
    before = all(one.join not in ("|", "||") for one in commands[: at + 1])
    return before and all(one.join == "&&" for one in commands[at + 1 :])


def _is_filter(words: Sequence[str]) -> bool:
    """Tell whether a command only filters what it is given; one that reads a file passes that on, too."""
    name, operands = program_name(words[0]), [word for word in words[1:] if not re.match(r"-.|\+?\d+$", word)]
    if name not in _FILTERS:
        return False
    if name == "grep":  # of one pattern
        reads = any(re.match(r"-\w*[rRfd]|--(file|recursive|deref|dir)", word) for word in words[1:])
        return len(operands) == 1 and not reads
    return name == "tee" or (not operands and not any(word.startswith("--files0") for word in words[1:]))


def split(text: str) -> tuple[list[Raw], bool]:
    """Return each command of a shell text, and whether none of them writes a file.

    Nothing where it is more than a plain list.
    """
    commands, waiting = [Raw("", [])], list[tuple[Raw, re.Match[str]]]()
    at, end, bare = 0, len(text.rstrip()), True
    while at < end:
        found = _pieces().match(text, at)
        if found is None:
            return [], False
        start, at = found.start(found.lastgroup or 0), found.end()
        if found["join"]:
            if not commands[-1].words and found["join"] != "\n":
                return [], False
            if commands[-1].words:
                commands.append(Raw(found["join"], []))
            if found["join"] == "\n" and waiting and (at := _take_documents(text, at, waiting)) < 0:
                return [], False
        elif found["here"]:
            waiting.append((commands[-1], found))
            commands[-1].inputs += 1
        elif found["redirect"]:
            reads = "<" in found["redirect"] and "&" not in found["redirect"]  # a file, which can be read again
            commands[-1].inputs += "<" in found["redirect"]
            bare = bare and (reads or found["redirect"].rpartition(" ")[2].lstrip("012<>") in ("/dev/null", "&1", "&2"))
        elif start and text[start - 1] not in " \t\n;|&":
            return [], False  # it goes on where a redirection or a quote ended
        elif found["word"]:
            commands[-1].words.append(found["word"])
    if waiting or (not commands[-1].words and commands[-1].join in ("&&", "||", "|")):
        return [], False
    for one in commands:
        one.given = one.given if one.inputs == 1 else ""
    return [one for one in commands if one.words], bare


def _take_documents(text: str, at: int, waiting: list[tuple[Raw, re.Match[str]]]) -> int:
    """Give the commands of a line their here-documents; return where those end, -1 where they are not plain."""
    for raw, found in waiting:
        tag, exact = found["exact"] or found["as_exact"] or found["tag"], not found["tag"]
        lines = list[str]()
        while True:
            line, newline, _ = text[at:].partition("\n")
            at += len(line) + len(newline)
            line = line.lstrip("\t") if found["tabs"] else line
            if line == tag:
                break
            if not newline:
                return -1
            lines.append(f"{line}\n")
        body = "".join(lines)
        if not exact and ("`" in body or "$(" in body):
            return -1  # a shell runs what stands there
        raw.given = body if exact or not re.search(r"[$\\]", body) else ""
    waiting.clear()
    return at


def _unquoted(word: str, state: Place) -> str | None:
    """Return what a shell makes of a word; None where a variable is not known, or its value not plain."""
    found, at, quoted = "", 0, False
    while at < len(word):
        char, following = word[at], word[at + 1 : at + 2]
        if char == "'" and not quoted:
            close = word.index("'", at + 1)
            found, at = found + word[at + 1 : close], close
        elif char == '"':
            quoted = not quoted
        elif char == "\\":
            is_escape = not quoted or following in '"\\$`\n'
            found += following.replace("\n", "") if is_escape else char + following
            at += 1
        elif char == "$":
            variable = re.compile(_VARIABLE).match(word, at)
            name = variable[0].strip("${}") if variable else ""
            value = state.cwd if name == "PWD" else state.environment.get(name, "")
            if variable is None or not re.fullmatch(r"[\w@%+=:,./-]+", value, re.ASCII):
                return None
            found, at = found + value, variable.end() - 1
        else:
            found += char
        at += 1
    return found


def words_of_shell(raw: Sequence[str], state: Place) -> tuple[str, ...] | None:
    """Return the words of one command without their quotes, settings in front included."""
    home = state.environment.get("HOME", "~")
    given = [re.sub(r"^~(?=/|$)", lambda _: home, word) for word in raw]
    settings = next((i for i, word in enumerate(given) if not re.match(r"[A-Za-z_]\w{0,100}=", word)), len(given))
    words = [_unquoted(word, state) for word in given]
    if any(word.startswith("~") for word in given) or any("=~" in word or ":~" in word for word in given[:settings]):
        return None
    first = given[settings] if given[settings:] else ""
    if first == ".":
        words[settings] = "source"
    elif (first in RESERVED and first != "time") or "=" in first:
        return None
    return None if None in words else tuple(word for word in words if word is not None)


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
        return state, tuple(words)  # that is what failed, so nothing that hangs on its success has run
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
