"""Signals of ours reach the child, its stops become ours, and its end is told: two small threads beside the pump."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import TracebackType

from meshcore.process.pty import PseudoTerminal, in_foreground

FORWARDED = frozenset(
    {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGTSTP,
        signal.SIGCONT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
_ASK_TO_END = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_BY_KERNEL = 0x80  # si_code SI_KERNEL: a key of the terminal, sent to its whole foreground group


class JobControl:
    """Holds our signals back for a block, in which `watch` hands them to a child.

    Signals that we were started with as ignored (nohup, background jobs) stay ignored, by the child too. Enter it in
    the main thread, before other threads start: a thread that does not block signals would take them.
    """

    def __init__(self) -> None:
        self.original_mask: set[int] = set()
        self.interrupted: int | None = None
        self.ended, self._ended = os.pipe()
        self.status = 0
        self._child = 0
        self._terminals: tuple[PseudoTerminal, ...] = ()
        self._session = False
        self._has_terminal = False
        self._closing = False
        self._over = False
        self._listener: threading.Thread | None = None
        ignored = {s for s in FORWARDED if signal.getsignal(s) is signal.SIG_IGN}
        self._signals = FORWARDED - ignored | {signal.SIGCONT}

    def __enter__(self) -> JobControl:
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited: the kernel would throw the exit status away
        # SIGTTOU: a background process that gives the terminal back must not be stopped for it
        self.original_mask = {*signal.pthread_sigmask(signal.SIG_BLOCK, self._signals | {signal.SIGTTOU})}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._listener is not None and self._listener.ident is not None:
            signal.pthread_kill(self._listener.ident, signal.SIGCONT)
            self._listener.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, self.original_mask)
        os.close(self.ended)
        if not self._child:
            os.close(self._ended)

    def watch(self, child: int, terminals: tuple[PseudoTerminal, ...]) -> None:
        """Begin: `ended` becomes readable at the child's end, then `status` is its wait status."""
        self._child = child
        self._terminals = terminals
        self._session = any(t.session for t in terminals)
        self._has_terminal = bool(terminals) or os.isatty(0)
        self._listener = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._listener.start()
        threading.Thread(target=self._await_end, name="child", daemon=True).start()

    def stop_child(self) -> None:
        """Stop the child as a whole; its stop then becomes ours."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child, signal.SIGSTOP)

    def _listen(self) -> None:
        while True:
            number, from_terminal = self._next_signal()
            if self._closing:
                return
            self._forward(number, from_terminal)

    def _next_signal(self) -> tuple[int, bool]:
        if sys.platform == "darwin":
            number = int(signal.sigwait(self._signals))
            return number, number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP) and in_foreground(0)
        info = signal.sigwaitinfo(self._signals)
        return info.si_signo, info.si_code == _BY_KERNEL

    def _forward(self, number: int, from_terminal: bool) -> None:
        if number in _ASK_TO_END and self.interrupted is None:
            self.interrupted = number
        if number in (signal.SIGCONT, signal.SIGWINCH):
            for terminal in self._terminals:
                terminal.resize()
        elif from_terminal and not self._session:
            return  # the child is in our group: the terminal has told it
        if number == signal.SIGCONT:
            for terminal in self._terminals:
                terminal.take()
        if number == signal.SIGTSTP and self._session:
            self.stop_child()  # the kernel drops SIGTSTP for a session without a shell
            return
        if number == signal.SIGWINCH and self._session:
            return  # the new size has told it
        if self._over:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGCONT and self._session:
                os.killpg(self._child, number)
            else:
                os.kill(self._child, number)

    def _await_end(self) -> None:
        while True:
            _, status = os.waitpid(self._child, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._stop_too()
        self._over = True
        self.status = status
        os.close(self._ended)

    def _stop_too(self) -> None:
        if not self._has_terminal:
            return  # no shell that would continue us; whoever stopped the child continues it
        for terminal in self._terminals:
            terminal.give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
