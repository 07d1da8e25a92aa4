"""What the owner of a database does with a bridge: make it, let hosts in and out, look at it. Nothing a node may do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import pq

from meshcore.bridge.administration import Access, Granted, Holder, State
from meshcore.bridge.postgres.address import connection_parameters
from meshcore.bridge.postgres.session import SCHEMA_VERSION, Row, first_line
from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError, ConfigurationError, UsageError

_SQL = Path(__file__).parent / "sql"
_NODE = re.compile(r"[0-9a-f]{64}")
_SECONDS = 30.0
_CALLED_BY_NODES = (
    "moment",
    "join",
    "beat",
    "leave",
    "tell_late",
    "ring",
    "publish",
    "acknowledge",
    "acknowledge_next",
    "claim",
    "give_back",
    "erase",
    "prune",
    "holders",
)
_LIMITS = ("statement_timeout = '30s'", "lock_timeout = '5s'", "idle_in_transaction_session_timeout = '10s'")
MOST_SESSIONS = 50  # of one host's login


@dataclass(frozen=True, slots=True)
class Roles:
    """The three roles of one bridge, by its database: owner and both groups have no login."""

    owner: str
    node: str
    reader: str

    @classmethod
    def of(cls, database: str) -> Roles:
        """Return the names of the roles. Raises UsageError for a name that is too long for them."""
        if not 0 < len(database.encode()) <= 50 or "\0" in database:
            raise UsageError(f"{database!r:.60}: a bridge's database has a name of at most 50 bytes")
        return cls(f"{database}_owner", f"{database}_node", f"{database}_reader")


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def role_statements(database: str) -> list[str]:
    """Return what makes the roles of a database; for who may make roles."""
    roles = Roles.of(database)
    made = [f"CREATE ROLE {quoted(name)} NOLOGIN" for name in (roles.owner, roles.node, roles.reader)]
    return [*made, f"GRANT {quoted(roles.owner)} TO CURRENT_USER"]


def right_statements(database: str) -> list[str]:
    """Return what lets nobody into a database but the roles of its bridge."""
    roles = Roles.of(database)
    base, owner = quoted(database), quoted(roles.owner)
    groups = f"{quoted(roles.node)}, {quoted(roles.reader)}"
    return [
        f"REVOKE ALL ON DATABASE {base} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {base} TO {groups}",
        f"GRANT CONNECT, CREATE ON DATABASE {base} TO {owner}",
    ]


def schema_statements(database: str, version: int = 0) -> list[str]:
    """Return what brings the schema from a version to ours; run as the owner of the bridge."""
    roles = Roles.of(database)
    node, groups = quoted(roles.node), f"{quoted(roles.node)}, {quoted(roles.reader)}"
    steps = [path.read_text("utf-8") for path in sorted(_SQL.glob("*.sql")) if int(path.name[:3]) > version]
    made = [
        "INSERT INTO mesh.head (bridge_id, schema_version) SELECT replace(gen_random_uuid()::text, '-', ''), 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM mesh.head)",
        f"UPDATE mesh.head SET schema_version = {SCHEMA_VERSION}",  # noqa: S608
        f"GRANT USAGE ON SCHEMA mesh TO {groups}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA mesh TO {groups}",
        f"GRANT EXECUTE ON FUNCTION mesh.moment, mesh.holders TO {groups}",
    ]
    made += [f"GRANT EXECUTE ON FUNCTION mesh.{name} TO {node}" for name in _CALLED_BY_NODES]
    return [*steps, *made]


def script(database: str) -> str:
    """Return for psql what makes a bridge: what an administrator reads and runs."""
    owner = quoted(Roles.of(database).owner)
    parts = [
        "\\set ON_ERROR_STOP on",
        *(f"{one};" for one in role_statements(database)),
        f"CREATE DATABASE {quoted(database)} OWNER {owner};",
        f"\\connect {quoted(database)}",
        "BEGIN;",
        *(f"{one};" for one in right_statements(database)),
        f"SET ROLE {owner};",
        *(one if one.startswith("--") else f"{one};" for one in schema_statements(database)),
        "RESET ROLE;",
        "COMMIT;",
    ]
    return "\n".join(parts) + "\n"


class PostgresAdministration:
    """A database as its administrator sees it: the login of the address may make roles and owns the database."""

    def __init__(self, address: BridgeAddress) -> None:
        self._address = address
        self._parameters = connection_parameters(address, _SECONDS)
        self.database = str(self._parameters["dbname"])

    def script(self) -> str:
        return script(self.database)

    def make(self) -> str:
        roles = Roles.of(self.database)
        try:
            self._make_database()
            with self._connect() as connection, connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtext('meshtui init'))")
                version = self._version(connection)
                if version == SCHEMA_VERSION:
                    return f"{self._address.shown}: the bridge is there, in this version"
                if version > SCHEMA_VERSION:
                    raise ConfigurationError(f"{self._address.shown}: written by a newer meshtui (schema {version})")
                for name, statement in zip((*self._names(roles), ""), role_statements(self.database), strict=True):
                    if not name or not self._has_role(connection, name):
                        connection.execute(statement.encode())
                for statement in right_statements(self.database):
                    connection.execute(statement.encode())
                connection.execute(f"SET LOCAL ROLE {quoted(roles.owner)}".encode())
                for statement in schema_statements(self.database, version):
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            raise self._said(error) from error
        done = "made" if version == 0 else f"brought from schema {version} to {SCHEMA_VERSION}"
        return f"{self._address.shown}: the bridge was {done}"

    def grant(self, host: str, nodes: Sequence[str]) -> Granted:
        if not nodes or not all(_NODE.fullmatch(node) for node in nodes):
            raise UsageError(
                "name the node's whole id with --node: 64 hex digits, as `meshtui bridge introduce` prints there"
            )
        if not 0 < len(host.encode()) <= 63 or not host.isprintable():
            raise UsageError(f"{host!r:.60}: a login has a name of at most 63 printable bytes")
        roles, secret = Roles.of(self.database), secrets.token_urlsafe(24)
        try:
            with self._connect() as connection, connection.transaction():
                if not self._has_role(connection, host):
                    connection.execute(f"CREATE ROLE {quoted(host)} LOGIN CONNECTION LIMIT {MOST_SESSIONS}".encode())
                connection.execute(f"ALTER ROLE {quoted(host)} LOGIN".encode())
                for limit in _LIMITS:
                    connection.execute(f"ALTER ROLE {quoted(host)} SET {limit}".encode())
                # Hashed here: a server writes statements into its log.
                coded = connection.pgconn.encrypt_password(secret.encode(), host.encode(), b"scram-sha-256")
                literal = bytes(pq.Escaping(connection.pgconn).escape_literal(coded)).decode()
                connection.execute(f"ALTER ROLE {quoted(host)} PASSWORD {literal}".encode())
                connection.execute(f"GRANT {quoted(roles.node)} TO {quoted(host)}".encode())
                connection.execute(f"SET LOCAL ROLE {quoted(roles.owner)}".encode())
                for node in nodes:
                    connection.execute(
                        "INSERT INTO mesh.grants (node, login) VALUES (%s, %s) ON CONFLICT (node) DO NOTHING",
                        (node, host),
                    )
                    row = connection.execute("SELECT login FROM mesh.grants WHERE node = %s", (node,)).fetchone()
                    if row is None or row[0] != host:
                        other = "another" if row is None else row[0]
                        raise UsageError(f"node {node[:12]} belongs to login {other}; `meshtui bridge revoke` it there")
        except psycopg.Error as error:
            raise self._said(error) from error
        fields = (self.database, host, secret)
        return Granted(host, ":".join(["*", "*", *(re.sub(r"([:\\\\])", r"\\\1", one) for one in fields)]))

    def revoke(self, host: str) -> int:
        roles = Roles.of(self.database)
        try:
            with self._connect() as connection, connection.transaction():
                if not self._has_role(connection, host):
                    raise UsageError(f"{self._address.shown}: there is no login {host!r:.60}")
                connection.execute(f"ALTER ROLE {quoted(host)} NOLOGIN".encode())
                connection.execute(f"REVOKE {quoted(roles.node)} FROM {quoted(host)}".encode())
                connection.execute(f"SET LOCAL ROLE {quoted(roles.owner)}".encode())
                rows = connection.execute("DELETE FROM mesh.grants WHERE login = %s RETURNING node", (host,)).fetchall()
                for (node,) in rows:
                    connection.execute("SELECT mesh.leave(%s)", (node,))
        except psycopg.Error as error:
            raise self._said(error) from error
        return len(rows)

    def state(self) -> State:
        try:
            with self._connect() as connection:
                if not self._version(connection):
                    raise ConfigurationError(f"{self._address.shown}: holds no bridge; make one with bridge init")
                rows = connection.execute(
                    "SELECT g.login, array_agg(g.node ORDER BY g.node), "
                    "(SELECT count(*) FROM pg_stat_activity a WHERE a.usename = g.login AND a.datname = "
                    "current_database()) FROM mesh.grants g GROUP BY g.login ORDER BY g.login"
                ).fetchall()
                holders = connection.execute("SELECT login, pid FROM mesh.holders() ORDER BY pid").fetchall()
                server = f"PostgreSQL {connection.info.server_version // 10000}"
        except psycopg.Error as error:
            raise self._said(error) from error
        access = tuple(Access(login, tuple(nodes), sessions) for login, nodes, sessions in rows)
        return State(server, access, tuple(Holder(login, pid) for login, pid in holders))

    def _names(self, roles: Roles) -> tuple[str, str, str]:
        return roles.owner, roles.node, roles.reader

    def _make_database(self) -> None:
        try:
            with self._connect():
                return
        except psycopg.OperationalError as error:
            if not first_line(error).endswith("does not exist"):
                raise
        roles = Roles.of(self.database)
        with self._connect("postgres") as connection:
            for name, statement in zip((*self._names(roles), ""), role_statements(self.database), strict=True):
                if not name or not self._has_role(connection, name):
                    connection.execute(statement.encode())
            connection.execute(f"CREATE DATABASE {quoted(self.database)} OWNER {quoted(roles.owner)}".encode())

    def _connect(self, database: str = "") -> psycopg.Connection[Row]:
        parameters = {**self._parameters, "dbname": database or self.database}
        return psycopg.connect(autocommit=True, **parameters)  # type: ignore[arg-type]

    def _version(self, connection: psycopg.Connection[Row]) -> int:
        row = connection.execute("SELECT to_regclass('mesh.head') IS NOT NULL").fetchone()
        if row is None or not row[0]:
            return 0
        found = connection.execute("SELECT schema_version FROM mesh.head").fetchone()
        return int(str(found[0])) if found else 0

    def _has_role(self, connection: psycopg.Connection[Row], name: str) -> bool:
        return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None

    def _said(self, error: psycopg.Error) -> ConfigurationError | BridgeUnavailableError:
        if isinstance(error, psycopg.OperationalError) and error.diag.sqlstate is None:
            return BridgeUnavailableError(f"{self._address.shown}: {first_line(error)}; try again")
        return ConfigurationError(f"{self._address.shown}: {first_line(error)}; see docs/many-hosts.md")
