"""The systemd unit of a runtime: its text, and where a user or a host keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshcore.errors import UsageError

WATCHDOG_SECONDS = 60  # the runtime says every 20 s that it lives
RETRY_SECONDS = 10
STOP_SECONDS = 15  # draining takes at most four
SYSTEM_FOLDER = Path("/etc/systemd/system")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_BARE = re.compile(r"[A-Za-z0-9_@+=:,./-]+")


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """One runtime as a unit: `command` is its argv, `environment` what it is to be told.

    `user`: the account of a system unit; empty for a user's own unit, which runs as that user anyway.
    Raises UsageError for a name, an account or a value that no unit can hold.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    name: str = "meshtui"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"{self.name!r:.60} is no name for a unit; use letters, digits, dots and dashes")
        if self.user and not _USER.fullmatch(self.user):
            raise UsageError(f"{self.user!r:.60} is no account; name one with --user")
        for value in (*self.command, *self.environment.values()):
            if not value.isprintable():
                raise UsageError(f"{value!r:.100} cannot stand in a unit; use a path of printable characters")

    @property
    def file_name(self) -> str:
        return f"{self.name}.service"

    def path(self, config_home: Path) -> Path:
        """Return where the unit belongs; `config_home` is the user's configuration folder."""
        return (SYSTEM_FOLDER if self.user else config_home / "systemd/user") / self.file_name

    def text(self) -> str:
        """Return the unit file."""
        values = [f'Environment="{name}={_escaped(value)}"' for name, value in sorted(self.environment.items())]
        account = [f"User={self.user}", "WorkingDirectory=~"] if self.user else []
        return _UNIT.format(
            account="".join(f"{line}\n" for line in (*account, *values)),
            command=" ".join(_word(word) for word in self.command),
            system=_SYSTEM if self.user else "",
            target="multi-user.target" if self.user else "default.target",
            watchdog=WATCHDOG_SECONDS,
            retry=RETRY_SECONDS,
            stop=STOP_SECONDS,
        )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def _word(text: str) -> str:
    escaped = _escaped(text).replace("$", "$$")
    return escaped if _BARE.fullmatch(text) else f'"{escaped}"'


_UNIT = """\
# Made by `meshtui service`; it is replaced when that is called again. Put your own lines into a drop-in:
# systemctl edit, or NAME.service.d/local.conf beside this file.
[Unit]
Description=meshtui: the mesh of agents that heal each other's errors
StartLimitIntervalSec=0

[Service]
Type=notify
{account}ExecStart={command}
WatchdogSec={watchdog}
# Another process may hold the home, for example the terminal: try until it is free.
Restart=on-failure
RestartSec={retry}
# Usage and configuration do not mend themselves.
RestartPreventExitStatus=2 78
KillMode=mixed
TimeoutStopSec={stop}
OOMPolicy=continue

# What healing needs stays open: fixes run in bubblewrap, which makes namespaces and mounts a /proc of its own, so
# ProtectKernelTunables, ProtectKernelLogs, ProcSubset and RestrictNamespaces would take its containment away; nodes
# ring each other over sockets beside the bridge and work in any folder of this account, /tmp too, so no PrivateTmp.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
{system}
[Install]
WantedBy={target}
"""

_SYSTEM = """\
CapabilityBoundingSet=
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectHostname=yes
"""
