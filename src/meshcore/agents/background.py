"""How a command that Claude Code put into the background ended: by the note that the program then gives to the agent.

The note names the call, the exit code, and a file with what the command said; the session file tells the command. The
note comes as a prompt, `UserPromptSubmit`, so whatever a person types comes here too: nothing of that is looked at, and
a note of which the session file knows no call says nothing. Light.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.agents.base import Call, fields, text
from meshcore.agents.first_look import NOTE, SHELL

if TYPE_CHECKING:
    from meshcore.model import Json

OUTPUT_READ = 64 << 10  # bytes at the end of what the command said
FIRST_LOOK, LAST_LOOK = 256 << 10, 8 << 20  # bytes from the end of the session file
_LIMIT = 4_000  # characters of a note
_PART = re.compile(r"<(task-id|tool-use-id|output-file|status|summary)>(.{1,2000}?)</\1>", re.DOTALL)
_ENDED = re.compile(r"(?:\(exit code (\d{1,3})(?:: [^()]{0,100})?\)|failed with exit code (\d{1,3}))$")
_TASK = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True, slots=True)
class Note:
    """What is said of the end of a task: of which call, with which exit code, and where its output lies."""

    call: str
    exit_code: int
    output: str


def note_of(prompt: str) -> Note | None:
    """Return what a prompt says of a command that has ended by itself, None for anything else."""
    if not prompt.startswith(NOTE):
        return None
    parts = dict(_PART.findall(prompt[:_LIMIT].partition("</task-notification>")[0]))
    end = _ENDED.search(parts.get("summary", ""))
    task, path = parts.get("task-id", ""), parts.get("output-file", "")
    if parts.get("status") not in ("completed", "failed") or end is None or "tool-use-id" not in parts:
        return None
    is_its_own = _TASK.fullmatch(task) is not None and path.endswith(f"/tasks/{task}.output")
    return Note(parts["tool-use-id"], int(end[1] or end[2]), path if is_its_own and path.startswith("/") else "")


def said_by(note: Note) -> str | None:
    """Return the end of what the command said, None where that is not there any more."""
    data = end_of_file(note.output, OUTPUT_READ) if note.output else None
    return None if data is None else data.decode(errors="replace")


def call_of(path: str, note: Note, session: str) -> Call | None:
    """Return the call that a note is about, by the session file; None where that tells none."""
    for size in (FIRST_LOOK, LAST_LOOK):
        data = end_of_file(path, size)
        if data is None:
            return None
        for call in _calls(data, note.call, session):
            return call
        if len(data) < size:
            break
    return None


def _calls(data: bytes, call: str, session: str) -> Iterator[Call]:
    mark = json.dumps(call).encode()
    for line in reversed(data.split(b"\n")):
        if mark not in line or b'"tool_use"' not in line:
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield from _calls_in(found, call, session)


def _calls_in(line: Mapping[str, Json], call: str, session: str) -> Iterator[Call]:
    content = fields(line, "message").get("content")
    for block in content if isinstance(content, list) and line.get("type") == "assistant" else ():
        if isinstance(block, dict) and block.get("id") == call and block.get("name") == SHELL:
            command, cwd = text(fields(block, "input"), "command"), text(line, "cwd")
            if command and cwd:
                yield Call(command, cwd, session, call)


def end_of_file(path: str, size: int) -> bytes | None:
    """Return the end of a plain file of this user, None where it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return None
        return os.pread(descriptor, size, max(0, found.st_size - size))
    except OSError:
        return None
    finally:
        os.close(descriptor)
