"""Decisions as lines of the system's log, beside the journal: who allowed, stopped or refused what.

A datagram to the socket that `syslog` in config.toml names; a log that takes none is no fault of a decision.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress

from meshcore.events import Event, EventKind

DECIDED: frozenset[EventKind] = frozenset(
    {
        "approval.carried",
        "approval.resolved",
        "approval.rule",
        "approval.taken_back",
        "approval.waiting",
        "author.state",
        "mesh.halted",
        "mesh.mode",
        "mesh.resumed",
        "record.purged",
        "skill.confirmed",
        "skill.state",
        "try.decided",
        "try.intent",
        "try.outcome",
    }
)
_NOTICE, _WARNING = 8 * 1 + 5, 8 * 1 + 4  # facility user
_LONGEST = 2000  # bytes of one line: longer datagrams are dropped by some logs


def tell(address: str, events: Iterable[Event]) -> int:
    """Send what was decided; return how many lines were taken."""
    decided = [event for event in events if event.kind in DECIDED]
    sent = 0
    if decided:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as log:
            log.settimeout(0)  # a log that is full makes nobody wait
            log.connect(address)
            for event in decided:
                log.send(line(event))
                sent += 1
    return sent


def line(event: Event) -> bytes:
    """Return one event as a datagram: its priority, our name and process, its kind and its fields as JSON."""
    priority = _WARNING if event.kind == "mesh.halted" else _NOTICE
    fields = {name: value for name, value in event.to_json().items() if name not in ("kind", "at")}
    # ASCII: what could steer a terminal on which the log is read is an escape here.
    said = json.dumps(fields, ensure_ascii=True).replace("\x7f", "\\u007f")
    return f"<{priority}>meshtui[{os.getpid()}]: {event.kind} {said}".encode()[:_LONGEST]
