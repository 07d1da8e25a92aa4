"""Which commands were the fix? Read from a history of commands with their exit codes and outputs.

Believed is only a command that stands between a failure and the success of the same command, did something, and has a
relation to the error: it names what the error names, the output itself suggested it, or it was seen to help twice.
Most failures that later pass were fixed by an edit; then the answer is that no command did it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from meshcore.knowledge import signature as reading
from meshcore.knowledge.acts import acts, edits, sets_up_build
from meshcore.knowledge.command import words_of
from meshcore.knowledge.ecosystems import ecosystem_of
from meshcore.knowledge.parts import FORMS, form_of
from meshcore.knowledge.program import program_name
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.text import word_set
from meshcore.knowledge.well_known import distribution_of, normal
from meshcore.model import Action, Signature, escape_token

_ON_FILES = word_set("mkdir touch cp mv ln rmdir rm")
MAX_BETWEEN = 40  # commands between a failure and the success that are looked at
_WITHOUT_NAMES: Final = {
    "node": word_set("ci install"),
    "python": word_set("install sync"),
}
"""What installs all that a project asks for, where no package is named."""
_MODULES: Final = {"ModuleNotFoundError": "python", "MODULE_NOT_FOUND": "node"}
_NOT_FOUND: Final = 127
_NOT_STARTED: Final = (126, _NOT_FOUND)
_MISSING_FILE: Final = re.compile(r"no such file|no rule to make target|does not exist|not found", re.IGNORECASE)
_GIT_EDITS = word_set("apply checkout pull merge rebase stash reset restore cherry-pick revert am switch")


@dataclass(frozen=True, slots=True)
class CommandRun:
    """One command of a history: what ran where, how it ended, what it said; `at` in seconds, any epoch."""

    argv: tuple[str, ...]
    cwd: str = ""
    exit_code: int = 0
    output: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Recognition:
    """A fix seen in a history: the run that failed, the commands that fixed it, and why that is believed."""

    failed: CommandRun
    fix: Action
    evidence: str


@dataclass(frozen=True, slots=True)
class _Episode:
    """A failure, what was done next, and the success of the same command."""

    failed: CommandRun
    between: tuple[CommandRun, ...]

    @property
    def signature(self) -> Signature:
        """Return how the failure is read."""
        return _signature_of(self.failed)


@lru_cache(maxsize=64)  # a history is looked through again after each success
def _signature_of(failed: CommandRun) -> Signature:
    return reading.read(failed.output, command=shlex.join(failed.argv))


def recognise(history: Sequence[CommandRun]) -> Recognition | None:
    """Return the fix that the latest success in a history (oldest first) shows, None where no command explains it."""
    episodes = _episodes(history)
    latest = next(episodes, None)
    if latest is None or not latest.between:
        return None
    reasons = [_relation(run, latest) for run in latest.between]
    earlier = () if all(reasons) else tuple(episodes)
    believed: dict[tuple[str, ...], str] = {}
    for run, related in zip(latest.between, reasons, strict=True):
        if reason := related or _seen_before(run, latest, earlier):
            believed.setdefault(_seen_from(latest.failed, run), reason)
    if not believed:
        return None
    fix = Action("argv", tuple(tuple(escape_token(token) for token in argv) for argv in believed))
    rerun = shlex.join(latest.failed.argv)
    why = "; ".join(f"`{shlex.join(argv)}` {reason}" for argv, reason in believed.items())
    return Recognition(latest.failed, fix, f"`{rerun}` failed and then succeeded; between the two {why}")


def _seen_from(failed: CommandRun, run: CommandRun) -> tuple[str, ...]:
    """Return a command with the paths of its files as they are from the folder of the one that failed.

    A path that the error itself names stays as it is.
    """
    if not failed.cwd.startswith("/") or program_name(run.argv[0]) not in _ON_FILES:
        return run.argv
    return run.argv[:1] + tuple(_path_from(failed, run.cwd, word) for word in run.argv[1:])


def _path_from(failed: CommandRun, cwd: str, word: str) -> str:
    if word.startswith(("-", "+")) or (word.startswith("/") and word in failed.output) or "=" in word:
        return word
    path = os.path.normpath(f"{cwd}/{word}" if word[:1] != "/" else word)
    if cwd == failed.cwd and not word.startswith("/"):
        return word
    below = path.startswith(f"{failed.cwd.rstrip('/')}/")
    return os.path.relpath(path, failed.cwd) if below else path


def _episodes(history: Sequence[CommandRun]) -> Iterator[_Episode]:
    """Yield each success that followed a failure of the same command in the same folder, the newest first."""
    failed_at: dict[tuple[tuple[str, ...], str], int] = {}
    found = []
    for i, run in enumerate(history):
        key = (run.argv, run.cwd)
        if run.exit_code != 0:
            failed_at[key] = i
            continue
        start = failed_at.pop(key, None)
        if start is not None and i - start <= MAX_BETWEEN:
            found.append((start, i))
    for start, i in reversed(found):
        done = [r for r in history[start + 1 : i] if r.exit_code == 0 and r.argv != history[i].argv]
        # Where source was changed in between nothing tells what of all that helped.
        if not any(edits(r.argv) for r in done):
            yield _Episode(history[start], tuple(r for r in done if acts(r.argv)))


def _is_edit(argv: Sequence[str]) -> bool:
    words = words_of(shlex.join(argv))
    program, rest = program_name(words[0]), words[1:]
    if program in ("sed", "perl"):
        return any(word.startswith("-") and "i" in word for word in rest)
    return program == "git" and any(word in _GIT_EDITS for word in rest[:1])


def _relation(run: CommandRun, episode: _Episode) -> str:
    """Return in words how a command relates to the error, "" where nothing shows it."""
    if _is_edit(run.argv):
        return ""
    line = shlex.join(run.argv)
    if len(run.argv) > 1 and line in episode.failed.output:
        return "is what the output suggested"
    signature = episode.signature
    place = reading.around(signature.template)
    arguments = run.argv[1:]
    for slot in (*signature.slots[: place.base], signature.slots[place.suggestion]):
        for form in range(len(FORMS)):
            value = form_of(slot, form)
            if any(_names(argument, value) for argument in arguments):
                return f"names {value!r}, as the error does"
    called = program_name(episode.failed.argv[0])
    if episode.failed.exit_code in _NOT_STARTED and any(_names(argument, called) for argument in arguments):
        return f"names {called!r}, which could not be started"
    return _makes_up_for(plain_spelling(run.argv), episode)


def _makes_up_for(argv: tuple[str, ...], episode: _Episode) -> str:
    """Return in words that a command brought what was missing, under another name than the error has for it."""
    failed, signature = episode.failed, episode.signature
    ecosystem = _MODULES.get(signature.error_type, "")
    if not ecosystem and failed.exit_code == _NOT_FOUND:
        ecosystem = ecosystem_of(program_name(failed.argv[0]))
    program, rest = program_name(argv[0]), argv[1:]
    if sets_up_build(argv):
        alone = len(episode.between) == 1 and _MISSING_FILE.search(signature.line)
        return "makes the files of a build, and one was missing" if alone else ""
    if rest[:2] == ("-m", "venv") or (program, rest[:1]) == ("uv", ("venv",)) or (program == "virtualenv" and rest):
        folder = os.path.normpath(rest[-1])
        called = os.path.normpath(failed.argv[0])
        made = failed.exit_code == _NOT_FOUND and called.startswith(f"{folder}/bin/")
        return f"makes {folder!r}, whose program was called" if made else ""
    if not ecosystem or ecosystem_of(program) != ecosystem or not rest:
        return ""
    named = [word for word in rest[1:] if not word.startswith("-")]
    whole = not named or (program == "pip" and not {"-r", "-e"}.isdisjoint(rest))
    if whole and rest[0] in _WITHOUT_NAMES.get(ecosystem, ()) and program not in ("node", "python"):
        return "installs what the project asks for, and the error misses a part of that"
    for slot in signature.slots[:1]:
        module = _top(slot.value, ecosystem)
        if module and any(_package(word, ecosystem) in (module, distribution_of(module)) for word in named):
            return f"installs what holds {slot.value!r}"
    return ""


def _top(module: str, ecosystem: str) -> str:
    """Return the part of a module's name that names its package, "" where it is a file of the project."""
    if ecosystem == "python":
        return module.partition(".")[0]
    parts = module.split("/")
    return "" if parts[0] in ("", ".", "..") else "/".join(parts[: 2 if module.startswith("@") else 1])


