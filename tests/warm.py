"""Run `meshtui` as a process of its own, forked from one that has imported it: 0.17 s of a start are imports.

Such a process has its own streams, folder, environment and end, like any other. What it does not prove is the start of
the interpreter and the order of imports: tests about these start a program.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")
AT_START = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "MALLOC_")
"""What an interpreter reads once, as it starts."""
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def fits(environment: Mapping[str, str]) -> bool:
    """Return whether a process with this environment would start as the warm one did."""
    return {name: value for name, value in environment.items() if name.startswith(AT_START)} == ENVIRONMENT


class Warm:
    """The process that forks; it ends when we do."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(SERVER), str(theirs.fileno())],
                stdin=subprocess.PIPE,  # pipes, as its children have: Python looks once whether a stream can seek
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**ENVIRONMENT, "PATH": os.environ.get("PATH", "")},
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, arguments: Sequence[str], data: bytes | None, cwd: Path, environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `meshtui` to its end; without `data` it reads nothing.

        Raises TimeoutExpired when it takes longer; it is killed then.
        """
        output, error = _Reader(), _Reader()
        answer, answers = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        read, write = (null, None) if data is None else os.pipe()
        body = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(environment)}).encode()
        with self._asking:
            descriptors = [read, output.write, error.write, answers]
            socket.send_fds(self._requests, [struct.pack("i", len(body))], descriptors)
            self._requests.sendall(body)
        for descriptor in {*descriptors, null}:
            os.close(descriptor)
        with os.fdopen(answer, "rb") as answered:
            [pid] = struct.unpack("i", answered.read(4))
            late = threading.Timer(timeout_s, os.kill, (pid, signal.SIGKILL))
            late.start()
            output.start()
            error.start()
            if write is not None:
                _write(write, data or b"")
            output.join()
            error.join()
            [code] = struct.unpack("i", answered.read(4))
            if not late.is_alive():
                raise subprocess.TimeoutExpired(["meshtui", *arguments], timeout_s, output.read, error.read)
            late.cancel()
        return subprocess.CompletedProcess(["meshtui", *arguments], code, output.read, error.read)

    def end(self) -> None:
        """End it, and wait for that."""
        self._requests.close()
        self._process.communicate()


class _Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._pipe, self.write = os.pipe()
        self.read = b""

    def run(self) -> None:
        with os.fdopen(self._pipe, "rb") as pipe:
            self.read = pipe.read()


def _write(descriptor: int, data: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as pipe:
            view = memoryview(data)
            while view:
                view = view[pipe.write(view) :]
    except BrokenPipeError:
        pass


@cache
def warm() -> Warm:
    """Return the one of this process."""
    made = Warm()
    atexit.register(made.end)
    return made
