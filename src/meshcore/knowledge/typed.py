"""A command as a project remembers it: in its folder, without what only shortens or joins its output.

`cd web && npm test 2>&1 | tail -5` and `npm test`, typed in `web`, are one command. Linear, never raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.knowledge.shell_words import is_setting, parts_of, program_words, remembered
from meshcore.store.known_marks import command_key

_SET_UPS = frozenset(
    {"cd", "pushd", "export", "set", "source", ".", "eval", "unset", "shopt", "ulimit", "nvm", "fnm", "conda", "pyenv"}
    | {"rbenv", "sdk", "direnv"}
)
_RUNNERS = frozenset(
    {"run", "exec", "run-script", "x", "dlx", "-m", "--filter", "-F", "workspace", "-C", "--cwd", "--prefix"}
)


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
        return command_key(self.words, self.folder, root)


def read_typed(command: str, cwd: str) -> Typed:
    """Return a shell text as it is remembered."""
    words, folder, piped, document = remembered(command, cwd)
    return Typed(tuple(words), folder, piped, document) if words else Typed()


def is_set_up(part: tuple[str, ...]) -> bool:
    """Tell whether a simple command only prepares for the next one."""
    return part[0] in _SET_UPS or all(map(is_setting, part))


def verb_of(part: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a simple command does beside its program: its subcommand, and of a runner also the task."""
    for word in program_words(part)[1:]:
        if word not in _RUNNERS and not word.startswith("-"):
            return (word,)
    return ()


def main_part(typed: Typed) -> tuple[str, ...]:
    """Return the first simple command that does more than prepare."""
    parts = typed.parts
    return next((part for part in parts if not is_set_up(part)), parts[0] if parts else ())
