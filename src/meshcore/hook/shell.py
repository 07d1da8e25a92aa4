"""What a prompt hook calls: a command of a person's shell failed, or worked, or the person asks for the fix.

A prompt hook knows a command and its exit code but not what it said. What it said is known all the same where the shell
itself found no such command, and inside tmux, whose pane still shows it. Else only the past of the very same command
can tell, and the key runs the command again under `meshtui run`. Light, as `meshcore.hook.main` is.
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
from meshcore.home import Home
from meshcore.hook.handled import BUSY_SECONDS
from meshcore.hook.known import Known
from meshcore.hook.main import follow_up_command, handle
from meshcore.hook.memory import Memory, incident_id_of, recall
from meshcore.hook.shell_text import plain_command
from meshcore.knowledge.parts import Parts
from meshcore.safety.redaction import storable_argv
from meshcore.safety.visible_text import visible
from meshcore.store.known_marks import session_key
from meshcore.store.store import Store

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
    missing = not_found(shell, command, code)
    output = last_output(pane, command, missing) or missing
    if output:
        return _handle(session, call, code, command, output, environment)
    store = _store(environment)
    if store is None:
        return ""
    try:
        before, fix = _last_time(store, command)
    finally:
        store.close()
    if not fix:
        return ""
    return f"meshtui: when this failed here before ({before[:_SHOWN]}), it was fixed by: {fix[:_SHOWN]}\n"


def last_output(pane: str, command: str, said: str = "") -> str:
    """Return what a pane shows below the newest line that ends with a command's first line, "" where none does.

    What the shell itself has `said` of the command may end like that, too.
    """
    lines = pane.split("\n")
    typed = command.strip().split("\n", 1)[0]
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at].rstrip()
        alone = line == typed or line[: -len(typed)][-1:].isspace()
        if typed and line != said and line.endswith(typed) and alone:
            return "\n".join(lines[at + 1 :]).strip("\n ")
    return ""


def not_found(shell: str, command: str, code: int) -> str:
    """Return what a shell says of a program that it cannot find; "" where it is not certain which one that was."""
    argv = plain_command(command, "/").argv
    if code != NOT_FOUND or not argv or argv[0] == "bash" or not _PLAIN_WORD.fullmatch(argv[0]):
        return ""
    if shell == "zsh":
        return f"zsh: command not found: {argv[0]}"
    if shell == "fish":
        return f"fish: Unknown command: {argv[0]}"
    return f"bash: {argv[0]}: command not found"


def insertion(session: str, call: str, command: str, environment: Mapping[str, str]) -> str:
    """Return what the key puts on the line: the fix that was offered for this call, else a run under the mesh."""
    store = _store(environment)
    if store is not None:
        try:
            fix = _offered(store, session, call) or _corrected(store, session, command)
            fix = fix or _last_time(store, command)[1]
        finally:
            store.close()
        if fix:
            return fix
    argv = plain_command(command, "/").argv
    plain = argv[:2] != ("bash", "-c")
    return f"meshtui run -- {command.strip()}" if plain else f"meshtui run -- bash -c {shlex.quote(command)}"


def _offered(store: Store, session: str, call: str) -> str:
    """Return the fix that was offered for a call, "" where none was or it would do more than stand on the line."""
    memory = recall(store, session_key(VIA, session)) or Memory()
    wanted = incident_id_of(VIA, session, call)
    found = next((offer.command for offer in reversed(memory.offered) if offer.incident_id == wanted), "")
    return found if visible(found, keep_newlines=False) == found else ""


def _corrected(store: Store, session: str, command: str) -> str:
    """Return what this session was told to type instead of a command, "" where it was told nothing."""
    known = Known(store, session_key(VIA, session), command, os.getcwd(), {})  # noqa: PTH109
    key = known.typed.key(known.root).hex()
    return next((told.command for told in reversed(known.notes.offers) if told.key == key), "")


def _last_time(store: Store, command: str) -> tuple[str, str]:
    """Return the error and the fix of the last time that the very same command was healed in this folder, or ("", "").

    Nobody can see that it is the same error now.
    """
    given = plain_command(command, os.getcwd())  # noqa: PTH109
    argv, cwd = given.argv, given.cwd
    stored = storable_argv(argv)[0]
    before = store.incidents.last_verified(stored, cwd)
    known = store.skills.find(before.skill_id) if before is not None and before.skill_id else None
    if before is None or known is None or known.state != "active" or not known.own_operator:
        return "", ""
    try:
        fix = known.skill.action.fill(Parts(before.signature.slots))
    except IndexError:
        return "", ""
    shown = fix.command() if fix.kind == "argv" else ""
    if visible(shown, keep_newlines=False) != shown:
        return "", ""
    return visible(before.signature.line, keep_newlines=False), shown


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
