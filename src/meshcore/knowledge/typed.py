"""A command as a project remembers it: in its folder, without what only shortens or joins its output.

`cd web && npm test 2>&1 | tail -5` and `npm test`, typed in `web`, are one command. Linear, never raises.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from dataclasses import dataclass

from meshcore.knowledge.text import word_set

MAX_TEXT = 4_000  # characters: a longer command is nobody's habit
OPERATORS = frozenset({"&&", "||", "|", "|&", ";", "&"})
_SHORTENING = word_set("tail head grep egrep fgrep rg cat less more sort uniq wc tee nl cut awk sed tr column")
_SETTING = re.compile(r"[A-Za-z_]\w{0,60}=")
_JOINING = re.compile(r"(?:[012]?>&[012]|[12&]?>>?/dev/null|[12]?>>?&?)")
_OPEN_END = re.compile(r"(?:\d|&)?>>?|<")  # what it leads to stands behind it
_SET_UPS = word_set("cd pushd export set source . eval unset shopt ulimit nvm fnm conda pyenv rbenv sdk direnv")
_RUNNERS = word_set("run exec run-script x dlx -m --filter -F workspace -C --cwd --prefix")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command: its words and operators, the folder in which it runs, and whether its end was cut off.

    `piped`: its output went into another program, so that its exit code may be that program's. `document`: a text for
    standard input is part of it. Without `words` there is nothing to remember.
    """

    words: tuple[str, ...] = ()
    folder: str = ""
    piped: bool = False
    document: bool = False

    @property
    def text(self) -> str:
        """Return the command in one line."""
        return " ".join(self.words)

    @property
    def parts(self) -> list[tuple[str, ...]]:
        """Return its simple commands, in their order, as words."""
        return parts_of(self.words)

    def key(self, root: str) -> bytes:
        """Return what stands for the command in a project whose root is given: 8 bytes."""
        folder = os.path.relpath(self.folder, root) if is_within(self.folder, root) else self.folder
        text = "\0".join((folder, *self.words))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def is_within(folder: str, root: str) -> bool:
    """Tell whether a folder is a root or lies in it."""
    return folder == root or folder.startswith(root.rstrip("/") + "/")


@functools.cache
def _token() -> re.Pattern[str]:
    return re.compile(
        r"(&&|\|\||\|&|[;|\n]|&(?![>\d]))"
        r"|((?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|\$\([^()]*(?:\([^()]*\)[^()]*)*\)|`[^`]*`"
        r"|\d?>&\d?-?|&>>?|[^\s'\"\\;|&]|['\"\\])+)",
        re.DOTALL,
    )


def words_and_operators(text: str) -> list[str]:
    """Split a shell text into words, quotes and all, and the operators between them; a line break is a `;`.

    A redirection and its file are one word.
    """
    found: list[str] = []
    for operator, word in _token().findall(text.replace("\\\n", " ")):
        if word and found and _OPEN_END.fullmatch(found[-1]):
            found[-1] += word
        elif word:
            found.append(word)
        elif found and found[-1] not in OPERATORS:
            found.append(";" if operator == "\n" else operator)
        elif operator != "\n":
            found.append(operator)
    while found and found[-1] in (";", "&"):
        found.pop()
    return found


def read_typed(command: str, cwd: str) -> Typed:
    """Return a shell text as it is remembered."""
    if len(command) > MAX_TEXT or "\0" in command:
        return Typed()
    words = words_and_operators(command.strip())
    folder = cwd
    while len(words) > 3 and words[0] in ("cd", "pushd") and words[2] in ("&&", ";"):
        folder = os.path.normpath(os.path.join(folder, _expanded(bare(words[1]))))  # noqa: PTH118
        words = words[3:]
    piped = False
    document = "<<" in command
    while words and not document:
        shorter, pipe = _without_end(words)
        if len(shorter) == len(words):
            break
        words, piped = shorter, piped or pipe
    return Typed(tuple(words), folder, piped, document)


def _expanded(folder: str) -> str:
    return os.path.expanduser(folder) if folder.startswith("~") else folder  # noqa: PTH111


def _without_end(words: list[str]) -> tuple[list[str], bool]:
    """Return words without the last thing that only joins, shortens or forgives, and whether that was a pipe."""
    if _JOINING.fullmatch(words[-1]) and len(words) > 1:
        return words[:-1], False
    at = max((i for i, word in enumerate(words) if word in OPERATORS), default=0)
    last = words[at + 1 :]
    if not at or not last:
        return words, False
    if words[at] in ("|", "|&") and last[0] in _SHORTENING:
        return words[:at], True
    if words[at] == "||" and last[0] in ("true", ":", "echo"):
        return words[:at], True
    if words[at] == ";" and last[0] == "echo":
        return words[:at], True
    return words, False


def bare(word: str) -> str:
    """Return a word without its quotes."""
    return word.replace("'", "").replace('"', "") if "'" in word or '"' in word else word


def parts_of(words: tuple[str, ...] | list[str]) -> list[tuple[str, ...]]:
    """Split words at the operators."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in OPERATORS:
            parts.append([])
        else:
            parts[-1].append(word)
    return [tuple(part) for part in parts if part]


def is_set_up(part: tuple[str, ...]) -> bool:
    """Tell whether a simple command only prepares for the next one."""
    return part[0] in _SET_UPS or all(_SETTING.match(word) for word in part)


def program_words(part: tuple[str, ...]) -> tuple[str, ...]:
    """Return a simple command from its program on, without settings in front."""
    at = 0
    while at < len(part) - 1 and _SETTING.match(part[at]):
        at += 1
    return part[at:]


def verb_of(part: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a simple command does beside its program: its subcommand, and of a runner also the task."""
    found: list[str] = []
    for word in program_words(part)[1:]:
        if word in _RUNNERS:
            continue
        if word.startswith("-"):
            if found:
                break
            continue
        found.append(word)
        break
    return tuple(found)


def main_part(typed: Typed) -> tuple[str, ...]:
    """Return the first simple command that does more than prepare."""
    parts = typed.parts
    return next((part for part in parts if not is_set_up(part)), parts[0] if parts else ())
