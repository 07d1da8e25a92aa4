"""As much of the NATS text protocol as a fair comparison needs: streams, push consumers, stored publishing."""

from __future__ import annotations

import json
import select
import shutil
import socket
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the subject it came on, where to acknowledge it, its bytes."""

    subject: str
    reply: str
    payload: bytes


class NatsClient:
    """A blocking client over one socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._waiting: deque[Message] = deque()
        self._requests = 0
        self._inbox = f"_INBOX.{time.monotonic_ns()}.{id(self)}"
        self._line()
        options = {"verbose": False, "pedantic": False, "lang": "python", "version": "1", "protocol": 1}
        self._send(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
        while self._line() != b"PONG":
            pass
        self._send(f"SUB {self._inbox}.* 1\r\n".encode())

    def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        self._send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def request(self, subject: str, payload: bytes) -> bytes:
        """Send a request and return its answer; other messages that come meanwhile wait."""
        self._requests += 1
        inbox = f"{self._inbox}.{self._requests}"
        self.publish(subject, payload, inbox)
        while True:
            message = self._read(5.0)
            if message is None:
                raise TimeoutError(f"no answer on {subject}")
            if message.subject == inbox:
                return message.payload
            self._waiting.append(message)

    def make_stream(self, name: str, subject: str) -> None:
        config = {"name": name, "subjects": [subject], "storage": "file", "retention": "limits", "num_replicas": 1}
        self._ask(f"$JS.API.STREAM.CREATE.{name}", config)

    def consume(self, stream: str, name: str) -> None:
        """Have every message of a stream pushed here."""
        subject = f"deliver.{name}"
        self._send(f"SUB {subject} 2\r\n".encode())
        config = {
            "durable_name": name,
            "deliver_subject": subject,
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "max_ack_pending": 10_000,
        }
        self._ask(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{name}", {"stream_name": stream, "config": config})

    def publish_stored(self, subject: str, payload: bytes) -> None:
        """Publish and wait until the stream has stored it."""
        answer = json.loads(self.request(subject, payload))
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))

    def next_message(self, timeout: float) -> Message | None:
        return self._waiting.popleft() if self._waiting else self._read(timeout)

    def close(self) -> None:
        self._socket.close()

    def _ask(self, subject: str, body: object) -> None:
        answer = json.loads(self.request(subject, json.dumps(body).encode()))
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))

    def _read(self, timeout: float) -> Message | None:
        while True:
            if b"\r\n" not in self._buffer and not select.select([self._socket], [], [], timeout)[0]:
                return None
            line = self._line()
            if line == b"PING":
                self._send(b"PONG\r\n")
            elif line.startswith(b"MSG "):
                fields = line.decode().split()
                size = int(fields[-1])
                while len(self._buffer) < size + 2:
                    self._fill()
                payload, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
                return Message(fields[1], fields[3] if len(fields) == 5 else "", payload)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _fill(self) -> None:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionError("the nats server closed the connection")
        self._buffer += chunk

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)


def start_server(place: Path) -> subprocess.Popen[bytes] | None:
    """Start a server with JetStream and write its port into the folder; None where `nats-server` is not installed."""
    program = shutil.which("nats-server")
    if program is None:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "-js", "-sd", str(place / "js"), "-a", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (place / "port").write_text(str(port))
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.025)
        else:
            return server
    server.kill()
    server.wait()
    return None
