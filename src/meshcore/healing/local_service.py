"""The service of this host that a client could not reach: started by the host's own manager, where it has that service.

Only what a client says of its own server counts, and only of one on this host; whether the service should run is for
the reader to say, so that nothing of this runs unasked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from meshcore.knowledge.program import program_name
from meshcore.knowledge.text import word_set

_HERE = r"(?:localhost|127\.0\.0\.1|\[?::1\]?)"
_CLIENTS: Sequence[tuple[frozenset[str], str, tuple[str, ...]]] = (
    (word_set("docker docker-compose"), r"Cannot connect to the Docker daemon at unix://", ("docker",)),
    (word_set("redis-cli"), rf"Could not connect to Redis at {_HERE}", ("redis-server", "redis", "valkey")),
    (
        word_set("psql pg_dump pg_dumpall pg_restore createdb dropdb createuser vacuumdb"),
        rf'connection to server (?:on socket|at "{_HERE}").{{0,300}}(?:No such file or directory|Connection refused)',
        ("postgresql",),
    ),
    (
        word_set("mysql mysqldump mysqladmin mariadb mariadb-dump mariadb-admin"),
        r"Can't connect to local .{0,20}server through socket",
        ("mysql", "mariadb", "mysqld"),
    ),
    (word_set("mongosh mongo mongodump"), rf"ECONNREFUSED {_HERE}:27017", ("mongod",)),
    (word_set("rabbitmqctl"), r"unable to perform an operation on node 'rabbit@", ("rabbitmq-server",)),
)
_UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")


@dataclass(frozen=True, slots=True)
class Start:
    """The command that starts a service, and the service's name."""

    argv: tuple[str, ...]
    service: str


def service_to_start(argv: Sequence[str], output: str, root: str = "/") -> Start | None:
    """Return how the service is started that a failed client could not reach; None where this host has none.

    `root` is another folder than `/` in tests, with a slash at its end. Light, since a hook asks.
    """
    program = program_name(argv[0]) if argv else ""
    names = next(
        (names for clients, said, names in _CLIENTS if program in clients and re.search(said, output, re.S)), ()
    )
    front = ("sudo",) if os.geteuid() != 0 else ()
    for name in names:
        if os.path.isdir(f"{root}run/systemd/system"):  # noqa: PTH112
            if any(os.path.exists(f"{root}{folder}/{name}.service") for folder in _UNITS):  # noqa: PTH110
                return Start((*front, "systemctl", "start", name), name)
        elif os.path.exists(f"{root}etc/init.d/{name}"):  # noqa: PTH110
            return Start((*front, "service", name, "start"), name)
    return None
