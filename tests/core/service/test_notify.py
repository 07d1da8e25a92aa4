"""What a service manager is told, over a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshcore.service.notify import VARIABLES, ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(1000).decode())
        except BlockingIOError:
            return messages


def test_it_says_ready_alive_and_stopping(manager: socket.socket) -> None:
    told = ServiceManager.of({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "3000000"})
    told.ready()
    told.alive(100.0)
    told.stopping()
    assert heard(manager) == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_sign_of_life_is_sent_three_times_per_watchdog_period(manager: socket.socket) -> None:
    told = ServiceManager.of({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"})
    for tenth in range(600):
        told.alive(tenth / 10)
    assert heard(manager) == ["WATCHDOG=1"] * 3


def test_an_abstract_socket_is_one_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0meshtui-test-{os.getpid()}")
        listening.setblocking(False)
        ServiceManager.of({"NOTIFY_SOCKET": f"@meshtui-test-{os.getpid()}"}).ready()
        assert heard(listening) == ["READY=1"]


@pytest.mark.parametrize("watchdog", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}])
def test_without_a_watchdog_of_this_process_no_sign_of_life_is_sent(
    manager: socket.socket, watchdog: dict[str, str]
) -> None:
    told = ServiceManager.of({"NOTIFY_SOCKET": manager.getsockname(), **watchdog})
    told.alive(1.0)
    assert heard(manager) == []


def test_the_variables_are_not_left_for_child_processes() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    ServiceManager.of(environment)
    assert environment == {"PATH": "/bin"}
    assert len(VARIABLES) == 3


def test_a_manager_that_does_not_listen_is_no_fault(tmp_path: Path, manager: socket.socket) -> None:
    ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    ServiceManager.of({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()
    ServiceManager.of({}).ready()
    deaf = ServiceManager.of({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(1000):  # a full queue
        deaf.ready()
    assert 0 < len(heard(manager)) < 1000