def _package(word: str, ecosystem: str) -> str:
    """Return the name of a package without its version."""
    if ecosystem == "python":
        return normal(re.split(r"[\[<>=!~;]", word)[0])
    return word[:1] + word[1:].partition("@")[0]


def _names(argument: str, value: str) -> bool:
    """Return whether an argument is a value or contains it as a word of its own (`flask==2.0`, `5432/tcp`).

    A value of two letters must be all of the argument or of a part of its path; one of a single letter tells nothing.
    """
    if len(value) < 3:
        return len(value) == 2 and value.isalnum() and value in re.split(r"[/=<>@\[:]", argument)
    at = argument.lower().find(value.lower())
    if at < 0:
        return False
    before, after = argument[at - 1 : at] if at else "", argument[at + len(value) : at + len(value) + 1]
    return not before.isalnum() and not after.isalnum()


def _seen_before(run: CommandRun, episode: _Episode, earlier: Sequence[_Episode]) -> str:
    """Return in words that the same command helped against the same error before, "" where it did not."""
    helped = [other for other in earlier if any(r.argv == run.argv for r in other.between)]
    for other in helped:
        same = (other.signature.error_type, other.signature.template) == (
            episode.signature.error_type,
            episode.signature.template,
        )
        if same and episode.signature.line:
            return "helped against the same error before"
    return ""
