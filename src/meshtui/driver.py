"""The terminal's driver: Textual's own for Linux and macOS, made to notice that the terminal is gone.

Textual would read an ended input for ever, and its writer would die with the first failed write and block the app.
"""

from __future__ import annotations

import os
import select
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

READ_BYTES = 4096
LOOK_SECONDS = 0.1  # how long a lone escape waits to be more than that
LAST_WORDS_SECONDS = 0.5


def tell_terminal(app: App[int], sequence: str) -> None:
    """Send a sequence to an app's terminal beside what is drawn; nothing where there is no terminal."""
    if app._driver is not None and not app.is_headless:
        app._driver.write(sequence)
        app._driver.flush()


class PatientWriter(WriterThread):
    """Writes in a thread of its own; a terminal that is slow or gone never makes the app wait."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        self._texts: SimpleQueue[str | None] = SimpleQueue()

    def write(self, text: str) -> None:
        self._texts.put(text)

    def run(self) -> None:
        descriptor = self._file.fileno()
        while (text := self._texts.get()) is not None:
            parts = [text]
            while not self._texts.empty() and parts[-1] is not None:
                parts.append(self._texts.get() or "")
            try:
                _write_all(descriptor, "".join(parts).encode("utf-8", "replace"))
            except OSError:
                return  # the reader notices too, and ends the app

    def stop(self) -> None:
        self._texts.put(None)
        self.join(LAST_WORDS_SECONDS)


class MeshDriver(LinuxDriver):
    """Ends the app where input is at its end or the terminal is lost, and asks the terminal itself for its size."""

    def start_application_mode(self) -> None:
        # Textual makes its writer by this name and takes no other.
        vars(linux_driver)["WriterThread"] = PatientWriter
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _get_terminal_size(self) -> tuple[int, int]:
        # COLUMNS and LINES of the environment are those of a shell at some time; a window changes.
        try:
            size = os.get_terminal_size(self.fileno)
        except OSError:
            return super()._get_terminal_size()
        return (size.columns, size.lines) if size.columns and size.lines else super()._get_terminal_size()

    def run_input_thread(self) -> None:
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        parser = XTermParser(self._debug)
        from codecs import getincrementaldecoder

        decode = getincrementaldecoder("utf-8")("replace").decode
        try:
            while not self.exit_event.is_set():
                for _ in poll.poll(LOOK_SECONDS * 1000):
                    data = self._read()
                    if not data:
                        self._lost()
                        return
                    for message in parser.feed(decode(data)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
        finally:
            try:
                for _ in parser.feed(""):
                    pass
            except (EOFError, ParseError):
                pass

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, READ_BYTES)
        except OSError:
            return b""

    def _lost(self) -> None:
        leave = getattr(self._app, "leave", self._app.exit)
        self._loop.call_soon_threadsafe(leave)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
