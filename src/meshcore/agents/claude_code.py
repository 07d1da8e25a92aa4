"""Claude Code (as of 2.1.330): payloads of its hooks, answers, settings, session files. Light, see `table.Program`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    START,
    Answer,
    Call,
    Denied,
    Edited,
    Failure,
    Report,
    Success,
    Upcoming,
    began,
    ended,
    fields,
    hook_output,
    is_unfinished,
    number,
    text,
    user_folder,
)
from meshcore.agents.first_look import BEFORE, DONE, EDITS, NOTE, PROMPT, SHELL

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.agents.session_file import Ended, SessionFiles
    from meshcore.model import Json

NAME = "claude-code"

FAILED, BATCH = "PostToolUseFailure", "PostToolBatch"
TOOL_EVENTS = (FAILED, DONE)
SHELL_TOOL = SHELL

_EXIT_CODE = re.compile(r"(?:Error: )?Exit code (-?\d{1,10})(?:\n|$)")
_REFUSALS = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "Permission to use Bash",
    "PreToolUse:Bash hook error",
)
_INTERRUPTED = ("[Request interrupted by user]", "[Request interrupted by user for tool use]")
_NEVER_ENDED = ("<tool_use_error>", *_REFUSALS)  # called off with its siblings, or refused


# --- payloads and answers ---------------------------------------------------------------------------------------------


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, a file that was edited, or a session; see `Agent.read`.

    Of a batch only what was not allowed counts: the other calls have events of their own.
    """
    if (start := began(payload)) is not None:
        return start
    event = text(payload, "hook_event_name")
    if event == BATCH:
        return _denied(payload)
    if event == PROMPT:
        return _ended_in_the_background(payload)
    if event == DONE and text(payload, "tool_name") in EDITS:
        return _edited(payload)
    asked, response = fields(payload, "tool_input"), fields(payload, "tool_response")
    command = text(asked, "command")
    if text(payload, "tool_name") != SHELL_TOOL or not command or is_unfinished(asked, response):
        return None
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "tool_use_id")
    seconds = max(0, number(payload.get("duration_ms")) or 0) / 1000
    if event == BEFORE:
        return Upcoming(command, cwd, session, call, "", event)
    if event == FAILED:
        said = text(payload, "error")
        if payload.get("is_interrupt") is True or not said:
            return None
        code, output = _exit_code(said)
        told = Call(command, cwd, session, call, output, event, seconds, _sub_agent(payload))
        return None if _has_no_end(output) else ended(told, code)
    if event != DONE or "stdout" not in response or response.get("interrupted") is True:
        return None
    output = "\n".join(filter(None, (text(response, "stdout"), text(response, "stderr"))))
    return ended(Call(command, cwd, session, call, output, event, seconds, _sub_agent(payload)), 0)


def _ended_in_the_background(payload: Mapping[str, Json]) -> Failure | Success | None:
    """Return how a command ended that ran in the background, None for what a person has typed."""
    if not text(payload, "prompt").startswith(NOTE):
        return None
    from meshcore.agents import background  # seldom is it one

    note = background.note_of(text(payload, "prompt"))
    said = background.said_by(note) if note else None
    if note is None or said is None:
        return None
    call = background.call_of(text(payload, "transcript_path"), note, text(payload, "session_id"))
    if call is None:
        return None
    return ended(Call(call.command, call.cwd, call.session, call.call, said, PROMPT), note.exit_code)


def _sub_agent(payload: Mapping[str, Json]) -> str:
    """Return the kind and the id of the sub-agent that made a call, "" where the agent itself did."""
    return (
        " ".join(filter(None, (text(payload, "agent_type"), text(payload, "agent_id"))))
        if text(payload, "agent_id")
        else ""
    )


def _edited(payload: Mapping[str, Json]) -> Edited:
    asked = fields(payload, "tool_input")
    path = text(asked, "file_path", "notebook_path")
    return Edited(path, text(payload, "cwd"), text(payload, "session_id"), text(payload, "tool_use_id"), "", DONE)


