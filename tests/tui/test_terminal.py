"""The real program on a real terminal: how it starts, and that it leaves whatever happens to the terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping

import pytest
from tests.world import Agent, Listener, only_one_line, wait_for

from meshcore.config import load
from meshcore.filelock import is_stopped
from meshcore.healing import approvals
from meshcore.node import Node
from meshcore.service.holding import holder

LEAVE_SECONDS = 10.0  # the promise is 2 s; a shared machine is slow at times
ALT_SCREEN, MAIN_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """`meshtui` on a pseudo-terminal of its own."""

    def __init__(
        self,
        agent: Agent,
        *arguments: str,
        size: tuple[int, int] = (100, 30),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = os.dup(slave)
        self.process = subprocess.Popen(
            agent.command(*arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=agent.work,
            env={**agent.environment, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.output = b""

    def wait_for(self, text: bytes, seconds: float = 30.0) -> None:
        """Read until something was written. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, self.output[-500:]
            self.output += self._read()

    def rest(self) -> bytes:
        """Read what was written until the program ended."""
        deadline = time.monotonic() + LEAVE_SECONDS
        # A terminal reads all the while: one that does not would hold up the program's last words.
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "the program goes on"
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += self._read()
        while select.select([self.master], [], [], 0)[0] and (data := self._read()):
            self.output += data
        return self.output

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def terminal(a: Agent) -> Iterator[Terminal]:
    terminal = Terminal(a)
    try:
        terminal.wait_for(b"Overview")
        terminal.wait_for(b"mode auto")
        wait_for((a.home / "journal.jsonl").exists, "the runtime is at work")
        yield terminal
    finally:
        terminal.close()


def _last_kinds(agent: Agent) -> list[str]:
    return [json.loads(line)["kind"] for line in (agent.home / "journal.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_drained_and_the_terminal_restored(a: Agent, terminal: Terminal, number: int) -> None:
    terminal.process.send_signal(number)
    output = terminal.rest()
    assert terminal.process.returncode == 0
    assert MAIN_SCREEN in output[output.index(ALT_SCREEN) :]
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert _last_kinds(a)[-1] == "runtime.stopped"


def test_q_leaves_with_0(a: Agent, terminal: Terminal) -> None:
    os.write(terminal.master, b"q")
    assert MAIN_SCREEN in terminal.rest()
    assert terminal.process.returncode == 0
    assert _last_kinds(a)[-1] == "runtime.stopped"


def test_q_during_a_fix_asks_and_waits_until_it_has_ended(a: Agent) -> None:
    a.learn()
    a.run(*a.app, mode="approve")
    (a.venv / "pip-waits").touch()
    terminal = Terminal(a)
    try:
        terminal.wait_for(b"mode auto")
        [approval] = a.ask("approvals", "list")
        with Node(load(environment=a.environment)) as node:
            assert approvals.approve(node, approval["approval_id"])
        wait_for((a.venv / "pip-waiting").exists, "the fix runs")
        os.write(terminal.master, b"q")
        terminal.wait_for(b"A fix is being applied")
        os.write(terminal.master, b"w")
        terminal.wait_for(b"leaving as soon as")
        (a.venv / "pip-waits").unlink()
        assert MAIN_SCREEN in terminal.rest() and terminal.process.returncode == 0
        [done] = a.ask("approvals", "list", "--all")
        assert done["result"] == "verified"
    finally:
        terminal.close()


def test_ctrl_z_hands_the_runtime_over_and_takes_it_again(a: Agent, terminal: Terminal) -> None:
    os.write(terminal.master, b"\x1a")
    wait_for(lambda: is_stopped(terminal.process.pid), "it is stopped")
    with Listener(a) as listener:  # nobody holds the home meanwhile
        assert listener.stop() == 0
    os.kill(terminal.process.pid, signal.SIGCONT)
    wait_for(lambda: holder(a.home / "runtime.lock") == terminal.process.pid, "it runs the home again")
    os.write(terminal.master, b"q")
    terminal.rest()
    assert terminal.process.returncode == 0


def test_a_terminal_that_is_gone_ends_it(a: Agent, terminal: Terminal) -> None:
    os.close(terminal.slave)
    os.close(terminal.master)
    terminal.slave = terminal.master = -1
    terminal.process.wait(LEAVE_SECONDS)
    assert _last_kinds(a)[-1] == "runtime.stopped"


def test_a_lost_terminal_ends_it_though_hangups_are_ignored(a: Agent) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        terminal = Terminal(a)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        terminal.wait_for(b"mode auto")
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.slave = terminal.master = -1
        terminal.process.wait(LEAVE_SECONDS)
    finally:
        terminal.close()


def test_something_is_said_before_the_first_paint(terminal: Terminal) -> None:
    assert terminal.output.index(b"meshtui ") < terminal.output.index(ALT_SCREEN)


@pytest.mark.parametrize("arguments", [(), ("--bridge", "b.db")])
def test_without_a_terminal_it_names_the_way_without_a_screen(a: Agent, arguments: tuple[str, ...]) -> None:
    done = a.call(*arguments)
    assert done.returncode == 2
    assert "meshtui --no-ui" in only_one_line(done)
    assert done.stdout == ""


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_draw_is_refused(a: Agent, term: str) -> None:
    a.environment["TERM"] = term
    done = a.call()
    assert done.returncode == 2
    assert "--no-ui" in only_one_line(done)


def refused(agent: Agent) -> bytes:
    """Return what the terminal wrote before it ended with 78 and no traceback."""
    terminal = Terminal(agent)
    try:
        output = terminal.rest()
    finally:
        terminal.close()
    assert terminal.process.returncode == 78
    assert b"Traceback" not in output
    return output


def test_a_store_of_a_newer_version_is_said_after_the_terminal_is_restored(a: Agent) -> None:
    import sqlite3

    a.call("status")
    with sqlite3.connect(a.home / "store.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    output = refused(a)
    assert b"newer" in output[output.rindex(MAIN_SCREEN) :]


def test_an_unknown_key_in_the_settings_is_said_too(a: Agent) -> None:
    a.operator.mkdir(exist_ok=True)
    (a.operator / "config.toml").write_text('[keys]\n"app.frieze" = "f"\n')
    output = refused(a)
    assert b"no action 'app.frieze'" in output
