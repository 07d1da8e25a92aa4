"""The terminal's driver: Textual's own for Linux and macOS, made for slow lines and for a terminal that goes away.

Textual would send every line anew from its first change, queue frames without end, read an ended input for ever, and
block the app where a write fails.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from typing import TYPE_CHECKING

from textual import constants, events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from meshtui.painter import Painter

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

READ_BYTES = 4096
ESCAPE_SECONDS = 0.05  # how long a lone escape waits to be more than that
LAST_WORDS_SECONDS = 3.0
ANSWER_SECONDS = 10.0  # that a terminal which has answered before may take to say how far it has come
ASK_BYTES = 1024  # so many are sent without asking whether they have come
PASTE = "\x1b[200~"
_LONE_ESCAPE = re.compile(r"(\x1b)(?![\[O\]P_^])")
ASK, ANSWER = "\x1b[5n", "\x1b[0n"  # "are you well?", which a terminal answers once it has drawn what came before


def tell_terminal(app: App[int], sequence: str) -> None:
    """Send a sequence to an app's terminal beside what is drawn; nothing where there is no terminal."""
    if app._driver is not None and not app.is_headless:
        app._driver.write(sequence)
        app._driver.flush()


class ScreenWriter:
    """Sends frames in a thread of its own: the next one is made when the terminal has drawn the last."""

    def __init__(self, descriptor: int, size: tuple[int, int]) -> None:
        self.painter = Painter(*size)
        self._descriptor = descriptor
        self._news = threading.Condition()
        self._ending = False
        self._answers = False
        self._asked = False
        self._since_asked = 0
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Take what is to be shown."""
        with self._news:
            self.painter.take(text)
            self._news.notify_all()

    def resize(self, size: tuple[int, int]) -> None:
        """Take note that the terminal has another size."""
        with self._news:
            if size != (self.painter.width, self.painter.height):
                self.painter.resize(*size)
                self._news.notify_all()

    def answered(self) -> None:
        """Take note that the terminal has drawn what it was sent."""
        with self._news:
            self._answers, self._asked = True, False
            self._news.notify_all()

    def wait_for_answer(self, seconds: float) -> None:
        """Wait until what was asked is answered: the shell behind this program is not to get that."""
        with self._news:
            if self._answers:
                self._news.wait_for(lambda: not self._asked, seconds)

    def stop(self) -> None:
        """Send what is left, and end."""
        with self._news:
            self._ending = True
            self._news.notify_all()
        self._thread.join(LAST_WORDS_SECONDS)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self.painter.has_news or self._ending)
                if self._answers and not self._ending:
                    self._news.wait_for(lambda: not self._asked or self._ending, ANSWER_SECONDS)
                text = self.painter.frame()
                if self._ending and not text:
                    return
                self._since_asked += len(text)
                if self._since_asked >= ASK_BYTES and not self._asked and not self._ending:
                    text, self._asked, self._since_asked = text + ASK, True, 0
            try:
                _write_all(self._descriptor, text.encode("utf-8", "replace"))
            except OSError:
                return  # the reader notices too, and ends the app


class MeshDriver(LinuxDriver):
    """Ends the app where input is at its end or the terminal is lost, and asks the terminal itself for its size."""

    output = 2  # as Textual, which writes to standard error
    _screen: ScreenWriter | None = None
    _end: tuple[int, int] | None = None  # a pipe: readable once input is to end, so that nothing need look now and then

    def start_application_mode(self) -> None:
        self._screen = ScreenWriter(self.output, self._get_terminal_size())
        self._end = self._end or os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        if self._screen is not None:
            self._screen.wait_for_answer(1.0)
        super().stop_application_mode()

    def disable_input(self) -> None:
        if self._end is not None:
            os.write(self._end[1], b"\n")
        super().disable_input()  # it waits until the thread has ended
        if self._end is not None:
            for descriptor in self._end:
                os.close(descriptor)
            self._end = None

    def write(self, data: str) -> None:
        if self._screen is not None:
            self._screen.write(data)

    def flush(self) -> None:
        """Do nothing: what is written is sent as soon as the terminal takes it."""

    def close(self) -> None:
        if self._screen is not None:
            self._screen.stop()
            self._screen = None
        super().close()

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Resize) and self._screen is not None:
            self._screen.resize(message.size)
        super().process_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        # COLUMNS and LINES of the environment are those of a shell at some time; a window changes.
        try:
            found = os.get_terminal_size(self.fileno)
        except OSError:
            found = os.terminal_size((0, 0))
        size = (found.columns, found.lines) if found.columns and found.lines else super()._get_terminal_size()
        if self._screen is not None:
            self._screen.resize(size)
        return size

    def run_input_thread(self) -> None:
        assert self._end is not None
        ending, poll = self._end[0], select.poll()
        for descriptor in (ending, self.fileno):
            poll.register(descriptor, select.POLLIN)
        parser = XTermParser(self._debug)
        from codecs import getincrementaldecoder

        decode = getincrementaldecoder("utf-8")("replace").decode
        held, until = "", 0.0
        try:
            while not self.exit_event.is_set():
                is_unsure = held or time.monotonic() < until
                text, held = held, ""
                for descriptor, _ in poll.poll(ESCAPE_SECONDS * 1000 if is_unsure else None):
                    if descriptor == ending:
                        return
                    data = self._read()
                    if not data:
                        self._lost()
                        return
                    text, held = self._without_answers(text + decode(data))
                for part in _escapes_apart(text):
                    if part == "\x1b":
                        self.process_message(events.Key("escape", part))
                        continue
                    for message in parser.feed(part):
                        self.process_message(message)
                if text:
                    until = time.monotonic() + constants.ESCAPE_DELAY  # so long the parser may wait for more
                for message in parser.tick():
                    self.process_message(message)
        finally:
            try:
                for _ in parser.feed(""):
                    pass
            except (EOFError, ParseError):
                pass

    def _without_answers(self, text: str) -> tuple[str, str]:
        """Return what was typed, and the beginning of an answer that has not come as a whole."""
        if ANSWER in text and self._screen is not None:
            self._screen.answered()
            text = text.replace(ANSWER, "")
        held = next((ANSWER[:n] for n in (3, 2, 1) if text.endswith(ANSWER[:n])), "")
        return text.removesuffix(held), held

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, READ_BYTES)
        except OSError:
            return b""

    def _lost(self) -> None:
        leave = getattr(self._app, "leave", self._app.exit)
        self._loop.call_soon_threadsafe(leave)


def _escapes_apart(text: str) -> list[str]:
    """Return what was typed with every escape key by itself: escape and a digit in quick succession are two keys."""
    if PASTE in text:
        return [text]
    return [part for part in _LONE_ESCAPE.split(text) if part]


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
