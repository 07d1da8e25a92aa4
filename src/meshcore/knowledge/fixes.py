"""A fix as people write it, read as an action: commands as argv, prose as advice that is never executed."""

from __future__ import annotations

import re
import shlex

from meshcore.knowledge.text import word_set
from meshcore.model import Action

_NOT_PROGRAMS = word_set(
    "use add check try ensure change replace upgrade update remove delete rename switch see call pass import "
    "wrap convert restart reinstall downgrade disable enable configure specify define avoid create increase "
    "decrease move fix verify do don't never always consider first a it these there "
    "after before if"
)
_FUNCTION_WORDS = word_set(
    "the an instead your you should please is are was that this when because it its then them which was were "
    "must than need needs"
)
_BUILTINS = word_set("cd export source . ulimit alias unalias set unset eval umask shopt pushd popd exec trap")
_PLACEHOLDER = re.compile(r"<[\w -]{1,40}>|\.\.\.|…|\b(?:YOUR|your)[_-]\w")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,80}=")
_PROGRAM = re.compile(r"[\w./+@-]{1,200}", re.ASCII)
_LINES = {ord("\n"): " ", ord("\t"): " "}
_SHELL = ("sh", "-c")


def parse_fix(text: str) -> Action:
    """Read a fix: plain commands become steps, what needs a shell one `sh -c` step, everything else is advice."""
    text = text.strip()
    if not text or not text.translate(_LINES).isprintable() or _is_prose(text):
        return Action("advice", (), text)
    parts, plain = _split(text)
    if not parts:
        return Action("advice", (), text)
    if plain:
        try:
            steps = [tuple(shlex.split(part, comments=False)) for part in parts]
        except ValueError:
            return Action("advice", (), text)
        steps = [step for step in steps if step]
        if any(shlex.quote(step[0]) != step[0] for step in steps):
            return Action("advice", (), text)  # no program has a name that must be quoted
        if steps and not any(step[0] in _BUILTINS or _ASSIGNMENT.match(step[0]) for step in steps):
            return Action("argv", tuple(steps))
    if all(part.split()[:1] and part.split()[0] in _BUILTINS for part in parts if part.strip()):
        # It would change a shell that ends at once: only the person's own shell can run it.
        return Action("advice", (), text)
    return Action("argv", ((*_SHELL, text),))


def spell(action: Action) -> str:
    """Return an action as a person would type it: the reverse of `parse_fix`."""
    if action.kind == "advice":
        return action.text
    return " && ".join(step[2] if step[:2] == _SHELL and len(step) == 3 else shlex.join(step) for step in action.steps)


def _is_prose(text: str) -> bool:
    if _PLACEHOLDER.search(text):
        return True
    words = text.split()
    first = words[0]
    if _ASSIGNMENT.match(first) or first.startswith(("./", "/", "~", "(", "[", "$")):
        return False
    if not _PROGRAM.fullmatch(first) or (first[0].isupper() and first.isalpha()):
        return True
    if first.casefold() in _NOT_PROGRAMS:
        return True
    if len(words) == 1:
        return False
    outside = re.sub(r"'[^']{0,2000}'|\"[^\"]{0,2000}\"", " ", text)
    bare = [word.strip(".,:;").casefold() for word in outside.split()]
    if any(word in _FUNCTION_WORDS for word in bare):
        return True
    return len(words) > 3 and text.endswith(".") and text[-2].isalpha() and words[-1].strip(".").isalpha()


def _split(text: str) -> tuple[list[str], bool]:
    """Return the commands between `&&` and line ends, and whether they are plain: no other syntax of a shell.

    No commands at all where a quote is left open.
    """
    parts: list[str] = []
    current: list[str] = []
    quote, plain, i = "", True, 0
    while i < len(text):
        char = text[i]
        if quote:
            if char == quote:
                quote = ""
            elif quote == '"' and char in "$`":
                plain = False
            elif quote == '"' and char == "\\" and i + 1 < len(text):
                current.append(char)
                i += 1
                char = text[i]
        elif char in "'\"":
            quote = char
        elif char == "\\" and i + 1 < len(text):
            current.append(char)
            i += 1
            char = text[i]
        elif char == "\n" or text.startswith("&&", i):
            parts.append("".join(current))
            current = []
            i += 1 if char == "\n" else 2
            continue
        elif char in "|;&<>()$`*?{}!" or (char in "~#[" and (not current or current[-1].isspace())):
            plain = False
        current.append(char)
        i += 1
    parts.append("".join(current))
    return [] if quote else [part for part in parts if part.strip()], plain
