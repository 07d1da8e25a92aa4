"""One command with null input, bounded in time and output; nothing of its process group outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from meshcore.clock import Clock
from meshcore.process.spawn import FileAction, spawn
from meshcore.process.tail_buffer import LastBytes

EXIT_TIMED_OUT = 124  # as timeout(1) says it
OUTPUT_LIMIT = 64 * 1024  # bytes kept of the output

_CHUNK = 64 * 1024
_ASK_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S = 0.05  # between two looks at a process, where the system cannot tell its end
_LEFT_OVER_READS = 64
_LEFT_OVER_S = 0.2  # output of processes that left the group is not awaited longer
_NAMESPACE_S = 5.0  # to make a namespace, and for the kernel to end all that is in it


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; `stopped` says why it was ended by us, with exit code 124, or is empty."""

    exit_code: int
    seconds: float
    output: LastBytes
    stopped: str


class BoundedCommand:
    """A command in a session of its own; at `timeout` seconds its group gets SIGTERM, `grace` seconds later SIGKILL."""

    def __init__(self, clock: Clock, *, timeout: float, grace: float) -> None:
        self._clock = clock
        self._timeout = timeout
        self._grace = grace
        self._cancelled = False
        self._wake = -1
        self._child = 0
        self._status: int | None = None
        self._output = LastBytes(OUTPUT_LIMIT)

    def cancel(self) -> None:
        """End it as at its time limit, from another thread or a signal handler, before or while it runs."""
        self._cancelled = True
        if self._wake >= 0:
            with contextlib.suppress(OSError):
                os.write(self._wake, b"!")

    def run(self, argv: Sequence[str], cwd: str, env: Mapping[str, str], *, sandbox_fd: int = 0) -> Ended:
        """Run it to its end. An exception, for example of a signal handler, ends it first. Raises CannotStartError.

        `sandbox_fd` is the descriptor at which a sandbox names its first process (JSON, `child-pid`), 0 for no sandbox:
        whatever runs inside has ended when this returns.
        """
        began = self._clock.monotonic()
        with contextlib.ExitStack() as stack:
            reader, writer = _pipe(stack)
            woken, self._wake = _pipe(stack)
            told, telling = _pipe(stack)
            stack.callback(setattr, self, "_wake", -1)
            if self._cancelled:
                self.cancel()
            # held back until the child is ours to end: an exception of a signal handler must not come in between
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ASK_TO_END)
            stack.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
            null = stack.enter_context(Path(os.devnull).open("rb")).fileno()
            actions: list[FileAction] = [
                (os.POSIX_SPAWN_DUP2, fd, to) for fd, to in ((null, 0), (writer, 1), (writer, 2))
            ]
            if sandbox_fd:
                actions.append((os.POSIX_SPAWN_DUP2, telling, sandbox_fd))
            self._child = spawn(argv, env, cwd, actions, mask, session=True)
            first = -1
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                for ours in (writer, telling):
                    os.dup2(null, ours, inheritable=False)  # now only the child can write
                first = _first_process(told) if sandbox_fd else -1
                stopped = self._watch(reader, woken)
            finally:
                self._signal(signal.SIGKILL)
                if self._status is None:
                    _, self._status = os.waitpid(self._child, 0)
                if first >= 0:
                    select.select([first], [], [], _NAMESPACE_S)
                    os.close(first)
        code = os.waitstatus_to_exitcode(self._status)
        exit_code = EXIT_TIMED_OUT if stopped else code if code >= 0 else 128 - code
        return Ended(exit_code, self._clock.monotonic() - began, self._output, stopped)

    def _watch(self, reader: int, woken: int) -> str:
        """Read the output until the child ends or has to; return why it had to. Its group may still have members."""
        stopped = ""
        deadline = self._clock.monotonic() + self._timeout
        with selectors.PollSelector() as selector, _exit_descriptor(self._child) as ended:
            for descriptor in (reader, woken, ended):
                if descriptor >= 0:
                    selector.register(descriptor, selectors.EVENT_READ)
            while True:
                remaining = max(0.0, deadline - self._clock.monotonic())
                pause = remaining if ended >= 0 else min(remaining, _LOOK_S)
                ready = {key.fd for key, _ in selector.select(pause)}
                if reader in ready and not self._read(reader):
                    selector.unregister(reader)
                if ended in ready or (ended < 0 and self._has_ended()):
                    self._signal(signal.SIGKILL)  # what it left behind would hold the output open
                    self._drain(selector, reader)
                    return stopped
                late = not ready and pause == remaining
                if stopped and late:
                    return stopped
                if woken in ready or (late and not stopped):
                    stopped = "cancelled" if self._cancelled else f"not finished within {self._timeout:g} s"
                    selector.unregister(woken)
                    self._signal(signal.SIGTERM)
                    deadline = self._clock.monotonic() + self._grace

    def _signal(self, number: int) -> None:
        """Signal the whole group, while the number is surely its own: until the child was waited for."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child, number)

    def _has_ended(self) -> bool:
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid:
            self._status = status
        return pid != 0

    def _read(self, reader: int) -> bool:
        data = os.read(reader, _CHUNK)
        self._output.add(data)
        return bool(data)

    def _drain(self, selector: selectors.BaseSelector, reader: int) -> None:
        """Read what is still in the pipe; a process that left the group may hold it open, so not for long."""
        for _ in range(_LEFT_OVER_READS):
            if reader not in selector.get_map():
                return
            ready = {key.fd for key, _ in selector.select(_LEFT_OVER_S)}
            if reader not in ready or not self._read(reader):
                return


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        stack.callback(os.close, end)
    return ends


def _first_process(told: int) -> int:
    """Wait for a sandbox to name its first process, or to end; return what becomes readable at that process's end."""
    text = b""
    while select.select([told], [], [], _NAMESPACE_S)[0] and (data := os.read(told, _CHUNK)):
        text += data
    try:
        return os.pidfd_open(int(json.loads(text)["child-pid"]))
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return -1  # it did not come to start anything, or all of it has ended


@contextmanager
def _exit_descriptor(pid: int) -> Iterator[int]:
    """Open what becomes readable when a process ends; -1 where the system has no such thing."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield -1
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
