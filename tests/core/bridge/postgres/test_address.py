"""Who is at the other end is checked, and a password comes from where nobody else reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("psycopg")

from meshcore.bridge.postgres.address import connection_parameters
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError

REMOTE = "postgresql://build2@db.example/mesh"


@pytest.fixture(autouse=True)
def no_settings_of_this_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)


def parameters(url: str) -> dict[str, str | int]:
    return connection_parameters(BridgeAddress.parse(url), 5.0)


@pytest.mark.parametrize(
    "url",
    [
        REMOTE,
        "postgresql://build2@[2001:db8::1]:5433/mesh",
        "postgresql://build2@127.0.0.1,db.example/mesh",
        "postgresql://build2@/mesh?host=/run/postgresql&hostaddr=10.0.0.1",
        "postgresql://build2@localhost.db.example/mesh?sslmode=verify-full",
    ],
)
def test_a_server_of_another_host_shows_its_certificate_and_gets_no_password(url: str) -> None:
    found = parameters(url)
    assert (found["sslmode"], found["require_auth"]) == ("verify-full", "scram-sha-256")
    assert (found["channel_binding"], found["sslrootcert"]) == ("require", "system")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_less_than_that_is_refused_for_another_host(mode: str) -> None:
    with pytest.raises(ConfigurationError, match="does not check who answers"):
        parameters(f"{REMOTE}?sslmode={mode}")


def test_a_client_certificate_may_stand_for_a_password() -> None:
    found = parameters(f"{REMOTE}?sslcert=/c&sslkey=/k&sslrootcert=/r")
    assert (found["sslcertmode"], found["require_auth"]) == ("require", "scram-sha-256,none")
    assert "channel_binding" not in found
    assert found["sslrootcert"] == "/r"


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "127.9.9.9", "[::1]", "/?host=/run/postgresql"])
def test_a_server_of_this_host_needs_no_certificate(host: str) -> None:
    url = f"postgresql://a@{host}/mesh" if "?" not in host else f"postgresql://a@/mesh{host[1:]}"
    assert "sslmode" not in parameters(url)


def test_a_password_comes_from_a_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("pa:ss\n")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        parameters(f"{REMOTE}?passwordfile={file}")
    file.chmod(0o600)
    found = parameters(f"{REMOTE}?passwordfile={file}")
    assert found["password"] == "pa:ss"
    assert "passwordfile" not in found
    with pytest.raises(ConfigurationError, match="no password read"):
        parameters(f"{REMOTE}?passwordfile={tmp_path}/none")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://a:secret@db.example/", "names no database"),
        ("postgresql://a:secret@db.example/mesh?sslmod=x", "not an address of PostgreSQL"),
        ("postgresql://a:secret@db.example:port/mesh?x", "not an address of PostgreSQL"),
        ("postgresql://a:secret@db.example/mesh?options=-csession_replication_role=replica", "cannot be set"),
    ],
)
def test_what_is_no_address_is_said_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        parameters(url)
    assert "secret" not in str(caught.value)
