"""What a prompt hook calls: a command of a person's shell failed, or worked, or the person asks for the fix.

A prompt hook knows a command and its exit code but not what it said. What it said is known all the same where the shell
itself found no such command, and inside tmux, whose pane still shows it. Else only the past of the very same command
can tell, and the key runs the command again under `meshtui run`. Light, as `meshcore.hook` is.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence

from meshcore.agents.payload import Payload
from meshcore.config import load
from meshcore.healing.shelltext import plain_command
from meshcore.home import Home
from meshcore.hook import follow_up_command, handle
from meshcore.hook_call import BUSY_SECONDS
from meshcore.hook_memory import Memory, Offer, incident_id_of, recall, remember, session_key
from meshcore.knowledge.parts import Parts
from meshcore.safety.redact import redact_argv
from meshcore.safety.sanitize import visible
from meshcore.store import Store

VIA = "shell"
PANE_LIMIT = 256 << 10  # bytes of a pane that are read
NOT_FOUND = 127
_SHOWN = 120  # characters of an error or a fix in one line
_PLAIN_WORD = re.compile(r"[\w./+@:,=%^-]+", re.ASCII)


def main(arguments: Sequence[str]) -> int:
    """Do what a prompt hook asks: `failed|worked|key SHELL SESSION CALL EXIT COMMAND`; prints at most one line.

    On `failed` what a pane shows may be on standard input. Raises whatever is wrong with us, for the caller to judge.
    """
    what, shell, session, call, code, command = arguments
    settings = load()
    environment = {**os.environ, "MESHTUI_AGENT": settings.agent}
    if what == "key":
        said = insertion(session, call, command, environment)
    elif what == "failed":
        said = failed(shell, session, call, int(code), command, _pane(), environment)
    else:
        _handle(session, call, 0, command, "", environment)
        said = ""
    os.write(1, said.encode(errors="replace"))
    return 0


def failed(
    shell: str, session: str, call: str, code: int, command: str, pane: str, environment: Mapping[str, str]
) -> str:
    """Note a failure and return the line that the person is shown, "" where there is nothing to say."""
    output = last_output(pane, command) or not_found(shell, command, code)
    if output:
        return _handle(session, call, code, command, output, environment)
    return _as_last_time(session, call, command, environment)


def last_output(pane: str, command: str) -> str:
    """Return what a pane shows below the newest line that ends with a command's first line, "" where none does."""
    lines = pane.split("\n")
    typed = command.strip().split("\n", 1)[0]
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at].rstrip()
        if typed and line.endswith(typed) and (len(line) == len(typed) or line[-len(typed) - 1].isspace()):
            return "\n".join(lines[at + 1 :]).strip("\n ")
    return ""


def not_found(shell: str, command: str, code: int) -> str:
    """Return what a shell says of a program that it cannot find; "" where it is not certain which one that was."""
    argv, _ = plain_command(command, "/")
    if code != NOT_FOUND or not argv or argv[0] == "bash" or not _PLAIN_WORD.fullmatch(argv[0]):
        return ""
    if shell == "zsh":
        return f"zsh: command not found: {argv[0]}"
    return f"bash: {argv[0]}: command not found"


def insertion(session: str, call: str, command: str, environment: Mapping[str, str]) -> str:
    """Return what the key puts on the line: the fix that was offered for this call, else a run under the mesh."""
    store = _store(environment)
    if store is not None:
        try:
            memory = recall(store, session_key(VIA, session)) or Memory()
        finally:
            store.close()
        wanted = incident_id_of(VIA, session, call)
        for offer in reversed(memory.offered):
            if offer.incident_id == wanted and visible(offer.command, keep_newlines=False) == offer.command:
                return offer.command
    argv, _ = plain_command(command, "/")
    plain = argv[:2] != ("bash", "-c")
    return f"meshtui run -- {command.strip()}" if plain else f"meshtui run -- bash -c {shlex.quote(command)}"


def _as_last_time(session: str, call: str, command: str, environment: Mapping[str, str]) -> str:
    """Say what helped when the very same command failed here before: nobody can see that it is the same error."""
    store = _store(environment)
    if store is None:
        return ""
    try:
        argv, cwd = plain_command(command, os.getcwd())  # noqa: PTH109
        stored = redact_argv([visible(word, keep_newlines=False) for word in argv])[0]
        before = store.last_verified(stored, cwd)
        known = store.skill(before.skill_id) if before is not None and before.skill_id else None
        if before is None or known is None or known.state != "active" or not known.own_operator:
            return ""
        try:
            fix = known.skill.action.fill(Parts(before.signature.slots))
        except IndexError:
            return ""
        shown = visible(fix.command(), keep_newlines=False)
        with store.transaction():
            memory = recall(store, session_key(VIA, session)) or Memory()
            if fix.kind == "argv":
                offer = Offer(incident_id_of(VIA, session, call), known.skill_id, shown)
                remember(store, session_key(VIA, session), memory.with_offer(offer))
    finally:
        store.close()
    line = visible(before.signature.line, keep_newlines=False)[:_SHOWN]
    return f"meshtui: when this failed here before ({line}), it was fixed by: {shown[:_SHOWN]}\n"


def _store(environment: Mapping[str, str]) -> Store | None:
    """Open the store where there is one."""
    path = Home(load(environment=environment).home).store
    return Store(path, busy_timeout=BUSY_SECONDS) if path.exists() else None


def _handle(session: str, call: str, code: int, command: str, output: str, environment: Mapping[str, str]) -> str:
    payload = {
        "command": command,
        "exit_code": code,
        "cwd": os.getcwd(),  # noqa: PTH109
        "session": session,
        "call": call,
        "output": output,
    }
    handled = handle(VIA, Payload(json.dumps(payload).encode()), environment)
    if handled is None:
        return ""
    if handled.follow_up is not None:
        program = follow_up_command(handled.follow_up)
        os.execv(program[0], program)  # noqa: S606
    return handled.text


def _pane() -> str:
    """Return what was handed over of a pane; nothing where standard input is a terminal."""
    if sys.stdin is None or os.isatty(0):
        return ""
    data = b""
    while len(data) < PANE_LIMIT and (chunk := os.read(0, 65536)):
        data += chunk
    return data[-PANE_LIMIT:].decode(errors="replace")
