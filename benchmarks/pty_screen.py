"""A program on a pseudo-terminal, as an operator sees it: what it writes, and when."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from meshtui.painter import Painter

COLUMNS, LINES = 120, 36
TICKS = os.sysconf("SC_CLK_TCK")
LAST_BYTES = 4000
PAUSE_SECONDS = 0.02  # of a slow line between two reads
LAST_ESCAPE = 200  # characters of a sequence that has come in part
ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Screen:
    """Runs a program until the block ends; every byte that it writes is counted and can be waited for."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, rate: int = 0) -> None:
        """`rate`: so many bytes a second are read, as over a slow line; 0 for all that comes."""
        self._rate = rate
        self._master, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._news = threading.Condition()
        self._text = bytearray()
        self._shown = Painter(COLUMNS, LINES)
        self._cut = ""  # the beginning of what has come in part
        self._ended = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            list(argv),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )
        os.close(follower)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, max(1, int(self._rate * PAUSE_SECONDS)) if self._rate else 65536)
            except OSError:
                data = b""
            with self._news:
                self._text += data
                self._draw(data)
                self._ended = not data
                self._news.notify_all()
            if not data:
                return
            if self._rate:
                time.sleep(len(data) / self._rate)

    def _draw(self, data: bytes) -> None:
        text = self._cut + self._decode(data)
        at = text.rfind("\x1b")
        whole = at < 0 or len(text) - at > LAST_ESCAPE or ESCAPES.match(text, at) is not None
        text, self._cut = (text, "") if whole else (text[:at], text[at:])
        self._shown.take(text)

    @property
    def written(self) -> int:
        """How many bytes it has written so far."""
        with self._news:
            return len(self._text)

    def text(self, after: int = 0) -> str:
        """Return what it has written after so many bytes, escape sequences and all."""
        with self._news:
            return self._text[after:].decode(errors="replace")

    def wait_for(self, marker: str, after: int = 0, seconds: float = 30.0) -> float:
        """Return the moment (monotonic) at which a text was seen on the screen, or in what came after so many bytes.

        Raises TimeoutError, saying what came last.
        """
        wanted, until = marker.encode(), time.monotonic() + seconds
        with self._news:
            while self._text.find(wanted, after) < 0 and not any(marker in line for line in self._shown.lines):
                if self._ended or not self._news.wait(max(0.0, until - time.monotonic())):
                    why = "before the program ended" if self._ended else f"within {seconds:g} s"
                    last = ESCAPES.sub("", self._text[-LAST_BYTES:].decode(errors="replace"))
                    raise TimeoutError(f"{marker!r} did not appear {why}; last came: {' '.join(last.split())[-300:]}")
            return time.monotonic()

    def wait_until_gone(self, marker: str, seconds: float = 30.0) -> None:
        """Return once a text is on the screen no more. Raises TimeoutError."""
        until = time.monotonic() + seconds
        with self._news:
            while any(marker in line for line in self._shown.lines):
                if self._ended or not self._news.wait(max(0.0, until - time.monotonic())):
                    raise TimeoutError(f"{marker!r} did not go away within {seconds:g} s")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def cpu_seconds(self) -> float:
        """Return the processor time of the program so far, its children left out."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> float:
        """Return the memory that it holds, in MB."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE / 1e6
