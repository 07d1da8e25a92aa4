"""Fixes that agents found in the past, read out of their session files: careful beats many.

A fix counts only where a command failed, plain commands ran that say what they do, and the very same command in the
same folder then succeeded; what fixed it is told by the code that recognises fixes under `meshtui run`. A pipeline
proves nothing (its exit code is that of its last part), nor does anything else that needs a shell.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from meshcore.agents.base import Edited, Failure
from meshcore.agents.session_file import Ended, Reading
from meshcore.agents.table import session_files_of
from meshcore.errors import BadSkillError
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import taught_by
from meshcore.knowledge.recognition import CommandRun, Recognition, recognise
from meshcore.knowledge.shell_words import words_and_operators
from meshcore.knowledge.signature import around, read
from meshcore.model import Action, Signature, Skill
from meshcore.safety.redaction import redact, redact_argv
from meshcore.safety.visible_text import strip_ansi, visible
from meshcore.store.known_marks import session_key

WINDOW = 50  # commands of a session that are looked at together
MAX_OUTPUT = 16 << 10  # characters of a failure's output that are read, its end
_SHELL = ("sh", "-c")
_HIDING = frozenset({"|", "|&", "||", ";", "&"})  # behind these what failed before may not show
MAX_COMMAND = 4000  # characters of a command
MAX_STEPS = 8
_NAMES = ("name", "identifier")
_FOLDER = re.compile(r"\s*cd\s+(\"[^\"$`\\\n]+\"|'[^'\n]+'|[\w./~+@-]+)\s*&&\s*")
_ACTIVATED = re.compile(r"\s*(?:source|\.)\s+(?:[\w./~+@-]+/)?bin/activate\s*&&\s*")
_ERRORS_TOO = re.compile(r"\s+2>&1\s*$")

Progress = Callable[[int, int], None]
"""Told while reading: bytes read, bytes in all."""


@dataclass(frozen=True, slots=True)
class PastFix:
    """A fix that was seen to help: for how many different failures, in which sessions (their keys) and folders."""

    skill: Skill
    times: int
    seen_in: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Preview:
    """What the session files of one agent hold, before anything is written.

    `repeated`: different failures that were met twice or more, `proven`: those of them with a fix that was seen to
    help. `seconds`: failure → the same command succeeds, for failures that a command fixed; `seconds_any`: for all
    that became green, however. `broken` lines were passed over; the first are in `named`.
    """

    agent: str
    sessions: int = 0
    size: int = 0  # bytes
    commands: int = 0
    failures: int = 0
    repeated: int = 0
    proven: int = 0
    fixes: tuple[PastFix, ...] = ()
    seconds: tuple[float, ...] = ()
    seconds_any: tuple[float, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)  # why recognised fixes were not taken, counted
    broken: int = 0
    named: tuple[str, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)  # of the program: lines that could not be read
    older: int = 0  # bytes of older sessions that were not read

    def sentence(self) -> str:
        """Return the preview in one line for people."""
        sessions = "1 session" if self.sessions == 1 else f"{self.sessions} sessions"
        failures = "1 failure" if self.repeated == 1 else f"{self.repeated} failures"
        return f"{sessions}: {failures} seen twice or more, {self.proven} with a proven fix"


def preview(
    agent: str,
    environment: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    *,
    most: int | None = None,
    listener: Callable[[Ended], None] | None = None,
) -> Preview:
    """Read an agent's session files and return what they would teach; nothing is written anywhere.

    Only the sessions written last are read, `most` bytes of them, in the order in which they were written; `listener`
    is told of all that they hold. Memory does not grow with the files. Raises KeyError for an agent whose files cannot
    be read.
    """
    kept = session_files_of(agent, os.environ if environment is None else environment)
    if kept is None:
        raise KeyError(agent)
    files = kept.found()
    everything = sum(size for _, size in files)
    if most is not None:
        files = _newest(files, most)
    total = sum(size for _, size in files)
    past = _Past(agent)
    reading = Reading()
    sessions = 0
    for path, _ in files:
        try:
            past.take_session(path.name, _told(kept.read(path, reading), reading, total, progress, listener))
        except OSError as error:
            reading.note(path, 1, f"cannot be read ({error.strerror})")
            continue
        sessions += 1
    if progress is not None:
        progress(total, total)
    return replace(past.preview(sessions, total, reading), older=everything - total)


def _newest(files: list[tuple[Path, int]], most: int) -> list[tuple[Path, int]]:
    """Return the files written last that hold so many bytes together, at least one."""
    size, first = 0, len(files)
    while first and (first == len(files) or size + files[first - 1][1] <= most):
        first -= 1
        size += files[first][1]
    return files[first:]


def _told(
    ended: Iterator[Ended],
    reading: Reading,
    total: int,
    progress: Progress | None,
    listener: Callable[[Ended], None] | None,
) -> Iterator[Ended]:
    for one in ended:
        if listener is not None:
            listener(one)
        if progress is not None:
            progress(min(reading.read, total), total)
        yield one


class _Past:
    """What has been found so far: counts and fixes, never the commands themselves."""

    def __init__(self, agent: str) -> None:
        self.commands = 0
        self._agent = agent
        self._session = ""
        self._met: set[int] = set()  # failures and episodes that were counted: a resumed session repeats its lines
        self._classes: Counter[int] = Counter()
        self._proven: set[int] = set()
        self._fixes: dict[str, PastFix] = {}
        self._seconds: list[float] = []
        self._seconds_any: list[float] = []
        self._left_out: Counter[str] = Counter()

    def take_session(self, name: str, commands: Iterator[Ended]) -> None:
        """Read one session, in the order of its commands; `name` stands for one that its lines do not tell."""
        window: deque[CommandRun] = deque(maxlen=WINDOW)
        failed: dict[tuple[tuple[str, ...], str], CommandRun] = {}
        for one in commands:
            if isinstance(one.call, Edited):
                window.clear()  # what passes now may pass for that reason
                continue
            self.commands += 1
            self._session = session_key(self._agent, one.call.session or name)
            for run in _runs(one, failed.keys()):
                window.append(run)
                key = (run.argv, run.cwd)
                if run.exit_code:
                    failed[key] = run
                    self._take_failure(run)
                elif (before := failed.pop(key, None)) is not None:
                    self._take_success(before, run, window)

    def preview(self, sessions: int, size: int, reading: Reading) -> Preview:
        """Return what was found."""
        repeated = {key for key, number in self._classes.items() if number > 1}
        return Preview(
            self._agent,
            sessions,
            size,
            self.commands,
            self._classes.total(),
            len(repeated),
            len(repeated & self._proven),
            tuple(sorted(self._fixes.values(), key=lambda fix: (-fix.times, fix.skill.skill_id))),
            tuple(self._seconds),
            tuple(self._seconds_any),
            dict(self._left_out),
            reading.broken,
            tuple(reading.named or ()),
            dict(reading.versions),
        )

    def _take_failure(self, run: CommandRun) -> None:
        if not self._is_new("failure", run):
            return
        signature = read(run.output, command=shlex.join(run.argv))
        if signature.line:
            self._classes[_class_of(signature)] += 1

    def _take_success(self, failed: CommandRun, run: CommandRun, window: deque[CommandRun]) -> None:
        if run.at < failed.at or not self._is_new("green", failed):
            return
        self._seconds_any.append(run.at - failed.at)
        found = recognise(list(window))
        if found is None or found.failed != failed:
            return
        try:
            skill, signature = taught_by(_without_secrets(found))
        except BadSkillError as error:
            self._left_out[str(error).partition(":")[0]] += 1
            return
        self._seconds.append(run.at - failed.at)
        self._proven.add(_class_of(signature))
        before = self._fixes.get(skill.skill_id, PastFix(skill, 0))
        seen_in = before.seen_in | {(self._session, failed.cwd)}
        self._fixes[skill.skill_id] = replace(before, times=before.times + 1, seen_in=seen_in)

    def _is_new(self, what: str, run: CommandRun) -> bool:
        mark = hash((what, run.argv, run.cwd, run.at))
        if mark in self._met:
            return False
        self._met.add(mark)
        return True


def _class_of(signature: Signature) -> int:
    slots = signature.slots[: around(signature.template).base]
    names = tuple(slot.value for slot in slots if slot.kind in _NAMES)
    return hash((signature.error_type, signature.template.casefold(), names))


def _without_secrets(found: Recognition) -> Recognition:
    """Return a recognition fit to be stored: of what needs a shell the text, as advice, where nothing plain helped.

    Raises BadSkillError where its fix holds a secret.
    """
    plain = tuple(step for step in found.fix.steps if step[:2] != _SHELL)
    fix = replace(found.fix, steps=plain)
    if not plain:
        fix = Action("advice", (), " && ".join(step[-1] for step in found.fix.fill(()).steps))
    if any(redact_argv(step)[1] for step in plain) or redact(fix.text) != fix.text:
        raise BadSkillError("the fix holds a secret")
    failed = replace(found.failed, argv=redact_argv(found.failed.argv)[0])
    return replace(found, fix=fix, failed=failed, evidence=f"{_clean(found.evidence)} (in past sessions)")


def _clean(text: str) -> str:
    return visible(redact(text), keep_newlines=False)


def _runs(one: Ended, failed: Collection[tuple[tuple[str, ...], str]]) -> Iterator[CommandRun]:
    """Yield what a text given to a shell ran, as far as that is certain: of a failed `a && b` only the whole failed."""
    plain = plain_commands(one.call.command, one.call.cwd)
    if plain is None:
        if not isinstance(one.call, Failure) and _passed_as_a_whole(one.call.command):
            yield CommandRun((*_SHELL, one.call.command), one.call.cwd, 0, "", one.at)
        return
    steps, cwd = plain
    whole = steps[0] if len(steps) == 1 else ("sh", "-c", one.call.command)
    if isinstance(one.call, Failure):
        yield CommandRun(whole, cwd, one.call.exit_code or 1, readable(one.call.output), one.at)
        return
    for step in steps:
        yield CommandRun(step, cwd, 0, "", one.at)
    if len(steps) > 1 and (whole, cwd) in failed:
        yield CommandRun(whole, cwd, 0, "", one.at)


def _passed_as_a_whole(text: str) -> bool:
    """Tell whether all of a text for a shell has succeeded where it has: nothing in it hides a failure."""
    return len(text) <= MAX_COMMAND and _HIDING.isdisjoint(words_and_operators(text))


def plain_commands(text: str, cwd: str) -> tuple[tuple[tuple[str, ...], ...], str] | None:
    """Read what an agent gave to its shell: commands joined by `&&`, and the folder after a leading `cd`.

    None where it needs a shell for more than that.
    """
    if len(text) > MAX_COMMAND:
        return None
    text = _ERRORS_TOO.sub("", text)
    while leading := _FOLDER.match(text) or _ACTIVATED.match(text):
        cwd = str(Path(cwd) / leading[1].strip("\"'")) if leading.re is _FOLDER else cwd
        text = text[leading.end() :]
    action = parse_fix(text)
    if action.kind != "argv" or len(action.steps) > MAX_STEPS or any(s[:2] == ("sh", "-c") for s in action.steps):
        return None
    return action.steps, cwd


@lru_cache(maxsize=4)  # a failure is looked at twice
def readable(output: str) -> str:
    """Return the end of what a command said, without colours and secrets."""
    if len(output) > MAX_OUTPUT:
        output = output[-MAX_OUTPUT:].partition("\n")[2]
    text = strip_ansi(output).replace("\r\n", "\n").replace("\r", "\n")
    return visible(redact(text))
