"""The demo's stage with two machines: network namespaces with a cable each, and PostgreSQL between them.

It needs root, iproute2, PostgreSQL's programs and psycopg; `why_not` says in words what is missing.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from meshcore.bridge.open import administration
from meshcore.config import BridgeAddress
from meshcore.demo.stage import Agent, DemoError

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A namespace with a cable to this machine: `address` is its own, `server` that of this machine seen from there."""

    name: str
    cable: str
    address: str
    server: str

    def command(self, words: Sequence[str]) -> list[str]:
        """Return what runs a command there."""
        return ["ip", "netns", "exec", self.name, *words]

    def cut(self) -> None:
        """Take the cable out: nothing comes through, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put the cable in again."""
        _ip("link", "set", self.cable, "up")


def why_not() -> str:
    """Return why there can be no two machines and PostgreSQL here, "" where there can."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'meshtui[postgres]'"
    return "PostgreSQL is not installed" if _programs() is None else why_no_machines()


def why_no_machines() -> str:
    """Return why there can be no machines of their own here, "" where there can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and iproute2"
    probe = f"mtprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    _ip("netns", "delete", probe)
    return ""


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """Make so many machines for a block. Raises DemoError."""
    process = os.getpid()
    nets = [f"10.{64 + process % 128}.{process // 128 % 200 + number}" for number in range(count)]
    made = [
        Machine(f"mt{process}-{number}", f"mt{process % 10**7}v{number}", f"{net}.2", f"{net}.1")
        for number, net in enumerate(nets)
    ]
    try:
        for one in made:
            _ip("netns", "add", one.name)
            _ip("link", "add", one.cable, "type", "veth", "peer", "name", "eth0", "netns", one.name)
            _ip("addr", "add", f"{one.server}/24", "dev", one.cable)
            _ip("link", "set", one.cable, "up")
            _ip("-n", one.name, "addr", "add", f"{one.address}/24", "dev", "eth0")
            _ip("-n", one.name, "link", "set", "eth0", "up")
            _ip("-n", one.name, "link", "set", "lo", "up")
        yield made
    finally:
        for one in made:  # the cable first: with its namespace alone it goes at some later time, and its name with it
            for words in (("link", "delete", one.cable), ("netns", "delete", one.name)):
                subprocess.run(["ip", *words], capture_output=True, check=False)


@contextmanager
def two_machines(agents: Sequence[Agent]) -> Iterator[None]:
    """Put each agent on a machine of its own, with a login of its own on one PostgreSQL, for a block."""
    with ExitStack() as stack:
        made = stack.enter_context(machines(len(agents)))
        folder, port = stack.enter_context(_server([one.server for one in made]))
        owner = administration(BridgeAddress.parse(f"postgresql://postgres@/mesh?host={folder}&port={port}"))
        owner.make()
        for agent, machine in zip(agents, made, strict=True):
            secret = folder / f"{agent.name}.password"
            where = f"{machine.server}:{port}/mesh?sslrootcert={folder}/server.crt&passwordfile={secret}"
            agent.move(machine.name, f"postgresql://{agent.name}@{where}")
            words = agent.call("bridge", "introduce").stdout.split()
            if "--node" not in words:
                raise DemoError(f"{agent.name}: it has not introduced itself to PostgreSQL")
            granted = owner.grant(agent.name, [words[words.index("--node") + 1]])
            secret.touch(0o600)
            secret.write_text(granted.line.rpartition(":")[2])
        yield


@contextmanager
def _server(addresses: Sequence[str]) -> Iterator[tuple[Path, int]]:
    programs, user = _programs(), pwd.getpwnam("postgres")
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="meshtui-demo-pg-", dir="/tmp"))
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
        make = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **who)  # type: ignore[call-overload]
        _certify(folder, addresses)
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
        for name in ("server.crt", "server.key"):
            os.chown(folder / name, user.pw_uid, user.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        settings = {
            "listen_addresses": ",".join(addresses),
            "ssl": "on",
            "ssl_cert_file": f"{folder}/server.crt",
            "ssl_key_file": f"{folder}/server.key",
        }
        command = [str(programs / "postgres"), "-D", f"{folder}/data", "-k", str(folder), "-p", str(port)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        try:
            _wait_for(programs, folder, port, server)
            yield folder, port
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(programs: Path, folder: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        if subprocess.run([programs / "pg_isready", "-q", "-h", folder, "-p", str(port)], check=False).returncode == 0:
            return
    raise DemoError(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')[-300:]}")


def _certify(folder: Path, addresses: Sequence[str]) -> None:
    """Make the server's certificate, for its addresses and this day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "meshtui demo")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").touch(0o600)
    (folder / "server.key").write_bytes(secret)
    (folder / "server.crt").write_bytes(made.public_bytes(pem))


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(f"ip {' '.join(words)}: {done.stderr.strip()}")
