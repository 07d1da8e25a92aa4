"""Hosts as network namespaces, each with a cable (veth) of its own to this machine, which can be pulled out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkHost:
    """A namespace: `address` is its own, `server` that of this machine as it is seen from there."""

    name: str
    cable: str
    address: str
    server: str

    def command(self, words: Sequence[str]) -> list[str]:
        """Return what runs a command there."""
        return ["ip", "netns", "exec", self.name, *words]

    def cut(self) -> None:
        """Pull the cable out: nothing comes through, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("link", "set", self.cable, "up")


def why_not() -> str:
    """Return why there can be no namespaces here, "" where there can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    probe = f"mtprobe{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"network namespaces are not permitted ({done.stderr.strip()})"
    _ip("netns", "delete", probe)
    return ""


@contextmanager
def network(count: int) -> Iterator[list[NetworkHost]]:
    """Make so many hosts for a block."""
    process = os.getpid()
    hosts = [
        NetworkHost(f"mt{process}-{number}", f"mt{process % 10**7}v{number}", f"{net}.2", f"{net}.1")
        for number, net in (
            (number, f"10.{64 + process % 128}.{process // 128 % 200 + number}") for number in range(count)
        )
    ]
    try:
        for host in hosts:
            _ip("netns", "add", host.name)
            _ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("addr", "add", f"{host.server}/24", "dev", host.cable)
            _ip("link", "set", host.cable, "up")
            for words in (
                ("addr", "add", f"{host.address}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", host.name, *words)
        yield hosts
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
