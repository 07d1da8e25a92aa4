"""Listening: a notification says how far the log goes, and is a hint only; now and then the log itself is asked."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import Notify

from meshcore.bridge.postgres.session import Row

LOOK_SECONDS = 10.0  # after which a listener asks, whatever it has heard: half a connection says nothing
FALSE_RING_SECONDS = 0.05  # between two looks for rings that bring nothing: anybody may ring


class Bell:
    """The descriptor that an event loop watches, over however many connections, and what was heard so far.

    It is an epoll of the connection and of a pipe: a notification that comes with the answer to a call rings there.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._read, select.EPOLLIN)
        self._connection: psycopg.Connection[Row] | None = None
        self._heard = 0
        self._is_rung = False

    def fileno(self) -> int:
        """Return the descriptor that is readable while something is unheard."""
        return self._epoll.fileno()

    def hang(self, connection: psycopg.Connection[Row]) -> None:
        """Begin to listen on a new connection."""
        self._connection = connection
        connection.add_notify_handler(self._hear)
        connection.execute("LISTEN mesh")
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def take(self) -> tuple[int, bool]:
        """Return how far the log goes by what was heard, and whether somebody rang without saying so.

        Raises psycopg.OperationalError where the connection has ended.
        """
        with suppress(BlockingIOError):
            os.read(self._read, 4096)
        connection = self._connection
        if connection is not None and not connection.closed:
            connection.pgconn.consume_input()
            while (found := connection.pgconn.notifies()) is not None:
                self._note(found.extra.decode("utf-8", "replace"))
        heard, is_rung = self._heard, self._is_rung
        self._is_rung = False
        return heard, is_rung

    def wait(self, seconds: float) -> None:
        """Wait until something may have been heard, or the time is over."""
        self._epoll.poll(max(0.0, seconds))

    def close(self) -> None:
        """Let go of the descriptors."""
        self._epoll.close()
        os.close(self._read)
        os.close(self._write)

    def _hear(self, found: Notify) -> None:
        self._note(found.payload)
        with suppress(BlockingIOError):
            os.write(self._write, b"!")

    def _note(self, payload: str) -> None:
        if not payload:
            self._is_rung = True
        elif len(payload) <= 18 and payload.isdecimal():
            self._heard = max(self._heard, int(payload))

    def disbelieve(self, end: int) -> None:
        """Forget what was heard beyond the end of the log."""
        self._heard = min(self._heard, end)


class LateRinger:
    """Rings once more after records that were published too soon after the last ring for one of their own."""

    def __init__(self, ring: Callable[[], bool], seconds: float) -> None:
        """`ring` returns whether nothing is left to be told; it is called after `seconds`, until it does so."""
        self._ring = ring
        self._seconds = seconds
        self._wanted = threading.Lock()
        self._thread: threading.Thread | None = None

    def want(self) -> None:
        """Let it ring soon."""
        with self._wanted:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="meshtui rings", daemon=True)
                self._thread.start()

    def finish(self) -> None:
        """Wait until it has rung."""
        with self._wanted:
            thread = self._thread
        if thread is not None:
            thread.join(5 * self._seconds)

    def _work(self) -> None:
        for _ in range(3):
            time.sleep(self._seconds)
            if self._ring():
                return
