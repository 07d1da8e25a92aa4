"""Real interactive shells on a terminal of their own, for tests: typed into and read as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

PROMPT = "ready> "
TIMEOUT_S = 30


class Shell:
    """A bash or zsh with a file of settings; use as a context manager."""

    def __init__(self, name: str, settings: str, folder: Path, environment: Mapping[str, str]) -> None:
        home = folder / f"{name}-settings"
        home.mkdir(exist_ok=True)
        (home / ".zshrc").write_text(settings)
        (home / ".bashrc").write_text(settings)
        self.command = {
            "bash": ["bash", "--noprofile", "--rcfile", str(home / ".bashrc"), "-i"],
            "zsh": ["zsh", "-d", "-i"],
        }[name]
        self.folder = folder
        self.environment = {**environment, "ZDOTDIR": str(home), "TERM": "xterm", "INPUTRC": "/dev/null"}
        self.seen = ""

    def __enter__(self) -> Shell:
        self.terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *self.command],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=self.folder,
            env=self.environment,
        )
        os.close(inner)
        self.read_to(PROMPT)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.terminal)

    def type(self, text: str) -> None:
        """Type, without waiting."""
        os.write(self.terminal, text.encode())

    def run(self, line: str) -> str:
        """Type a line and return what is shown up to the next prompt."""
        self.type(line + "\n")
        return self.read_to(PROMPT)

    def read_to(self, text: str) -> str:
        """Return what is shown until and with a text. Raises AssertionError where it does not come."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.seen:
            left = deadline - time.monotonic()
            ready = select.select([self.terminal], [], [], max(left, 0))[0]
            assert ready, f"{text!r} did not come: {self.seen!r}"
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        before, _, self.seen = self.seen.partition(text)
        return before + text
