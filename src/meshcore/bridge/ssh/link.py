"""One conversation with the server at the other end of a pipe, and the `ssh` process that carries it."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Protocol

from meshcore.bridge.ssh import wire
from meshcore.bridge.ssh.wire import WireError
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError, UsageError
from meshcore.model import Json
from meshcore.safety.visible_text import visible

MOST_NOISE = 64 * 1024  # bytes before the hello: what a login shell prints
_TOLD = 200  # characters of another program's words
_KEPT_ERRORS = 4096
_END_SECONDS = 1.0
_OPTIONS = (
    *("-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-o", "ConnectTimeout=5"),
    *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2"),
)
"""No terminal, no forwarding, no questions; a hub that went away is noticed within 45 s."""
_REFUSALS = ("Permission denied (", "Host key verification failed", "command not found")
"""What stands in the last line of ssh, or of the other shell, where trying again is no use."""


class Pipe(Protocol):
    """What carries a conversation: both directions, why it ended in words ("" if not known), and a way to end it."""

    @property
    def reading(self) -> IO[bytes]: ...
    @property
    def writing(self) -> IO[bytes]: ...
    def why(self) -> str: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Destination:
    """Where `ssh://[user@]host[:port][/path]` leads; `path` is the bridge's file there, "" for the one of that host."""

    host: str
    user: str = ""
    port: str = ""
    path: str = ""

    @classmethod
    def parse(cls, url: str, shown: str) -> Destination:
        """Read a URL. Raises ConfigurationError for one that is none, or holds what could be taken for an option."""
        found = re.fullmatch(
            r"ssh://(?:(?P<user>[\w.+][\w.@+-]{0,63})@)?(?P<host>[A-Za-z0-9_][\w.-]{0,254}|\[[0-9A-Fa-f:.%\w]{2,60}\])"
            r"(?::(?P<port>\d{1,5}))?(?P<path>/[^\x00-\x1f\x7f]{0,1023})?",
            url,
            re.ASCII,
        )
        if found is None:
            raise ConfigurationError(f"{shown}: write it as ssh://[user@]host[:port][/path of the bridge there]")
        part = {name: value or "" for name, value in found.groupdict().items()}
        path = "" if part["path"] == "/" else part["path"]
        return cls(part["host"].strip("[]"), part["user"], part["port"], path)

    def command(self, program: str) -> list[str]:
        """Return the command line that starts the server there; a forced command in authorized_keys stands instead."""
        there = ["meshtui", "bridge", "serve", "--stdio"]
        there = ["meshtui", "--bridge", self.path, *there[1:]] if self.path else there
        to = [*(("-p", self.port) if self.port else ()), *(("-l", self.user) if self.user else ())]
        return [program, *_OPTIONS, *to, "--", self.host, shlex.join(there)]


