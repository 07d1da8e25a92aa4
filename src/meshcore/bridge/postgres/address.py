"""From an address to what libpq connects with: who is at the other end is checked, and no password is guessed.

A server of another host must show a certificate for its name (`sslmode=verify-full`), and a password goes to nobody who
does not know it (SCRAM, bound to the channel). Passwords come from `passwordfile=FILE` or `keyring=SERVICE` in the
address, from `passfile=` or PGPASSFILE; one in the address itself is used where a settings file holds it.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError

_OURS = ("passwordfile", "keyring")
_MOST_PASSWORD = 4096
_NOT_OURS_TO_SET = ("options", "application_name", "client_encoding", "replication", "fallback_application_name")


def connection_parameters(address: BridgeAddress, deadline: float) -> dict[str, str | int]:
    """Return libpq's parameters for an address. Raises ConfigurationError where it is not safe or cannot be read."""
    parts = urlsplit(address.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    own = {name: query.pop(name) for name in _OURS if name in query}
    try:
        given = conninfo_to_dict(urlunsplit(parts._replace(query=urlencode(query))))
    except (psycopg.Error, ValueError) as error:
        raise ConfigurationError(f"{address.shown}: not an address of PostgreSQL; correct it in config.toml") from error
    found: dict[str, str | int] = {name: str(value) for name, value in given.items() if value is not None}
    for name in _NOT_OURS_TO_SET:
        if name in found:
            raise ConfigurationError(f"{address.shown}: {name}= cannot be set in the address; leave it out")
    if not found.get("dbname"):
        raise ConfigurationError(f"{address.shown}: names no database; write postgresql://login@host/database")
    found |= _security(address, found)
    if "password" not in found:
        found |= _password(address, own, str(found.get("user", "")))
    milliseconds = max(1, int(deadline * 1000))
    found |= {
        "application_name": "meshtui",
        "client_encoding": "UTF8",
        "connect_timeout": max(2, round(deadline)),
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": max(5000, milliseconds),
    }
    return found


def is_local(found: dict[str, str | int]) -> bool:
    """Tell whether every server that is meant is reached by a local socket or the loopback interface."""
    named = str(
        found.get("hostaddr") or found.get("host") or os.environ.get("PGHOSTADDR") or os.environ.get("PGHOST", "")
    )
    return all(_is_local(one) for one in named.split(","))


def _is_local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _security(address: BridgeAddress, found: dict[str, str | int]) -> dict[str, str | int]:
    if is_local(found):
        return {"require_auth": "!password"} if "require_auth" not in found else {}
    mode = str(found.get("sslmode") or "verify-full")
    if mode != "verify-full":
        raise ConfigurationError(
            f"{address.shown}: sslmode={mode} does not check who answers; leave it out, and name the certificate"
            " of whoever signed the server's with sslrootcert=FILE"
        )
    added: dict[str, str | int] = {"sslmode": "verify-full"}
    if "sslrootcert" not in found and "PGSSLROOTCERT" not in os.environ and not _has_usual_root():
        added["sslrootcert"] = "system"
    if "sslcert" in found:
        return added | {"require_auth": "scram-sha-256,none", "sslcertmode": "require"}
    return added | {"require_auth": "scram-sha-256", "channel_binding": "require"}


def _has_usual_root() -> bool:
    return (Path.home() / ".postgresql" / "root.crt").exists()


def _password(address: BridgeAddress, own: dict[str, str], user: str) -> dict[str, str | int]:
    if path := own.get("passwordfile"):
        return {"password": _from_file(address, Path(path).expanduser())}
    if service := own.get("keyring"):
        return {"password": _from_keyring(address, service, user)}
    return {}


def _from_file(address: BridgeAddress, path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_MOST_PASSWORD + 1)
    except OSError as error:
        raise ConfigurationError(f"{address.shown}: {path}: no password read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise ConfigurationError(f"{path}: others can read this password; chmod 600 {path}")
    return data.decode("utf-8", "replace").strip("\r\n")


def _from_keyring(address: BridgeAddress, service: str, user: str) -> str:
    try:
        from keyring import get_password  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ConfigurationError(f"{address.shown}: keyring= needs `pip install keyring`") from error
    get: Callable[[str, str], str | None] = get_password
    found = get(service, user)
    if not found:
        raise ConfigurationError(f"{address.shown}: the keyring holds no password of {service!r} for {user!r}")
    return found
