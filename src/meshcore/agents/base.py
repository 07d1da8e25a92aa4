"""What the agent programs have in common: what one of them reports of a command, and what may be said back to it.

Light: a hook imports this, so the standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.model import Json

TEXT_LIMIT = 1 << 20  # characters of one text of a payload


@dataclass(frozen=True, slots=True)
class Call:
    """One command that an agent ran, or wanted to run, in its shell.

    `command` is the text that it gave to the shell, `call` its own id of the call ("" where it tells none), `output`
    what the command said (both streams, as the agent merged them), `event` the name of the hook event, `seconds` how
    long it ran (0: not told), `sub` which sub-agent ran it ("" for the agent itself).
    """

    command: str
    cwd: str
    session: str
    call: str = ""
    output: str = ""
    event: str = ""
    seconds: float = 0.0
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Failure(Call):
    """A command that failed by the agent's own signal; `exit_code` is None where the agent tells none."""

    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Success(Call):
    """A command that succeeded, or whose exit code is an answer and no failure (a grep without a match)."""


@dataclass(frozen=True, slots=True)
class Denied(Call):
    """A command that a person, a rule or a hook did not allow: it never ran."""


@dataclass(frozen=True, slots=True)
class Upcoming(Call):
    """A command that an agent is about to run."""


@dataclass(frozen=True, slots=True)
class Edited(Call):
    """A file that an agent has changed with a tool of its own; `command` is the file's path."""


@dataclass(frozen=True, slots=True)
class Began(Call):
    """A session that begins; there is no command."""


Report = Failure | Success | Denied | Upcoming | Edited | Began
START = "SessionStart"
"""The event of a beginning session, as most programs name it."""


def began(payload: Mapping[str, Json]) -> Began | None:
    """Return the session that begins by a payload of `START`, None for another event."""
    if text(payload, "hook_event_name") != START:
        return None
    return Began("", text(payload, "cwd"), text(payload, "session_id"), event=START)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back: `context` to the agent (at most 2 kB), `message` one line to the person; either may be ""."""

    context: str = ""
    message: str = ""


_PATCHED = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.{1,1000})$", re.MULTILINE)


def patched_file(patch: str) -> str:
    """Return the first file that a patch in the form of `apply_patch` names, "" where it names none."""
    found = _PATCHED.search(patch)
    return found[1].strip() if found else ""


def text(fields: Mapping[str, Json], *names: str) -> str:
    """Return the first of these fields that is a text with anything in it, "" where none is."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value[:TEXT_LIMIT]
    return ""


def fields(parent: Mapping[str, Json], *names: str) -> Mapping[str, Json]:
    """Return the first of these fields that is an object, an empty one where none is.

    A text that holds a JSON object counts as one: some agents send arguments so.
    """
    for name in names:
        value = parent.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                continue
        if isinstance(value, dict):
            return value
    return {}


def number(value: Json) -> int | None:
    """Return an exit code, also one that came as text; None for what is none."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 12:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31 else None


_ASKING = frozenset(
    {
        "grep",
        "egrep",
        "fgrep",
        "zgrep",
        "rg",
        "ag",
        "ack",
        "pgrep",
        "which",
        "command",
        "type",
        "diff",
        "cmp",
        "test",
        "[",
        "[[",
        "expr",
    }
)
_ASKING_GIT = (
    ("diff",),
    ("grep",),
    ("check-ignore",),
    ("show-ref",),
    ("config", "--get"),
    ("merge-base", "--is-ancestor"),
)
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
_OPERATOR = re.compile(r"&&|\|\||[|;\n]")
_SETTING = re.compile(r"[A-Za-z_]\w*=")
_NO_FOLDER = re.compile(r"\bcd(?::\d{1,6})?: ")


def is_answer(command: str, exit_code: int | None, output: str = "") -> bool:
    """Tell whether exit code 1 of this command is what it had to say: a search that found nothing, files that differ.

    The last command of the text decides, as it does for a shell; what is quoted parts no commands. Where the `cd` in
    front of it failed by what is told in the output, nothing was asked.
    """
    if exit_code != 1 or ("cd " in command and _NO_FOLDER.search(output)):
        return False
    plain = _QUOTED.sub(lambda quoted: " " if quoted[0] == "\\\n" else "_", command)
    words = [word for word in _OPERATOR.split(plain.rstrip("; \t\n)"))[-1].split() if word not in "(!{"]
    while words and _SETTING.match(words[0]):
        del words[0]
    if not words:
        return False
    program = words[0].rsplit("/", 1)[-1]
    if program != "git":
        return program in _ASKING
    while words[1:2] == ["-C"] or words[1:2] == ["-c"]:
        del words[1:3]
    return any(tuple(words[1 : 1 + len(asked)]) == asked for asked in _ASKING_GIT)


def is_unfinished(*parts: Mapping[str, Json]) -> bool:
    """Tell whether a call was put into the background or cut off at a time limit, by the fields of what is told of it.

    Its real exit is then not known: it is no outcome. Agents name this in many ways: any field of such a name counts.
    """
    return any(_says_unfinished(name.replace("_", "").lower(), value) for part in parts for name, value in part.items())


def _says_unfinished(name: str, value: Json) -> bool:
    if name in _IN_WORDS and isinstance(value, str):
        return _GOES_ON.search(value.lower()) is not None
    if name in _WAITED_FOR:
        return value is False
    if name == "timeout":
        return value is True  # as a number it is the limit that was asked for
    return bool(value) and value != "false" and _SET_ASIDE.search(name) is not None


_IN_WORDS = ("status", "state", "mode", "outcome")
_WAITED_FOR = ("wait", "blocking", "sync", "foreground", "completed", "finished", "exited", "done")
_GOES_ON = re.compile(
    "running|progress|pending|started|background|async|detach|tim(?:ed?|e) ?_?-?out|kill|cancel|abort"
)
_SET_ASIDE = re.compile(
    "background|detach|async|^timedout|^timeoutreached|pending|running|kill|cancel|abort|^(?:task|job)id"
)
_SENT_AWAY = re.compile(r"(?<![&<>|])&(?![&>])")


def is_sent_away(command: str) -> bool:
    """Tell whether a text lets the shell not wait for something in it, so that exit code 0 says nothing of that."""
    return "&" in command and _SENT_AWAY.search(_QUOTED.sub("", command)) is not None


def ended(call: Call, exit_code: int | None) -> Failure | Success | None:
    """Return how a call ended: with an exit code of 0, or with one that is an answer, it succeeded.

    None where it did not end: a success of what was sent into the background says only that it began.
    """
    values = (call.command, call.cwd, call.session, call.call, call.output, call.event, call.seconds, call.sub)
    if exit_code == 0 or is_answer(call.command, exit_code, call.output):
        return None if is_sent_away(call.command) else Success(*values)
    return Failure(*values, exit_code=exit_code)


def hook_output(event: str, answer: Answer) -> str:
    """Return an answer in the form that most programs read: a message for the person, context for the agent."""
    said: dict[str, Json] = {}
    if answer.message:
        said["systemMessage"] = answer.message
    if answer.context:
        said["hookSpecificOutput"] = {"hookEventName": event, "additionalContext": answer.context}
    return json.dumps(said) if said else ""


def user_folder(environment: Mapping[str, str], name: str, variable: str = "") -> Path:
    """Return the folder that a variable names, else the one of this name in the user's home."""
    from pathlib import Path

    own = environment.get(variable)
    return Path(own) if own else Path(environment.get("HOME") or Path.home()) / name
