"""A shell text as words and operators, and what of it a project remembers; linear, never raises.

Every call of an agent is read so, most of them for nothing: this loads no module, and uses no patterns.
"""

from __future__ import annotations

import os

MAX_TEXT = 4_000  # characters: a longer command is nobody's habit
OPERATORS = frozenset({"&&", "||", "|", "|&", ";", "&"})
RESERVED = frozenset(
    {"if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "select"}
    | {"time", "in", "coproc", "!", "[[", "{", "}", "[", "."}
)
_SHORTENING = frozenset(
    {"tail", "head", "grep", "egrep", "fgrep", "rg", "cat", "less", "more", "sort", "uniq", "wc", "tee", "nl", "cut"}
    | {"awk", "sed", "tr", "column"}
)
_OPEN_END = frozenset({">", ">>", "<", "1>", "1>>", "2>", "2>>", "&>", "&>>"})  # what it leads to stands behind it
_JOINING = frozenset(
    {"2>&1", "1>&2", ">&2", ">&1", "2>&2", "1>&1"}
    | {end + "/dev/null" for end in (">", ">>", "1>", "2>", "&>", "1>>", "2>>", "&>>")}
)


def words_and_operators(text: str) -> list[str]:
    """Split a shell text into words, quotes and all, and the operators between them; a line break is a `;`.

    A redirection and its file are one word.
    """
    text = text.replace("\\\n", " ")
    found: list[str] = []
    at = start = 0
    size = len(text)
    while at < size:
        char = text[at]
        if char in " \t\r":
            _add(found, text[start:at])
            at += 1
            start = at
        elif char in "'\"`" or text.startswith("$(", at):
            at = _end_of_quote(text, at)
        elif char == "\\":
            at += 2
        elif char == "&" and (text[at + 1 : at + 2] == ">" or (at > start and text[at - 1] == ">")):
            at += 1
        elif char in "&|;\n":
            _add(found, text[start:at])
            operator = text[at : at + 2] if text[at : at + 2] in OPERATORS else char
            _add_operator(found, operator)
            at += len(operator)
            start = at
        else:
            at += 1
    _add(found, text[start:])
    while found and found[-1] in (";", "&"):
        found.pop()
    return found


def _add(found: list[str], word: str) -> None:
    if word and found and found[-1] in _OPEN_END:
        found[-1] += word
    elif word:
        found.append(word)


def _add_operator(found: list[str], operator: str) -> None:
    if found and found[-1] not in OPERATORS:
        found.append(";" if operator == "\n" else operator)
    elif operator != "\n":
        found.append(operator)


def _end_of_quote(text: str, at: int) -> int:
    """Return where what is quoted from here on ends; just behind its first character where it never does."""
    char = text[at]
    if char in "'`":
        end = text.find(char, at + 1)
        return end + 1 if end >= 0 else at + 1
    if char == '"':
        end = at + 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        return end + 1 if end < len(text) else at + 1
    depth, end = 0, at + 1
    while end < len(text):
        depth += (text[end] == "(") - (text[end] == ")")
        end += 1
        if not depth:
            return end
    return at + 1


def remembered(command: str, cwd: str) -> tuple[list[str], str, bool, bool]:
    """Return (words, folder, piped, document) of a command as a project remembers it.

    A leading `cd` is the folder; off comes what only joins, shortens or forgives its output (`piped`: into another
    program). A text for standard input (`document`) is left whole.
    """
    if len(command) > MAX_TEXT or "\0" in command:
        return [], cwd, False, False
    words, folder = words_and_operators(command.strip()), cwd
    while len(words) > 3 and words[0] in ("cd", "pushd") and words[2] in ("&&", ";"):
        folder = os.path.normpath(os.path.join(folder, _expanded(bare(words[1]))))  # noqa: PTH118
        words = words[3:]
    piped, document = False, "<<" in command
    while words and not document:
        shorter, pipe = _without_end(words)
        if len(shorter) == len(words):
            break
        words, piped = shorter, piped or pipe
    return words, folder, piped, document


def _expanded(folder: str) -> str:
    return os.path.expanduser(folder) if folder.startswith("~") else folder  # noqa: PTH111


def _without_end(words: list[str]) -> tuple[list[str], bool]:
    """Return words without the last thing that only joins, shortens or forgives, and whether that was a pipe."""
    if words[-1] in _JOINING and len(words) > 1:
        return words[:-1], False
    at = len(words) - 1
    while at and words[at] not in OPERATORS:
        at -= 1
    last = words[at + 1 :]
    if not at or not last:
        return words, False
    if words[at] in ("|", "|&") and last[0] in _SHORTENING:
        return words[:at], True
    forgives = words[at] == "||" and last[0] in ("true", ":", "echo")
    if forgives or (words[at] == ";" and last[0] == "echo"):
        return words[:at], True
    return words, False


def bare(word: str) -> str:
    """Return a word without its quotes."""
    return word.replace("'", "").replace('"', "") if "'" in word or '"' in word else word


def parts_of(words: list[str] | tuple[str, ...]) -> list[tuple[str, ...]]:
    """Split words at the operators."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in OPERATORS:
            parts.append([])
        else:
            parts[-1].append(word)
    return [tuple(part) for part in parts if part]


def is_setting(word: str) -> bool:
    """Tell whether a word sets a variable."""
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def program_words(part: tuple[str, ...]) -> tuple[str, ...]:
    """Return a simple command from its program on, without settings in front."""
    at = 0
    while at < len(part) - 1 and is_setting(part[at]):
        at += 1
    return part[at:]


_CHANGING = frozenset(
    {"install", "i", "ci", "add", "upgrade", "update", "sync", "remove", "uninstall", "link", "login", "logout"}
    | {"auth", "signin", "start", "stop", "restart", "up", "down", "serve", "enable", "disable", "activate"}
    | {"deactivate", "use", "init", "setup", "set-up", "bootstrap", "pull", "restore", "migrate", "seed", "reload"}
    | {"reinstall", "tap", "trust"}
)
_CHANGERS = frozenset(
    {"source", ".", "export", "eval", "brew", "apt", "apt-get", "dnf", "yum", "pacman", "apk", "nvm", "fnm"}
    | {"conda", "mamba", "sdk", "direnv", "launchctl", "service"}
)


def changes(words: list[str] | tuple[str, ...]) -> bool:
    """Tell whether a command installs, activates, starts or logs in: what failed before may pass after it."""
    for part in parts_of(words):
        plain = program_words(part)
        if plain[0].rpartition("/")[2] in _CHANGERS or any(word in _CHANGING for word in plain[1:4]):
            return True
    return False


_SIGNS = ";&|<>()$`\\{}[]*?!#~\n"


def reads_as_more(text: str, command: str) -> bool:
    """Tell whether a shell reads more in a text than in a command, but for `&&`: who names a file may put it there."""
    said, typed = text.replace("&&", ""), command.replace("&&", "")
    return any(said.count(sign) > typed.count(sign) for sign in _SIGNS)
