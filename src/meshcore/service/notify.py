"""What a service manager is told: ready, alive, stopping, as datagrams to the socket that it names (sd_notify)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
BEATS_PER_WATCHDOG = 3  # so that one late beat is no fault


class ServiceManager:
    """The manager that started this process; without one, nothing is sent. Never waits and never fails."""

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        """`address`: a path, or a name that begins with @ (abstract); `watchdog_seconds`: 0 for no watchdog."""
        self._address = b"\0" + os.fsencode(address[1:]) if address.startswith("@") else os.fsencode(address)
        self._every = watchdog_seconds / BEATS_PER_WATCHDOG
        self._due = 0.0

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Return the manager that an environment names, and take its variables out: they are not for child processes.

        A socket of another kind than a unix one counts as none, and a watchdog of another process too.
        """
        address, microseconds, process = (environment.pop(name, "") for name in VARIABLES)
        ours = process in ("", str(os.getpid()))
        seconds = int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdecimal() else 0.0
        return cls(address if address[:1] in ("/", "@") else "", seconds)

    def ready(self) -> None:
        """Say that the service works from now on."""
        self._send(b"READY=1")

    def alive(self, now: float) -> None:
        """Say that it still works, if that is due; `now` is monotonic, in seconds."""
        if self._every and now >= self._due:
            self._due = now + self._every
            self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it is about to leave."""
        self._send(b"STOPPING=1")

    def _send(self, message: bytes) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(message, self._address)
