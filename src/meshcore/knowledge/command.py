"""The failed command as the reader of errors sees it: its program, its shape, and the words that the user typed."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from meshcore.knowledge.slots import generalise, is_file_name
from meshcore.knowledge.text import word_set
from meshcore.model import Slot

MAX_COMMAND = 2_000  # characters read of a command
MAX_WORDS = 60
MAX_SLOTS = 24
_FILE_TOOLS = word_set(
    "rm cp mv mkdir rmdir touch cat ln chmod chown ls tar unzip zip head tail less more sort wc stat file vim "
    "vi nano cd du source sh bash zsh grep find tee dd diff patch ssh-keygen sqlite3"
)
_WRAPPERS = word_set("sudo env time nohup nice timeout xargs exec command doas stdbuf strace")
# They prepare for the command that follows; it is that one that fails.
_PREPARATIONS = word_set("cd export set ulimit source . echo")
_SETTING = re.compile(r"[A-Za-z_]\w{0,60}=")
_VERSIONED = re.compile(r"(python|pip|node|ruby|perl|php|gcc|g\+\+|clang|java)-?[\d.]{1,12}")


class Command(NamedTuple):
    """A command line as words: `shape` names the program, its subcommand and the kinds of the varying words."""

    program: str = ""
    shape: str = ""
    slots: tuple[Slot, ...] = ()
    operands: frozenset[str] = frozenset()


def program_name(word: str) -> str:
    """Return a program's name without its folder and version: `/usr/bin/python3.12` is `python`."""
    name = word.rsplit("/", 1)[-1].removesuffix(".exe")
    versioned = _VERSIONED.fullmatch(name)
    return versioned[1] if versioned else name[:60]


@functools.cache
def _pieces() -> re.Pattern[str]:
    return re.compile(r"[^\s'\"\\;&|]+|'[^']*'?|\"[^\"]*\"?|\\.|&&|\|\||[;\n|]|[ \t]+|.", re.S)


def simple_commands(line: str) -> list[list[str]]:
    """Split a command line into simple commands of words, as a shell would but without expanding anything."""
    commands: list[list[str]] = [[]]
    word: str | None = None
    for piece in _pieces().findall(line):
        if piece[0] in " \t\n;|" or piece == "&&":
            if word is not None:
                commands[-1].append(word)
                word = None
            if piece[0] not in " \t" and commands[-1]:
                commands.append([])
            continue
        if piece[0] in "'\"":
            piece = piece[1:-1] if len(piece) > 1 and piece[-1] == piece[0] else piece[1:]
        elif piece[0] == "\\":
            piece = piece[1:]
        word = (word or "") + piece
    if word is not None:
        commands[-1].append(word)
    return [words for words in commands if words]


def words_of(command: str) -> list[str]:
    """Return the words of the first simple command that does more than prepare, without wrappers and settings."""
    found: list[str] = []
    for words in simple_commands(command[:MAX_COMMAND].replace("\\\n", " ")):
        at = 0
        while at < len(words) and (_SETTING.match(words[at]) or program_name(words[at]) in _WRAPPERS):
            wrapper = words[at]
            at += 1
            while not _SETTING.match(wrapper) and at < len(words) and (words[at][:1] == "-" or words[at].isdigit()):
                at += 1
        rest = words[at : at + MAX_WORDS]
        if rest and rest[0] not in _PREPARATIONS:
            return rest
        found = found or rest
    return found


def read_command(command: str) -> Command:
    """Read a command line; linear, never raises."""
    words = words_of(command) if command and not command.isspace() else []
    if not words:
        return Command()
    program = program_name(words[0])
    takes_files = program in _FILE_TOOLS
    shape, slots = [program], list[Slot]()
    subcommand_seen = takes_files
    for word in words[1:]:
        if not word or (word[0] == "-" and "=" not in word):
            continue
        if not subcommand_seen and word.isalpha():
            shape.append(word)
        else:
            slots += _slots_of(word, takes_files)
        subcommand_seen = True
    slots = slots[:MAX_SLOTS]
    shape += [slot.kind for slot in slots]
    return Command(program, " ".join(shape), tuple(slots), frozenset(s.value for s in slots if len(s.value) > 1))


def _slots_of(word: str, takes_files: bool) -> tuple[Slot, ...]:
    """Return the slots of one word: itself where it is a plain word, the typed parts of it where it is code."""
    if word.isdigit():
        return (Slot("path" if takes_files else "number", word),)
    if " " not in word and "=" not in word and "(" not in word:
        if takes_files or is_file_name(word) or ("/" in word and "://" not in word):
            return (Slot("path", word),)
        if "/" not in word:
            return (Slot("identifier", word),)
    return tuple(s for s in generalise(word[:400])[1] if s.kind in ("path", "number", "port", "host"))
