"""Run any command as if we were not there, and keep the end of what it printed.

Bytes pass unchanged, a terminal stays a terminal, signals reach the child, its exit code is the answer. What the
child reads from a pipe is kept as well, so that the same command can be run again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshcore.clock import Clock, SystemClock, to_text
from meshcore.errors import UsageError
from meshcore.process.job_control import JobControl
from meshcore.process.pty import PseudoTerminal, in_foreground, is_kept, same_file
from meshcore.process.spawn import CannotStartError, FileAction, spawn
from meshcore.process.standard_streams import StdinKind, open_standard_streams, stdin_kind, write_all
from meshcore.process.stdin_feed import Feed
from meshcore.process.tail_buffer import LastBytes

CAPTURE_LIMIT = 256 * 1024  # bytes of output
STDIN_LIMIT = 1024 * 1024  # bytes of input that are kept for a rerun
QUIET_S = 0.2  # a grandchild holds the output open after the child's end: this long without output and we leave
LINGER_S = 2.0  # … and this long if it never falls silent
TAKES_A_WHILE_S = 0.01  # a command that is over sooner leaves no time to use

_MOST_DROPPED = 1 << 20  # bytes that a full disk took none of
_CHUNK = 64 * 1024
_PIPE_SIZE = 256 * 1024
_SIGNAL_EXIT = 128


@dataclass(frozen=True, slots=True)
class Passed:
    """How a command went. `output` is the end of both streams in the order of arrival.

    `stdin_data` is what it was given through a pipe (kind `captured`), `stdin_offset` where the file stood (kind
    `file`). `signalled` is the signal that ended the child, `interrupted` the one that asked us, or it, to end.
    `printed`: bytes that its standard output got, where that is kept or read (no terminal, not the null device);
    `merged`: its standard error goes to the same place, so they may be errors.
    `left`: it ended before it had all of its input.
    """

    exit_code: int
    output: bytes
    truncated: bool
    started: str  # UTC
    ended: str  # UTC
    seconds: float  # monotonic
    stdin: StdinKind
    stdin_data: bytes | None = None
    stdin_offset: int = 0
    signalled: int | None = None
    interrupted: int | None = None
    printed: int = 0
    merged: bool = False
    left: bool = False


def run_through(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    capture_limit: int = CAPTURE_LIMIT,
    stdin_limit: int = STDIN_LIMIT,
    stdin_replay: bytes | None = None,
    then_ours: bool = False,
    meanwhile: Callable[[], None] | None = None,
    clock: Clock | None = None,
) -> Passed:
    """Run a command on our own standard streams until it ends.

    `meanwhile` is called once the command takes a while, in a thread of its own that is not waited for.

    `stdin_replay` is its input instead of ours, or with `then_ours` before what is left of ours. A command that cannot
    be started is told on stderr as a shell would and gives 127 (not found) or 126 (not executable). To be called from
    the main thread.
    """
    clock = clock or SystemClock()
    open_standard_streams()
    _flush_our_own()
    started, began = to_text(clock.now()), clock.monotonic()
    passage = _Passage(capture_limit, stdin_limit, stdin_replay, clock, then_ours=then_ours, meanwhile=meanwhile)
    kind, offset = stdin_kind()
    if stdin_replay is not None:
        kind, offset = "captured", 0
    try:
        status, interrupted = passage.run(argv, dict(os.environ if env is None else env), cwd, kind)
        exit_code = os.waitstatus_to_exitcode(status)
        exit_code = 1 if passage.lost and exit_code == 0 else exit_code  # the child would have failed to write, itself
    except CannotStartError as error:
        message = f"meshtui: {error.message}\n".encode(errors="surrogateescape")
        write_all(2, message)
        passage.tail.add(f"sh: {error.message}\n".encode(errors="surrogateescape"))  # as a shell says it
        exit_code, interrupted = error.exit_code, None
    signalled = -exit_code if exit_code < 0 else None
    if interrupted is None and (signalled == signal.SIGINT or exit_code == _SIGNAL_EXIT + signal.SIGINT):
        interrupted = signal.SIGINT  # a key of a terminal that is the child's own
    if kind == "captured" and passage.feed is not None and passage.feed.overflowed:
        kind = "unrepeatable"
    return Passed(
        exit_code=_SIGNAL_EXIT + signalled if signalled else exit_code,
        output=passage.tail.value(),
        truncated=passage.tail.truncated,
        started=started,
        ended=to_text(clock.now()),
        seconds=clock.monotonic() - began,
        stdin=kind,
        stdin_data=(bytes(passage.feed.kept) if passage.feed else b"") if kind == "captured" else None,
        stdin_offset=offset,
        signalled=signalled,
        interrupted=interrupted,
        printed=passage.printed if is_kept(1) else 0,
        merged=same_file(1, 2),
        left=passage.left,
    )


def rerun(
    first: Passed,
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Passed:
    """Run a command again on the input that it had in the same process. Raises UsageError where that is gone."""
    if first.stdin == "unrepeatable":
        raise UsageError("the command's input cannot be read a second time; run it again yourself")
    if first.stdin == "file":
        os.lseek(0, first.stdin_offset, os.SEEK_SET)
    # What the first run left unread is still in the pipe.
    return run_through(argv, cwd=cwd, env=env, stdin_replay=first.stdin_data, then_ours=True, clock=clock)


class _Passage:
    """One child between its streams and ours."""

    def __init__(
        self,
        capture_limit: int,
        stdin_limit: int,
        replay: bytes | None,
        clock: Clock,
        *,
        then_ours: bool,
        meanwhile: Callable[[], None] | None,
    ) -> None:
        self.tail = LastBytes(capture_limit)
        self._dropped: dict[int, int] = {}  # bytes of an output that cannot be written
        self.lost = False  # what the child printed could not be written where it was to go
        self.printed = 0
        self.left = False  # of its input there was, or may be, more than it took
        self.feed: Feed | None = None
        self._stdin_limit = stdin_limit
        self._replay = replay
        self._then_ours = then_ours
        self._clock = clock
        self._outputs: dict[int, int] = {}  # what we read → where it goes
        self._terminals: dict[int, PseudoTerminal] = {}
        self._actions: list[FileAction] = []
        self._childs: list[int] = []  # descriptors that only the child needs
        self._selector = selectors.PollSelector()
        self._jobs = JobControl()
        self._meanwhile = meanwhile
        self._over, self._away = threading.Event(), False
        self._child = 0

    def run(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str | None, kind: StdinKind
    ) -> tuple[int, int | None]:
        """Return the wait status and the signal that asked us to end, if one did. Raises CannotStartError."""
        session = kind == "tty" and os.isatty(1) and same_file(0, 1) and in_foreground(0)
        with self._jobs:
            try:
                self._wire_output(session)
                self._wire_input(kind, session)
                self._child = spawn(argv, env, cwd, self._actions, self._jobs.original_mask, session=session)
                self._let_go_of_childs_ends()
                for terminal in self._terminals.values():
                    terminal.take()
                self._jobs.watch(self._child, tuple(self._terminals.values()))
                if self._meanwhile is not None:  # begun here, where signals are held back: it must take none
                    threading.Thread(target=self._use_the_time, name="meanwhile", daemon=True).start()
                self._pump()
            finally:
                self._over.set()
                self._close()
            return self._jobs.status, self._jobs.interrupted

    def _use_the_time(self) -> None:
        if self._meanwhile is not None and not self._over.wait(TAKES_A_WHILE_S):
            self._meanwhile()

    def _wire_output(self, session: bool) -> None:
        self._wire_stream(1, session)
        if same_file(1, 2):
            self._actions.append((os.POSIX_SPAWN_DUP2, 1, 2))  # one stream, so the order of bytes stays exact
        else:
            self._wire_stream(2, session=False)

    def _wire_stream(self, ours: int, session: bool) -> None:
        if os.isatty(ours):
            terminal = PseudoTerminal(ours, session=session)
            self._terminals[terminal.master] = terminal
            self._outputs[terminal.master] = ours
            if session:  # opened by a session leader it becomes the controlling terminal
                self._actions.append((os.POSIX_SPAWN_OPEN, ours, terminal.slave_name, os.O_RDWR, 0))
            else:
                self._actions.append((os.POSIX_SPAWN_DUP2, terminal.slave, ours))
            return
        reader, writer = os.pipe()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._outputs[reader] = ours
        self._childs.append(writer)
        self._actions.append((os.POSIX_SPAWN_DUP2, writer, ours))

    def _wire_input(self, kind: StdinKind, session: bool) -> None:
        if session:
            self._actions.append((os.POSIX_SPAWN_DUP2, 1, 0))
            self.feed = Feed(os.dup(next(iter(self._terminals))), 0, limit=0, terminal=True)
        elif kind == "captured":
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            self._childs.append(reader)
            self._actions.append((os.POSIX_SPAWN_DUP2, reader, 0))
            source = 0 if self._replay is None or self._then_ours else -1
            self.feed = Feed(writer, source, limit=self._stdin_limit, pending=self._replay or b"")

    def _pump(self) -> None:
        for reader in self._outputs:
            self._selector.register(reader, selectors.EVENT_READ)
        self._selector.register(self._jobs.ended, selectors.EVENT_READ)
        self._await_feed()
        leave_at: float | None = None  # set at the child's end
        while leave_at is None or self._outputs:
            events = self._selector.select(None if leave_at is None and not self._away else QUIET_S)
            if self._away and in_foreground(0) and self._has_keys():
                self._await_feed()
            for key, _ in events:
                if key.fd == self._jobs.ended:
                    self._selector.unregister(key.fd)
                    self._end_feed()
                    leave_at = self._clock.monotonic() + LINGER_S
                elif key.fd in self._outputs:
                    self._copy(key.fd)
                else:
                    self._move_feed(key.fd)
            if leave_at is not None and (not events or self._clock.monotonic() > leave_at):
                return

    def _copy(self, reader: int) -> None:
        try:
            data = os.read(reader, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last one has left the terminal
            data = b""
        self.tail.add(data)
        self.printed += len(data) if self._outputs[reader] == 1 else 0
        fault = write_all(self._outputs[reader], data) if data and reader not in self._dropped else 0
        gone = fault in (errno.EPIPE, errno.EIO)
        if (fault and not gone) or reader in self._dropped:
            # A full disk tells each write of it and kills nobody; what has no end is ended.
            self.lost = self.lost or self._outputs[reader] == 1
            self._dropped[reader] = self._dropped.get(reader, 0) + len(data)
            gone = self._dropped[reader] > _MOST_DROPPED
        if not data or gone:
            self._selector.unregister(reader)
            self._close_output(reader)  # whoever still writes is told by SIGPIPE or SIGHUP, as it would be without us

    def _await_feed(self) -> None:
        feed = self.feed
        if feed is None or feed.sink < 0:
            return
        if feed.awaits_room:
            self._selector.register(feed.sink, selectors.EVENT_WRITE)
        elif feed.source >= 0:
            self._selector.register(feed.source, selectors.EVENT_READ)
        else:
            self._end_feed()

    def _move_feed(self, ready: int) -> None:
        feed = self.feed
        if feed is None or feed.sink < 0:
            return  # it ended with an event before this one
        self._selector.unregister(ready)
        if ready == feed.source and feed.terminal and not self._has_keys():
            return
        if not (feed.read() if ready == feed.source else feed.write()):
            self._end_feed()
        elif ready == feed.source:
            self._suspend_on_key(feed)
        self._await_feed()

    def _has_keys(self) -> bool:
        """Tell whether the keys are the child's; in the background they are the shell's, which may bring us back."""
        self._away = not in_foreground(0)
        if self._away or not sum(terminal.take() for terminal in self._terminals.values()):
            return not self._away
        self._await_feed()  # what was there may have been the shell's
        return False

    def _suspend_on_key(self, feed: Feed) -> None:
        if feed.terminal:
            key = next(t for t in self._terminals.values() if t.session).suspend_key(self._child)
            if key and key in feed.pending:
                feed.pending = feed.pending.replace(key, b"")
                self._jobs.stop_child()

    def _end_feed(self) -> None:
        feed = self.feed
        if feed is None or feed.sink < 0:
            return
        for descriptor in (feed.source, feed.sink):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(descriptor)
        self.left = feed.end()

    def _let_go_of_childs_ends(self) -> None:
        for descriptor in self._childs:
            os.close(descriptor)
        self._childs.clear()
        for terminal in self._terminals.values():
            terminal.child_started()

    def _close_output(self, reader: int) -> None:
        del self._outputs[reader]
        terminal = self._terminals.get(reader)
        if terminal is None:
            os.close(reader)
        else:
            terminal.close()

    def _close(self) -> None:
        self._let_go_of_childs_ends()
        self._end_feed()
        for reader in list(self._outputs):
            self._close_output(reader)
        self._selector.close()


def _flush_our_own() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
