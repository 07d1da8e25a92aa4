"""Which service of this host is to be started, by what its own client says and by what the host has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshcore.healing.local_service import service_to_start

DOCKER = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
REDIS = "Could not connect to Redis at 127.0.0.1:6379: Connection refused"
POSTGRES = (
    'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL" failed: No such file or directory\n'
    "\tIs the server running locally and accepting connections on that socket?"
)


def said(root: Path, argv: str, output: str) -> str:
    found = service_to_start(argv.split(), output, f"{root}/")
    return " ".join(found.argv).removeprefix("sudo ") if found else ""


@pytest.fixture
def booted(tmp_path: Path) -> Path:
    """Make a host whose manager is systemd and which has three services."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    units = tmp_path / "lib/systemd/system"
    units.mkdir(parents=True)
    for name in ("docker", "redis-server", "postgresql"):
        (units / f"{name}.service").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        ("docker ps", DOCKER, "systemctl start docker"),
        ("redis-cli ping", REDIS, "systemctl start redis-server"),
        ("psql shop", POSTGRES, "systemctl start postgresql"),
        ("mysql shop", "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/run/m.sock' (2)", ""),
        ("redis-cli -h cache ping", REDIS.replace("127.0.0.1", "10.0.0.7"), ""),  # another host's
        ("docker ps", DOCKER.replace("unix:///var/run/docker.sock", "tcp://10.0.0.7:2375"), ""),
        ("psql shop", POSTGRES.replace("No such file or directory", 'FATAL:  database "shop" does not exist'), ""),
        ("cat build.log", DOCKER, ""),  # a text that is shown
        ("", DOCKER, ""),
    ],
)
def test_a_client_names_its_service(booted: Path, command: str, output: str, expected: str) -> None:
    assert said(booted, command, output) == expected


def test_without_systemd_a_script_of_the_service_starts_it(tmp_path: Path) -> None:
    assert said(tmp_path, "redis-cli ping", REDIS) == ""
    (tmp_path / "etc/init.d").mkdir(parents=True)
    (tmp_path / "etc/init.d/redis-server").touch()
    assert said(tmp_path, "redis-cli ping", REDIS) == "service redis-server start"


def test_who_is_not_root_is_told_with_sudo(booted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = service_to_start(("docker", "ps"), DOCKER, f"{booted}/")
    assert found is not None and found.argv[0] == "sudo"
