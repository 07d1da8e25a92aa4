"""What a project's habits learn from `meshtui run`; its session is what an agent runs in one shell or job."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from meshcore.clock import boot_id
from meshcore.healing.command import Command
from meshcore.hook.known import Known
from meshcore.hook.telling import Telling
from meshcore.model import Incident
from meshcore.node import Node
from meshcore.safety.redaction import redact
from meshcore.store.known_marks import session_key

_STARTED = 19  # the field of /proc/PID/stat, counted behind the name, that holds when a process began


def failed(node: Node, command: Command, incident: Incident) -> list[str]:
    """Note a failure; return what there is to say of it: nothing where it is new here."""
    with node.store.transaction():
        said = _known(node, command).failed(
            incident.signature.line,
            incident.excerpt,
            command.passed.exit_code,
            command.passed.seconds,
            incident_id=incident.incident_id,
            agent=node.settings.agent,
        )
    return redact(said.text).splitlines()  # the log of a job is read by others than who typed the command


def passed(node: Node, command: Command) -> None:
    """Note a pass: it ends what stood against the command."""
    with node.store.transaction():
        _known(node, command).passed()


def _known(node: Node, command: Command) -> Known:
    session = session_key("run", f"{node.settings.agent} {boot_id()} {os.getppid()} {_began(os.getppid())}")
    known = Known(node.store, session, shlex.join(command.argv), command.cwd, command.environment)
    known.telling = Telling(node.store, session, "run", node.settings.withhold)
    return known


def _began(process: int) -> str:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[_STARTED]
    return ""