class SshPipe:
    """The pipe of an `ssh` process, which asks nothing and reads the user's own configuration."""

    def __init__(self, to: Destination, shown: str) -> None:
        """Start it. Raises BridgeUnavailableError."""
        program = shutil.which("ssh")
        if program is None:
            raise BridgeUnavailableError(f"{shown}: there is no ssh program on the PATH; install OpenSSH's client")
        try:
            # A session of its own: ctrl-c at a terminal is for the command that runs there.
            self._process = subprocess.Popen(
                to.command(program),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise BridgeUnavailableError(f"{shown}: ssh cannot be started ({error.strerror})") from error
        self._errors = b""
        self._listening = threading.Thread(target=self._listen, name="ssh-errors", daemon=True)
        self._listening.start()

    @property
    def reading(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def writing(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def why(self) -> str:
        """Return the last that ssh said, or the other host's shell; "" for nothing."""
        self._listening.join(_END_SECONDS)
        lines = [one.strip() for one in self._errors.decode("utf-8", "replace").splitlines() if one.strip()]
        return lines[-1] if lines else ""

    def end(self) -> None:
        process = self._process
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with suppress(OSError, ValueError), stream:
            while said := os.read(stream.fileno(), 4096):
                self._errors = (self._errors + said)[-_KEPT_ERRORS:]


class Link:
    """A conversation that has begun. `bell` is called where something new may be there, or it ended."""

    def __init__(self, pipe: Pipe, shown: str, bell: Callable[[], None], deadline: float) -> None:
        """Wait for the hello. Raises BridgeUnavailableError, and ConfigurationError for a server of another kind."""
        self._pipe = pipe
        self._shown = shown
        self._bell = bell
        self._writing = threading.Lock()
        self._waiting: dict[int, _Answer] = {}
        self._numbers = itertools.count(1)
        self._hello = _Answer()
        self.is_open = True
        self._out = os.dup(pipe.writing.fileno())  # ours to close: no other file can get its number meanwhile
        os.set_blocking(self._out, False)
        threading.Thread(target=self._read, name="bridge-link", daemon=True).start()
        try:
            if not self._hello.came.wait(deadline):
                raise BridgeUnavailableError(f"{shown} did not answer within {deadline:g} s; try again")
            self.bridge_id = self._greeted()
        except MeshError:
            self.close()
            raise

    def call(self, name: str, arguments: Sequence[Json], deadline: float) -> Json:
        """Return what a call came to. Raises what it raised there, or BridgeUnavailableError."""
        until, answer = time.monotonic() + deadline, _Answer()
        number = next(self._numbers)
        try:
            text = wire.line({"id": number, "call": name, "with": list(arguments)})
        except WireError as error:
            raise UsageError(f"{self._shown} was not asked: {error}") from error
        self._waiting[number] = answer
        if self._writing.acquire(timeout=deadline):
            try:
                self._write(text, until)
            except OSError:
                self.is_open = False  # half a line may have gone out
            finally:
                self._writing.release()
        if not self.is_open:
            answer.end(self._ended())
        if not answer.came.wait(max(0.0, until - time.monotonic())):
            self.close()
            raise BridgeUnavailableError(f"{self._shown} did not answer within {deadline:g} s; try again")
        self._waiting.pop(number, None)
        return answer.value(self._shown)

    def close(self) -> None:
        """End the conversation; whoever waits is told."""
        self.is_open = False
        self._pipe.end()
        with self._writing:
            if self._out >= 0:
                os.close(self._out)
                self._out = -1

    def _write(self, text: bytes, until: float) -> None:
        """Write to a pipe that may be full. Raises OSError where it stays so."""
        left = memoryview(text)
        while left and self.is_open:
            if not select.select([], [self._out], [], max(0.0, until - time.monotonic()))[1]:
                raise TimeoutError
            with suppress(BlockingIOError):
                left = left[os.write(self._out, left) :]

    def _read(self) -> None:
        try:
            while text := self._pipe.reading.readline(wire.MOST_LINE + 1):
                if not self._take(text):
                    break
        except (OSError, ValueError):
            pass
        self.is_open = False
        reason = self._ended()
        for answer in (self._hello, *list(self._waiting.values())):
            answer.end(reason)
        self._bell()

    def _take(self, text: bytes) -> bool:
        """Take in one line; False where the other side says what it should not."""
        if not self._hello.came.is_set():
            return self._hello.greet(text)
        try:
            said = wire.read(text)
        except WireError:
            return False
        if said.get("ring") is True:
            self._bell()
        elif (answer := self._waiting.get(said.get("id", 0))) is not None:
            answer.give(said)
        return True

    def _ended(self) -> str:
        """Return why the conversation ended, in one plain line."""
        if told := self._pipe.why():
            return shortened(told)
        if self._hello.noise and not self._hello.said:
            return f"it says {shortened(self._hello.noise.decode('utf-8', 'replace'))!r}, which is no bridge's answer"
        return "the connection ended"

    def _greeted(self) -> str:
        """Return the bridge's id by the hello. Raises MeshError."""
        said = self._hello.value(self._shown, whole=True)
        if said.get("meshtui_bridge") != wire.PROTOCOL:
            theirs = shortened(str(said.get("version", "")))
            raise ConfigurationError(
                f"{self._shown} speaks another version of the protocol (its meshtui is {theirs}); upgrade the older one"
            )
        found = said.get("bridge_id")
        return found if isinstance(found, str) else ""


class _Answer:
    """What is waited for: an answer, or the hello, before which a login shell may print what it likes."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.said: dict[str, Json] = {}
        self.noise = b""
        self._reason = ""

    def give(self, said: dict[str, Json]) -> None:
        self.said = said
        self.came.set()

    def end(self, reason: str) -> None:
        if not self.came.is_set():
            self._reason = reason
            self.came.set()

    def greet(self, text: bytes) -> bool:
        """Take the hello, or pass over a line before it; False where there are too many."""
        if text.startswith(b'{"meshtui_bridge":'):
            with suppress(ValueError, RecursionError):
                self.give(json.loads(text))
                return True
        self.noise = (self.noise + text)[: MOST_NOISE + 1]
        return len(self.noise) <= MOST_NOISE

    def value(self, shown: str, *, whole: bool = False) -> Json:
        """Return what came. Raises the error that came instead."""
        if not self.said:
            is_for_good = any(words in self._reason for words in _REFUSALS)
            raise (ConfigurationError if is_for_good else BridgeUnavailableError)(f"{shown}: {self._reason}")
        if (kind := self.said.get("error")) is not None:
            error = wire.ERRORS.get(kind if isinstance(kind, str) else "", BridgeUnavailableError)
            raise error(f"{shown}: {shortened(str(self.said.get('message', '')), 400)}")
        return self.said if whole else self.said.get("value")


def shortened(text: str, most: int = _TOLD) -> str:
    """Return another host's words as they may be shown: one plain line."""
    return visible(text, keep_newlines=False)[:most]
