"""A real sshd of one's own: its port, host key, authorized keys and client configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running sshd, and what a client needs for it: `path` comes first on the PATH, `config` is of its `ssh`."""

    port: int
    folder: Path
    path: Path
    address: str = "127.0.0.1"

    @property
    def public_key(self) -> str:
        return (self.folder / "id.pub").read_text("utf-8").strip()

    def authorize(self, line: str) -> None:
        """Put the one line of authorized_keys that holds."""
        (self.folder / "authorized_keys").write_text(line + "\n")

    def url(self, path: Path | str = "") -> str:
        return f"ssh://{self.address}:{self.port}{path}"


class NoSshdError(Exception):
    """There is no sshd here, or it cannot be run; the message says why."""


def start(folder: Path, address: str = "127.0.0.1") -> tuple[Sshd, subprocess.Popen[bytes]]:
    """Start it at an address of this machine. Raises NoSshdError."""
    program, keygen, ssh = (
        shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"),
        *map(shutil.which, ("ssh-keygen", "ssh")),
    )
    if not (program and keygen and ssh):
        raise NoSshdError("OpenSSH's server is not installed")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "id"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    (folder / "authorized_keys").write_text("")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress {address}\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    host = (folder / "host.pub").read_text("utf-8").split()
    (folder / "known_hosts").write_text(f"[{address}]:{port} {host[0]} {host[1]}\n")
    (folder / "ssh_config").write_text(
        f"Host *\n  IdentityFile {folder}/id\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n"
    )
    # The client reads the configuration of the user's home in the passwd file; a test has another.
    wrapper = folder / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {ssh} -F {folder}/ssh_config "$@"\n')
    wrapper.chmod(0o755)
    log = (folder / "sshd.log").open("wb")
    process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    log.close()
    _answered(address, port, process, folder)
    return Sshd(port, folder, wrapper.parent, address), process


def _answered(address: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NoSshdError(f"sshd cannot be run here: {(folder / 'sshd.log').read_text('utf-8')[-200:]}")
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("sshd does not answer")
