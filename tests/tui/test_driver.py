"""The terminal's driver: who types is heard at once, and nobody wakes where nobody types."""

from __future__ import annotations

import os
import select
import signal
import threading
import tty
from collections.abc import AsyncIterator
from queue import Queue

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from meshtui.driver import MeshDriver

WAIT_SECONDS = 20.0


class Reader:
    """A driver that reads a pseudo-terminal: what it was told, and how long each of its waits was to be (ms)."""

    def __init__(self, driver: MeshDriver, terminal: int, waits: Queue[float | None]) -> None:
        self.driver = driver
        self.waits = waits
        self.messages: Queue[Message] = Queue()
        self._terminal = terminal
        driver.process_message = self.messages.put  # type: ignore[method-assign,assignment]
        driver._end = os.pipe()
        self.thread = driver._key_thread = threading.Thread(target=driver.run_input_thread, daemon=True)
        self.thread.start()

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def key(self) -> str:
        message = self.messages.get(timeout=WAIT_SECONDS)
        assert isinstance(message, events.Key)
        return message.key

    def until_it_waits_for_ever(self) -> None:
        while self.waits.get(timeout=WAIT_SECONDS) is not None:
            pass


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Queue[float | None]:
    """Note each wait before it begins."""
    begun: Queue[float | None] = Queue()
    real = select.poll

    class Noted:
        def __init__(self) -> None:
            self._poll = real()
            self.register = self._poll.register

        def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
            begun.put(timeout)
            return self._poll.poll(timeout)

    monkeypatch.setattr(select, "poll", Noted)
    return begun


@pytest.fixture
async def reader(waits: Queue[float | None]) -> AsyncIterator[Reader]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)}
    terminal, inside = os.openpty()
    os.set_blocking(inside, False)
    driver = MeshDriver(App())
    driver.fileno, driver._mouse = inside, False
    tty.setraw(inside)
    found = Reader(driver, terminal, waits)
    yield found
    driver.disable_input()
    assert not found.thread.is_alive()
    os.close(terminal)
    os.close(inside)
    for number, handler in handlers.items():
        signal.signal(number, handler)


async def test_a_terminal_at_which_nobody_types_wakes_nobody(reader: Reader) -> None:
    assert reader.waits.get(timeout=WAIT_SECONDS) is None


async def test_after_a_key_it_waits_without_end_again(reader: Reader) -> None:
    reader.until_it_waits_for_ever()
    reader.type("a")
    assert reader.key() == "a"
    reader.until_it_waits_for_ever()


async def test_the_beginning_of_a_sequence_that_nobody_ends_is_told_as_keys(reader: Reader) -> None:
    reader.until_it_waits_for_ever()
    reader.type("\x1b[")
    assert reader.key() == "left_square_bracket"
    reader.until_it_waits_for_ever()


async def test_a_lone_escape_is_told_though_nothing_follows(reader: Reader) -> None:
    reader.until_it_waits_for_ever()
    reader.type("\x1b")
    assert reader.key() == "escape"
    reader.until_it_waits_for_ever()


async def test_a_reader_that_waits_without_end_leaves_when_it_is_told_to(reader: Reader) -> None:
    reader.until_it_waits_for_ever()
    reader.driver.disable_input()
    assert not reader.thread.is_alive()
    assert reader.driver._end is None