def _exit_code(said: str) -> tuple[int | None, str]:
    """Return the exit code that a text begins with (None: with none) and the output behind it."""
    found = _EXIT_CODE.match(said)
    return (number(found[1]) or None, said[found.end() :]) if found else (None, said)


def _has_no_end(output: str) -> bool:
    """Tell whether a command was refused, called off, interrupted, or ran out of time: that is no error of its own."""
    out_of_time = output.startswith("Command timed out after ")
    return out_of_time or output.startswith(_NEVER_ENDED) or output.rstrip().endswith(_INTERRUPTED)


def _denied(payload: Mapping[str, Json]) -> Denied | None:
    calls = payload.get("tool_calls")
    for item in calls if isinstance(calls, list) else ():
        if not isinstance(item, dict) or text(item, "tool_name") != SHELL_TOOL:
            continue
        said, command = text(item, "tool_response"), text(fields(item, "tool_input"), "command")
        if command and said.startswith(_REFUSALS):
            cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(item, "tool_use_id")
            return Denied(command, cwd, session, call, said, BATCH)
    return None


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Claude Code reads it; see `Agent.answer`."""
    return hook_output(event, answer)


# --- settings ---------------------------------------------------------------------------------------------------------


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Claude Code is told of hooks: a group with a matcher per event; that of a batch takes none.

    What comes before a command answers with context only: it decides nothing, and so blocks nothing.
    """
    from meshcore.agents.hook_settings import LIMIT_SECONDS, JsonHooks, group
    from meshcore.agents.plugin import FOLDER, Plugin

    def entries(command: str) -> dict[str, Json]:
        matchers = {BEFORE: SHELL_TOOL, FAILED: SHELL_TOOL, DONE: "|".join((SHELL_TOOL, *EDITS))}
        ours = {event: group(command, LIMIT_SECONDS, matcher=matcher) for event, matcher in matchers.items()}
        ours |= {event: group(command, LIMIT_SECONDS) for event in (START, PROMPT)}
        return {**ours, BATCH: group(command, LIMIT_SECONDS, beside=True)}  # nothing is said to it

    user_file = _folder(environment) / "settings.json"
    permission = '"Bash(meshtui heal:*)" in permissions.allow of settings.json'
    plugins = _folder(environment) / "plugins"
    plugin = Plugin(
        listed=(plugins / "installed_plugins.json", r'"meshtui@[^"]*"\s*:\s*\[[^\]]*"scope"\s*:\s*"user"'),
        off=(user_file, r'"meshtui@[^"]*"\s*:\s*false'),
        hooks=(plugins / "cache" / "meshtui" / "meshtui", "*/hooks/hooks.json"),
        place=(plugins / "known_marketplaces.json", r'"meshtui"\s*:\s*\{(?:.|\n)*?"installLocation"\s*:\s*("[^"]*")'),
        able=(("plugin", "--help"), "marketplace"),
        add=(("plugin", "marketplace", "add", FOLDER), ("plugin", "install", "meshtui@meshtui")),
        remove=(("plugin", "uninstall", "meshtui@meshtui"), ("plugin", "marketplace", "remove", "meshtui")),
    )
    project_file = ".claude/settings.json"
    return JsonHooks(("claude",), user_file, project_file, entries=entries, permission=permission, plugin=plugin)


