"""docs/many-hosts.md as it is followed: its commands, copied from it, on machines of their own with real servers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from scripts.testbed import sshd
from scripts.testbed.postgres import Server, why_not

from meshcore.demo.hosts import Machine, machines, why_no_machines

pytestmark = pytest.mark.services
PAGE = (Path(__file__).parents[2] / "docs" / "many-hosts.md").read_text("utf-8")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
ERROR, FIX = "ModuleNotFoundError: No module named 'django'", "pip install django"


def line_of(start: str) -> str:
    """Return the page's line of code that begins so."""
    (found,) = {one.strip() for one in re.findall(rf"^ *({re.escape(start)}.*)$", PAGE, re.MULTILINE)}
    return str(found)


def said(start: str) -> str:
    """Return what the page says as code within a sentence and begins so."""
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    return next(str(one) for one in re.findall(r"`([^`]+)`", text) if one.startswith(start))


class Host:
    """A machine as a person has it: a name, a machine id, a home folder, and meshtui on its PATH."""

    def __init__(self, root: Path, machine: Machine, name: str, hosts: str) -> None:
        self.machine, self.name, self.home = machine, name, root / name
        self.etc = Path("/etc/netns") / machine.name  # what `ip netns exec` puts over /etc
        (self.home / "bin").mkdir(parents=True)
        self.etc.mkdir(parents=True)
        (self.etc / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
        (self.etc / "machine-id").write_text(f"{machine.name.encode().hex():0<32.32}\n")
        program = self.home / "bin" / "meshtui"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m meshtui "$@"\n')
        program.chmod(0o755)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "MESHTUI_PACKS": "off",
        }

    def configure(self, line: str) -> None:
        """Write config.toml."""
        folder = self.home / ".config" / "meshtui"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(line + "\n")

    def type(self, command: str, more: Mapping[str, str] | None = None, *, code: int = 0) -> str:
        """Type a command into the shell there; return what it prints."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec bash -c "$1"', self.name, command]
        done = subprocess.run(
            self.machine.command(named),
            env={**self.environment, **(more or {})},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, (command, done.stdout, done.stderr)
        return done.stdout

    def fleet(self) -> dict[str, dict[str, Any]]:
        """Return the rows of `meshtui nodes`, by host."""
        return {one["host"]: one for one in json.loads(self.type("meshtui nodes --json"))["nodes"]}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    if why := why_no_machines():
        pytest.skip(why)
    with ExitStack() as opened:
        yield opened


def host(stack: ExitStack, root: Path, machine: Machine, name: str, hosts: str = "") -> Host:
    made = Host(root, machine, name, hosts)
    stack.callback(shutil.rmtree, made.etc)
    return made


def test_two_machines_over_ssh_as_the_page_says(stack: ExitStack, tmp_path: Path) -> None:
    there, here = stack.enter_context(machines(2))
    folder = tmp_path / "sshd"
    folder.mkdir()
    try:
        running, process = sshd.start(folder, here.server)
    except sshd.NoSshdError as error:
        pytest.skip(str(error))
    stack.callback(process.wait)
    stack.callback(process.terminate)
    hub = host(stack, tmp_path, there, "hub")
    laptop = host(stack, tmp_path, here, "laptop", f"{here.server} hub\n")
    laptop.environment["PATH"] = f"{running.path}:{laptop.environment['PATH']}"
    with (folder / "ssh_config").open("a") as config:  # "`ssh hub` works"
        config.write(f"Host hub\n  Port {running.port}\n  User {os.environ.get('USER', 'root')}\n  HostKeyAlias hub\n")
    (folder / "known_hosts").write_text("hub " + " ".join((folder / "host.pub").read_text().split()[:2]) + "\n")
    keys = laptop.home / ".ssh"
    keys.mkdir()
    (keys / "id_ed25519.pub").write_text((folder / "id.pub").read_text())
    hub.type("meshtui nodes")  # it has its bridge

    printed = laptop.type(said("meshtui bridge introduce")).strip()
    page = line_of("meshtui bridge authorize")
    assert printed.startswith("meshtui bridge authorize 'ssh-ed25519 ")
    hub.type(printed + page[page.index(" >> ") :].replace("~/.ssh/authorized_keys", str(folder / "authorized_keys")))
    laptop.configure(said('bridge = "ssh://').replace("ann@", ""))

    operator = laptop.home / ".config" / "meshtui" / "operator.key"  # "copy ~/.config/meshtui/operator.key over ssh"
    operator.write_bytes((hub.home / ".config" / "meshtui" / "operator.key").read_bytes())
    operator.chmod(0o600)
    hub.type(f'meshtui learn --error "{ERROR}" --fix "{FIX}"')
    assert FIX in laptop.type(f'meshtui match --error "{ERROR}"')
    laptop.type("meshtui doctor || true")
    rows = hub.fleet()
    assert set(rows) == {"hub", "laptop"}
    assert (rows["hub"]["engine"], rows["laptop"]["engine"]) == ("sqlite", "ssh")
    assert rows["laptop"]["latency_ms"] > 0
    assert abs(rows["laptop"]["ahead_ms"]) < 5000
    assert laptop.fleet()["hub"]["wrong"] == []


def test_postgresql_in_ten_minutes_as_the_page_says(stack: ExitStack, tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    first, second, third = stack.enter_context(machines(3))
    address = first.server
    server = Server(port=5432, listen=address)
    stack.callback(server.remove)
    authority = server.speak_tls(["db.example"])
    server.start()
    server.execute("postgres", "CREATE ROLE dba LOGIN SUPERUSER PASSWORD 'of the dba'")
    found = [host(stack, tmp_path, one, name) for one, name in ((first, "dba"), (second, "build2"), (third, "build3"))]
    dba, build2, build3 = found
    for one in found:
        (one.etc / "hosts").write_text(f"127.0.0.1 localhost\n{address} db.example\n")
        (one.etc / "ssl").mkdir()
        (one.etc / "ssl" / "mesh-ca.pem").write_bytes(authority.read_bytes())
        subprocess.run(["ip", "-n", one.machine.name, "route", "add", "default", "via", one.machine.server], check=True)
    secret = dba.home / ".pgpass"
    secret.write_text("*:*:*:dba:of the dba\n")
    secret.chmod(0o600)
    dba.environment |= {"PGSSLROOTCERT": "/etc/ssl/mesh-ca.pem", "PGSSLMODE": "verify-full", "PGUSER": "dba"}

    dba.type(line_of("meshtui bridge init postgresql://dba@db.example/mesh --sql"))
    assert "in this version" in dba.type("meshtui bridge init postgresql://dba@db.example/mesh")
    for one in (build2, build3):
        one.configure(line_of('bridge = "postgresql://build2').replace("build2", one.name))
        printed = one.type(said("meshtui bridge introduce")).strip()
        assert printed.startswith(said("meshtui bridge grant build2")[: -len("5f1c…")].replace("build2", one.name))
        dba.type(printed)
        shutil.copy(dba.home / f"{one.name}.pgpass", one.home / ".pgpass")
        (one.home / ".pgpass").chmod(0o600)
    operator = build3.home / ".config" / "meshtui" / "operator.key"
    operator.write_bytes((build2.home / ".config" / "meshtui" / "operator.key").read_bytes())
    build3.type("meshtui nodes")
    build2.type(f'meshtui learn --error "{ERROR}" --fix "{FIX}"')
    assert FIX in build3.type(f'meshtui match --error "{ERROR}"')
    build2.type("meshtui doctor || true")
    status = json.loads(dba.type("meshtui bridge status --at postgresql://db.example/mesh --json"))["bridge_status"]
    assert [one["login"] for one in status["access"]] == ["build2", "build3"]

    an_hour = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+3600s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    if FAKETIME.exists():
        build3.type("meshtui bridge exchange", an_hour)
    rows = build2.fleet()
    assert {one["engine"] for one in rows.values()} == {"postgresql"}
    assert all(one["latency_ms"] > 0 for one in rows.values())
    assert abs(rows["build2"]["ahead_ms"]) < 5000
    assert rows["build2"]["wrong"] == []
    if FAKETIME.exists():
        assert 3_590_000 < rows["build3"]["ahead_ms"] < 3_610_000
        assert any("ahead of the bridge's" in what for what in rows["build3"]["wrong"])
    dba.type(said("meshtui bridge revoke build2") + " --at postgresql://db.example/mesh")
    build2.type("meshtui bridge exchange", code=78)
