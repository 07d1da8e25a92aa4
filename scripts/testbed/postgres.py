"""A real PostgreSQL for tests: the distribution's programs, a user of its own, a folder that is gone afterwards."""

from __future__ import annotations

import atexit
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg
from scripts.testbed.certificates import certificate

from meshcore.bridge.postgres.administration import PostgresAdministration, quoted
from meshcore.config import BridgeAddress

VARIABLE = "MESHTUI_TEST_POSTGRES"  # the folder of the socket, for processes that a test starts
ADMINISTRATOR, HOST = "postgres", "host"
_CLOCK = """
CREATE TABLE mesh.test_clock (now timestamptz);
INSERT INTO mesh.test_clock VALUES (NULL);
GRANT SELECT ON mesh.test_clock TO PUBLIC;
CREATE OR REPLACE FUNCTION mesh.moment() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT coalesce((SELECT now FROM mesh.test_clock), clock_timestamp())'
"""


def programs() -> Path | None:
    """Return the folder of the newest server's programs, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).parent if path else None


def why_not() -> str:
    """Return why no server can be started here, "" where one can."""
    if programs() is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and _user() is None:
        return "root cannot run PostgreSQL, and there is no user postgres"
    return ""


def _user() -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return None


class Server:
    """A server in a folder of its own; its socket lies there too.

    With `megabytes` the folder is a disk of that size, in memory, for which one must be root. `environment` is added.
    """

    def __init__(
        self,
        *,
        options: tuple[str, ...] = ("-c", "fsync=off"),
        port: int = 5432,
        listen: str = "",
        megabytes: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="meshtui-pg-", dir="/tmp"))  # short, and others can reach it
        self.port = port
        self._is_mounted = megabytes > 0
        self._environment = dict(environment or {})
        if megabytes:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.folder], check=True)
            self.folder.chmod(0o755)
        self._options = ("-c", "max_connections=200", *options, "-c", f"listen_addresses={listen}")
        self._process: subprocess.Popen[bytes] | None = None
        user = _user() if os.geteuid() == 0 else None
        self._as = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--no-sync")
        atexit.register(self.remove)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Server:
        """Start it, and wait until it answers."""
        binary = programs()
        assert binary is not None
        self._process = subprocess.Popen(
            [binary / "postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            cwd="/",
            env={**os.environ, **self._environment},
            **self._as,  # type: ignore[call-overload]
        )
        while self._process.poll() is None:
            if self._run("pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port), check=False) == 0:
                return self
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it; SIGKILL as a crash does."""
        if self._process is not None:
            if how == signal.SIGKILL:
                self._process.send_signal(signal.SIGSTOP)  # it has no more children, who would keep its memory in use
                self._kill_children()
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def _kill_children(self) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        for child in children.read_text().split() if children.exists() else []:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def speak_tls(self, names: Sequence[str], days: int = 10) -> Path:
        """Let it speak TLS from its next start on, as these names, with passwords; return what clients trust."""
        public, private = certificate(self.folder, names, days)
        (self.data / "postgresql.auto.conf").write_text("ssl = on\n")
        (self.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
        status = self.data.stat()
        for source, target in ((public, "server.crt"), (private, "server.key")):
            path = self.data / target
            path.write_bytes(source.read_bytes())
            path.chmod(0o600)
            os.chown(path, status.st_uid, status.st_gid)
        return public

    def replace_data(self, backup: Path) -> None:
        """Put a copy of the data in their place, as a restore does; the server is stopped."""
        status = self.data.stat()
        shutil.rmtree(self.data)
        shutil.copytree(backup, self.data)
        for path in (self.data, *self.data.rglob("*")):
            os.chown(path, status.st_uid, status.st_gid)
        self.data.chmod(0o700)

    def remove(self) -> None:
        """End it and delete its folder."""
        self.stop(signal.SIGQUIT)
        if self._is_mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=False)
            self._is_mounted = False
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database: str, login: str = ADMINISTRATOR) -> BridgeAddress:
        """Return the address of a database over the socket."""
        return BridgeAddress.parse(f"postgresql://{login}@/{database}?host={self.folder}&port={self.port}")

    def execute(
        self, database: str, statement: str, parameters: tuple[object, ...] = (), login: str = ADMINISTRATOR
    ) -> list[tuple[object, ...]]:
        """Run a statement and return its rows."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, dbname=database, user=login, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def make(self, database: str) -> PostgresAdministration:
        """Make a bridge in a new database."""
        found = PostgresAdministration(self.address(database))
        found.make()
        return found

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        binary = programs()
        assert binary is not None
        command = [binary / program, *arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        done = subprocess.run(command, check=check, cwd="/", **quiet, **self._as)  # type: ignore[call-overload]
        return int(done.returncode)


@cache
def shared() -> Server:
    """Return the one server of this test process."""
    server = Server().start()
    os.environ[VARIABLE] = str(server.folder)
    server.make("contract")
    server.execute("contract", _CLOCK)
    server.execute("postgres", f"CREATE ROLE {HOST} LOGIN IN ROLE contract_node, contract_owner")
    nodes = [letter * 64 for letter in "abcde"] + [f"{number:064x}" for number in range(10)]
    for node in nodes:
        server.execute("contract", "INSERT INTO mesh.grants (node, login) VALUES (%s, %s)", (node, HOST))
    return server


def database_of(root: Path) -> str:
    """Return the name of the database of a test, by its folder."""
    return "t" + hashlib.sha256(str(root).encode()).hexdigest()[:16]


def url_of(root: Path) -> str:
    """Return the address of a test's own bridge; it is made where it is not there, in the process of the test only.

    The login is a host's, and also a member of the owner: for upkeep.
    """
    database = database_of(root)
    if VARIABLE not in os.environ or shared.cache_info().currsize:
        server = shared()
        if not server.execute("postgres", "SELECT 1 FROM pg_database WHERE datname = %s", (database,)):
            server.execute("postgres", f"CREATE DATABASE {quoted(database)} TEMPLATE contract")
            server.execute(database, "UPDATE mesh.head SET bridge_id = replace(gen_random_uuid()::text, '-', '')")
    return f"postgresql://{HOST}@/{database}?host={os.environ[VARIABLE]}&port=5432"


def drop(root: Path) -> None:
    """Delete the database of a test."""
    shared().execute("postgres", f"DROP DATABASE IF EXISTS {quoted(database_of(root))} WITH (FORCE)")


def set_clock(root: Path, now: object) -> None:
    """Let the time in the database of a test be another one."""
    shared().execute(database_of(root), "UPDATE mesh.test_clock SET now = %s", (now,))


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