def _folder(environment: Mapping[str, str]) -> Path:
    return user_folder(environment, ".claude", "CLAUDE_CONFIG_DIR")


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Claude Code reports it; see `Program.sample`."""
    return {
        "session_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": FAILED,
        "tool_name": SHELL_TOOL,
        "tool_input": {"command": command},
        "error": f"Exit code 1\n{output}",
        "is_interrupt": False,
        "tool_use_id": call,
    }


# --- session files ----------------------------------------------------------------------------------------------------


def sessions(environment: Mapping[str, str]) -> SessionFiles:
    """Return where the session files lie: `projects/<project>/<session>.jsonl`.

    An `assistant` line with a `tool_use` block is a call, a `user` line with a `tool_result` block of the same id its
    end. The format is internal to Claude Code: what does not look as expected says nothing.
    """
    from meshcore.agents.session_file import SessionFiles

    marks = (b'"tool_use"', b'"tool_result"', NOTE.encode())
    return SessionFiles(_folder(environment) / "projects", re.compile(r"[\w.-]{1,200}\.jsonl"), marks, _commands)


def _commands(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    """Yield the commands of a session as they ended."""
    from collections import OrderedDict

    from meshcore.agents import session_file

    waiting: OrderedDict[str, Call] = OrderedDict()
    aside: OrderedDict[str, Call] = OrderedDict()  # in the background
    for line in lines:
        if text(line, "content").startswith(NOTE):
            yield from _ended_aside(line, aside)
        content = fields(line, "message").get("content")
        for block in content if isinstance(content, list) else ():
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use" and block.get("name") in (SHELL_TOOL, *EDITS):
                asked = fields(block, "input")
                is_edit, call = block["name"] != SHELL_TOOL, text(block, "id")
                command = text(asked, "file_path", "notebook_path") if is_edit else text(asked, "command")
                values = (command, text(line, "cwd"), text(line, "sessionId"), call)
                if command:
                    into = aside if is_unfinished(asked) else waiting
                    into[call] = Edited(*values) if is_edit else Call(*values)
                    if len(into) > session_file.MAX_WAITING:
                        into.popitem(last=False)
            elif block.get("type") == "tool_result":
                asked_for = waiting.pop(text(block, "tool_use_id"), None)
                at = session_file.seconds(line.get("timestamp"))
                if asked_for is None or at is None:
                    continue
                if isinstance(asked_for, Edited):
                    report: Failure | Success | Edited | None = None if block.get("is_error") is True else asked_for
                else:
                    report = _end(asked_for, block, line)
                    if text(fields(line, "toolUseResult"), "backgroundTaskId"):
                        aside[asked_for.call] = asked_for
                if report is not None:
                    yield session_file.Ended(report, at)


def _ended_aside(line: Mapping[str, Json], aside: MutableMapping[str, Call]) -> Iterator[Ended]:
    """Yield the end of a command in the background, by the note of it; what it said is mostly gone by then."""
    from meshcore.agents.background import note_of, said_by
    from meshcore.agents.session_file import Ended, seconds

    note, at = note_of(text(line, "content")), seconds(line.get("timestamp"))
    call = aside.pop(note.call, None) if note else None
    if note is None or call is None or at is None or isinstance(call, Edited):
        return
    said = said_by(note)
    report = ended(Call(call.command, call.cwd, call.session, call.call, said or ""), note.exit_code)
    if isinstance(report, Success if said is None else (Success, Failure)):
        yield Ended(report, at)


def _end(call: Call, block: Mapping[str, Json], line: Mapping[str, Json]) -> Failure | Success | None:
    """Return how a call ended; None where it was not allowed, was interrupted, still runs, or only gave an answer."""
    from meshcore.agents.session_file import MAX_OUTPUT

    said, result = _said(block.get("content")), fields(line, "toolUseResult")
    code, failed = 0, block.get("is_error") is True
    if failed:
        found, said = _exit_code(said)
        if found is None:
            return None
        code = found
    elif result.get("interrupted") or result.get("returnCodeInterpretation"):
        return None
    if is_unfinished(result) or _has_no_end(said):
        return None
    call = Call(call.command, call.cwd, call.session, call.call, said[-MAX_OUTPUT:])
    report = ended(call, code)
    return None if failed and isinstance(report, Success) else report


def _said(content: Json) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(filter(None, (text(part, "text") for part in parts if isinstance(part, dict))))
