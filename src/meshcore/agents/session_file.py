"""Session files of coding agents, read tolerantly: which commands ran, how they ended, and when.

Claude Code (as of 2.1.330): `~/.claude/projects/<project>/<session>.jsonl`, an `assistant` line with a `tool_use`
block for a call and a `user` line with a `tool_result` block of the same id for its end. Codex (as of 0.169.0):
`~/.codex/sessions/<year>/<month>/<day>/rollout-*.jsonl`, an `item_completed` event per command. Both formats are
internal to those programs: what does not look as expected says nothing. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from meshcore.agents.base import Call, Failure, Success, fields, is_answer, number, text
from meshcore.model import Json

MAX_LINE = 8 << 20  # bytes: a longer line is passed over without being held
MAX_OUTPUT = 64 << 10  # characters of one command's output, its end
MAX_WAITING = 1000  # calls whose end is still to come
MAX_DEPTH = 6
_SKIP = 64 << 10
_EXIT_CODE = re.compile(r"(?:Error: )?Exit code (-?\d{1,10})(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command of the past and when it ended, in seconds since 1970."""

    call: Failure | Success
    at: float


@dataclass(slots=True)
class Reading:
    """What reading has met so far: bytes, and lines that could not be read, counted, the first of them named."""

    read: int = 0
    broken: int = 0
    named: list[str] | None = None

    def note(self, path: Path, line: int, why: str) -> None:
        """Count a line that cannot be used."""
        self.broken += 1
        self.named = self.named or []
        if len(self.named) < 5:
            self.named.append(f"{path}:{line}: {why}")


@dataclass(frozen=True, slots=True)
class Format:
    """Where an agent keeps its session files and how a file is read; `marks`: one of them is in every line of use."""

    folder: Callable[[Mapping[str, str]], Path]
    pattern: re.Pattern[str]
    marks: tuple[bytes, ...]
    reader: Callable[[Iterator[Mapping[str, Json]]], Iterator[Ended]]


def session_files(name: str, environment: Mapping[str, str]) -> list[tuple[Path, int]]:
    """Return an agent's session files with their sizes, by path; links are not followed.

    Raises KeyError for an agent whose files cannot be read.
    """
    form = FORMATS[name]
    found = [
        (Path(entry.path), entry.stat(follow_symlinks=False).st_size)
        for entry in _entries(str(form.folder(environment)), 0)
        if form.pattern.fullmatch(entry.name)
    ]
    return sorted(found)


def read_session(name: str, path: Path, reading: Reading) -> Iterator[Ended]:
    """Yield the commands of one session file as they ended, one line in memory at a time. Raises OSError."""
    form = FORMATS[name]
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            yield from form.reader(_objects(file, path, form.marks, reading))


def _entries(folder: str, depth: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except OSError:
        return
    for entry in inside:
        if entry.is_file(follow_symlinks=False):
            yield entry
        elif depth < MAX_DEPTH and entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, depth + 1)


def _objects(file: BinaryIO, path: Path, marks: tuple[bytes, ...], reading: Reading) -> Iterator[Mapping[str, Json]]:
    number_of_line = 0
    while line := file.readline(MAX_LINE):
        number_of_line += 1
        reading.read += len(line)
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            reading.note(path, number_of_line, f"longer than {MAX_LINE >> 20} MiB, passed over")
            while rest := file.readline(_SKIP):
                reading.read += len(rest)
                if rest.endswith(b"\n"):
                    break
            continue
        if not any(mark in line for mark in marks):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if line.endswith(b"\n"):  # else it is being written just now
                reading.note(path, number_of_line, "no JSON, passed over")
            continue
        if isinstance(value, dict):
            yield value


def _claude_code(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    waiting: OrderedDict[str, Call] = OrderedDict()
    for line in lines:
        content = fields(line, "message").get("content")
        for block in content if isinstance(content, list) else ():
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use" and block.get("name") == "Bash":
                asked = fields(block, "input")
                command = text(asked, "command")
                if command and asked.get("run_in_background") is not True:
                    call = text(block, "id")
                    waiting[call] = Call(command, text(line, "cwd"), text(line, "sessionId"), call)
                    if len(waiting) > MAX_WAITING:
                        waiting.popitem(last=False)
            elif block.get("type") == "tool_result":
                asked_for = waiting.pop(text(block, "tool_use_id"), None)
                at = _seconds(line.get("timestamp"))
                if asked_for is not None and at is not None and (ended := _claude_code_end(asked_for, block, line)):
                    yield Ended(ended, at)


def _claude_code_end(call: Call, block: Mapping[str, Json], line: Mapping[str, Json]) -> Failure | Success | None:
    said, result = _said(block.get("content")), fields(line, "toolUseResult")
    if block.get("is_error") is True:
        found = _EXIT_CODE.match(said)
        code = number(found[1]) if found else None
        if found is None or not code or is_answer(call.command, code):
            return None  # not allowed, interrupted, or an answer: it did not fail
        output = said[found.end() :][-MAX_OUTPUT:]
        timed_out = code == 143 and output.startswith("Command timed out after ")
        return Failure(call.command, call.cwd, call.session, call.call, output, "", code, timed_out)
    unclear = ("interrupted", "backgroundTaskId", "returnCodeInterpretation")
    if any(result.get(name) for name in unclear):
        return None
    return Success(call.command, call.cwd, call.session, call.call, said[-MAX_OUTPUT:])


def _said(content: Json) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(filter(None, (text(part, "text") for part in parts if isinstance(part, dict))))


def _codex(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    for line in lines:
        payload = fields(line, "payload")
        item = fields(payload, "item")
        if text(payload, "type") != "item_completed" or text(item, "type") != "CommandExecution":
            continue
        code, command = number(item.get("exit_code")), _shell_text(item.get("command"))
        at = _seconds(line.get("timestamp"))
        if code is None or at is None or not command:
            continue
        cwd = unquote(text(item, "cwd").removeprefix("file://"))
        session, call = text(payload, "thread_id"), text(item, "id")
        output = text(item, "aggregated_output")[-MAX_OUTPUT:]
        if code == 0:
            yield Ended(Success(command, cwd, session, call, output), at)
        elif not is_answer(command, code):
            yield Ended(Failure(command, cwd, session, call, output, "", code), at)


def _shell_text(command: Json) -> str:
    """Return what was given to the shell: the last word of `bash -lc TEXT`; "" where it is another form."""
    if not isinstance(command, list) or len(command) != 3 or not all(isinstance(word, str) for word in command):
        return ""
    return str(command[2]) if command[1] in ("-c", "-lc") else ""


def _seconds(timestamp: Json) -> float | None:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _claude_code_folder(environment: Mapping[str, str]) -> Path:
    own = environment.get("CLAUDE_CONFIG_DIR")
    return (Path(own) if own else Path(environment.get("HOME", "~")).expanduser() / ".claude") / "projects"


def _codex_folder(environment: Mapping[str, str]) -> Path:
    own = environment.get("CODEX_HOME")
    return (Path(own) if own else Path(environment.get("HOME", "~")).expanduser() / ".codex") / "sessions"


FORMATS = {
    "claude-code": Format(
        _claude_code_folder,
        re.compile(r"[\w.-]{1,200}\.jsonl"),
        (b'"tool_use"', b'"tool_result"'),
        _claude_code,
    ),
    "codex": Format(_codex_folder, re.compile(r"rollout-[\w.-]{1,200}\.jsonl"), (b"CommandExecution",), _codex),
}
