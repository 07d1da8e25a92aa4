"""The failed command as the reader of errors sees it: its verb, and the words that the user typed."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from meshcore.knowledge.program import program_name
from meshcore.knowledge.slots import KINDS, generalise, is_file_name
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
_REDIRECTION = re.compile(r"\d?&?[<>]{1,3}&?\d?(?!\()")


class Command(NamedTuple):
    """A command line as words.

    `verb`: its program and subcommand, as far as they are words that a person types in every such command. `slots`: the
    words that vary, in their order, options left out. `heads`: the words of program and subcommand as they were typed.
    `texts`: words that hold several, such as code.
    """

    program: str = ""
    verb: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    heads: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def operands(self) -> frozenset[str]:
        """Return the values of the words that vary."""
        return frozenset(slot.value for slot in self.slots if len(slot.value) > 1)

    @property
    def words(self) -> frozenset[str]:
        """Return what the user typed but the name of the program: its path is a word as any other."""
        return self.operands.union(word for at, word in enumerate(self.heads) if at or "/" in word)

    def seen_by(self, named: Collection[str]) -> Command:
        """Return the command in view of an error: a word of program or subcommand that it names is an operand too.

        So is a word that stands in code of the command: `make build` is to make what `cp file` is to cp, and so is
        `./build.sh` to a shell. A program without a folder is looked up in the world, so that its name stays its own.
        """
        told = [at for at, word in enumerate(self.heads) if word in named and (at or "/" in word)]
        verb = tuple(NAMED if at in told else word for at, word in enumerate(self.verb))
        slots = [*(_slot_of_head(self.heads[at]) for at in told), *self.slots]
        for name in dict.fromkeys(named) if self.texts else ():
            if len(name) > 1 and all(slot.value != name for slot in slots) and _stands_in(name, self.texts):
                slots.append(Slot("name", name[:200]))
        return self._replace(verb=verb, slots=tuple(slots[:MAX_SLOTS]))

    @property
    def shape(self) -> str:
        """Return the verb and how many words vary, "" where no command is known."""
        return " ".join((*self.verb, str(len(self.slots)))) if self.verb else ""


NAMED = "*"  # in a verb: a word that the error names


def plain_shape(shape: str) -> str:
    """Return the shape of a command as it is told today, from one that names the kind of each word that varies."""
    words = shape.split(" ")
    end = len(words)
    while end > 1 and words[end - 1] in KINDS:
        end -= 1
    return shape if not shape or words[-1].isdigit() else " ".join((*words[:end], str(len(words) - end)))


def plain_words(shape: str) -> str:
    """Return the shape of a command for people: `restic` with 2 words."""
    verb, _, count = plain_shape(shape).rpartition(" ")
    return f"`{verb}` with {count} word{'s' * (count != '1')}" if verb else "that is not known"


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
    files = takes_files(program)
    verb, heads, slots = [program], [words[0]], list[Slot]()
    subcommand_seen = files
    for word in words[1:]:
        word = word.lstrip("0123456789&<>") if _REDIRECTION.match(word) else word
        if not word or (word[0] == "-" and "=" not in word):
            continue
        if not subcommand_seen and word.isalpha():
            verb.append(word)
            heads.append(word)
        else:
            slots += _slots_of(word, files)
        subcommand_seen = True
    texts = tuple(word[:400] for word in words[1:] if " " in word or "(" in word)
    return Command(program, tuple(verb), tuple(slots[:MAX_SLOTS]), tuple(heads), texts)


def takes_files(program: str) -> bool:
    """Tell whether each word of a program's commands is a file: it has no subcommands."""
    return program_name(program) in _FILE_TOOLS


def _stands_in(name: str, texts: Sequence[str]) -> bool:
    word = re.compile(rf"(?<![\w-]){re.escape(name[:200])}(?![\w-])")
    return any(word.search(text) for text in texts)


def _slot_of_head(word: str) -> Slot:
    return Slot("path" if "/" in word or is_file_name(word) else "identifier", word[:200])


def _slots_of(word: str, files: bool) -> tuple[Slot, ...]:
    """Return the slots of one word: itself where it is a plain word, the typed parts of it where it is code."""
    if word.isdigit():
        return (Slot("path" if files else "number", word),)
    if " " not in word and "=" not in word and "(" not in word:
        if files or is_file_name(word) or ("/" in word and "://" not in word):
            return (Slot("path", word),)
        if "/" not in word:
            return (Slot("identifier", word),)
    return tuple(s for s in generalise(word[:400])[1] if s.kind in ("path", "number", "port", "host"))
