"""Codex (as of 0.169.0): payloads of its hooks, answers, settings, session files. Light, see `table.Program`.

Success and failure come as the same event without an exit code; the session file beside it holds the exit code under
the same id. That format is internal: where it does not say, the outcome is not known.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    START,
    Answer,
    Call,
    Edited,
    Report,
    began,
    ended,
    fields,
    hook_output,
    is_answer,
    is_unfinished,
    number,
    patched_file,
    text,
    user_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.agents.session_file import Ended, SessionFiles
    from meshcore.model import Json

NAME = "codex"

DONE = "PostToolUse"
SHELL_TOOLS = ("Bash", "shell", "local_shell", "exec_command", "unified_exec")
EDIT_TOOLS = ("apply_patch", "Edit", "Write")
FIRST_LOOK, LAST_LOOK = 256 << 10, 4 << 20  # bytes from the end of the session file
_MARK = b"CommandExecution"
_EDIT = ("FileChange",)
_ENDED = ("completed", "failed")
_RAN_OUT = re.compile(r"(?:Error: )?command timed out after \d", re.IGNORECASE)


# --- payloads and answers ---------------------------------------------------------------------------------------------


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, a file that was edited, or a session; see `Agent.read`."""
    if (start := began(payload)) is not None:
        return start
    asked = fields(payload, "tool_input")
    command = text(asked, "command")
    if text(payload, "hook_event_name") == DONE and text(payload, "tool_name") in EDIT_TOOLS:
        path = text(asked, "file_path", "path") or patched_file(command or text(asked, "input", "patch"))
        call = text(payload, "tool_use_id")
        return Edited(path, text(payload, "cwd"), text(payload, "session_id"), call, "", DONE)
    if text(payload, "hook_event_name") != DONE or text(payload, "tool_name") not in SHELL_TOOLS or not command:
        return None
    call = text(payload, "tool_use_id")
    item = _completed(text(payload, "transcript_path"), call) if call else {}
    code = _code_of(item)
    if code is None or is_unfinished(asked):
        return None
    # Of a process that was waited for again and again the response is its last part only.
    output = max(text(payload, "tool_response"), text(item, "aggregated_output"), key=len)
    return ended(Call(command, text(payload, "cwd"), text(payload, "session_id"), call, output, DONE), code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Codex reads it; see `Agent.answer`."""
    return hook_output(event, answer)


def _code_of(item: Mapping[str, Json]) -> int | None:
    """Return the exit code of a command that has ended by itself; None while it runs, and where it ran out of time."""
    ran_out = is_unfinished(item) or _RAN_OUT.match(text(item, "aggregated_output")) is not None
    return None if ran_out or text(item, "status") not in ("", *_ENDED) else number(item.get("exit_code"))


def _completed(path: str, call: str) -> Mapping[str, Json]:
    """Return the item of the session file that says how a call ended, an empty one where none does."""
    if not path:
        return {}
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return {}
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return {}
        for size in (FIRST_LOOK, LAST_LOOK):
            data = os.pread(descriptor, size, max(0, found.st_size - size))
            for item in _items(data, call):
                return item
            if size >= found.st_size:
                break
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return {}


def _items(data: bytes, call: str) -> Iterator[Mapping[str, Json]]:
    mark = json.dumps(call).encode()
    for line in reversed(data.split(b"\n")):
        if mark not in line or _MARK not in line:
            continue
        try:
            item = fields(fields(json.loads(line), "payload"), "item")
        except (ValueError, RecursionError, AttributeError):
            continue
        if item.get("id") == call and "exit_code" in item:
            yield item


# --- settings ---------------------------------------------------------------------------------------------------------


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Codex is told of hooks: a group with a matcher."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, RESTART, JsonHooks, group
    from meshcore.agents.plugin import FOLDER, Plugin

    config = _folder(environment) / "config.toml"
    plugin = Plugin(
        listed=(config, r'(?m)^\[plugins\."meshtui@'),
        off=(config, r'\[plugins\."meshtui@[^\n]*\n(?:[^\[\n]*\n)*?\s*enabled\s*=\s*false'),
        hooks=(_folder(environment) / "plugins" / "cache" / "meshtui" / "meshtui", "*/hooks/hooks.json"),
        able=(("plugin", "--help"), "marketplace"),
        add=(("plugin", "marketplace", "add", FOLDER), ("plugin", "add", "meshtui@meshtui")),
        remove=(("plugin", "remove", "meshtui@meshtui"), ("plugin", "marketplace", "remove", "meshtui")),
    )
    return JsonHooks(
        ("codex",),
        _folder(environment) / "hooks.json",
        ".codex/hooks.json",
        f"in Codex, open /hooks and trust the hook: it is skipped until you do; {RESTART}",
        entries=lambda command: {
            START: group(command, LIMIT_SECONDS),
            DONE: group(command, LIMIT_SECONDS, matcher="|".join(("Bash", *EDIT_TOOLS))),
        },
        plugin=plugin,
        permission='prefix_rule(pattern=["meshtui", "heal"], decision="allow") in rules/default.rules',
    )


def _folder(environment: Mapping[str, str]) -> Path:
    return user_folder(environment, ".codex", "CODEX_HOME")


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Codex reports it, its end in a session file; see `Program.sample`."""
    item = {"type": "CommandExecution", "id": call, "exit_code": 1, "aggregated_output": output}
    rollout = scratch / f"rollout-{call}.jsonl"
    line = {"type": "event_msg", "payload": {"type": "item_completed", "item": item}}
    rollout.write_text(json.dumps(line) + "\n")
    return {
        "session_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": DONE,
        "tool_name": "Bash",
        "tool_input": {"command": command},
        "tool_response": output,
        "tool_use_id": call,
        "transcript_path": str(rollout),
    }


# --- session files ----------------------------------------------------------------------------------------------------


def sessions(environment: Mapping[str, str]) -> SessionFiles:
    """Return where the session files lie: `sessions/<year>/<month>/<day>/rollout-*.jsonl`.

    An `item_completed` event is a command that has ended.
    """
    from meshcore.agents.session_file import SessionFiles

    pattern = re.compile(r"rollout-[\w.-]{1,200}\.jsonl")
    marks = (_MARK, b'"cli_version"', *(name.encode() for name in _EDIT))
    return SessionFiles(_folder(environment) / "sessions", pattern, marks, _commands)


def _commands(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    """Yield the commands of a session as they ended; an exit code that is an answer says nothing of the past."""
    from urllib.parse import unquote

    from meshcore.agents.session_file import MAX_OUTPUT, Ended, seconds

    for line in lines:
        payload = fields(line, "payload")
        item = fields(payload, "item")
        at = seconds(line.get("timestamp"))
        if text(payload, "type") != "item_completed" or text(item, "type") not in (*_EDIT, "CommandExecution"):
            continue
        if text(item, "type") in _EDIT:
            if at is not None and text(item, "status") in ("", "completed"):
                yield Ended(Edited("", "", text(payload, "thread_id"), text(item, "id")), at)
            continue
        code, command = _code_of(item), _shell_text(item.get("command"))
        if code is None or at is None or not command or is_answer(command, code):
            continue
        cwd = unquote(text(item, "cwd").removeprefix("file://"))
        output = text(item, "aggregated_output")[-MAX_OUTPUT:]
        report = ended(Call(command, cwd, text(payload, "thread_id"), text(item, "id"), output), code)
        if report is not None:
            yield Ended(report, at)


def _shell_text(command: Json) -> str:
    """Return what was given to the shell: the last word of `bash -lc TEXT`; "" where it is another form."""
    if not isinstance(command, list) or len(command) != 3 or not all(isinstance(word, str) for word in command):
        return ""
    return str(command[2]) if command[1] in ("-c", "-lc") else ""
