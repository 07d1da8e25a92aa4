"""The client's end: what the other host says, or does not, costs a line and heals by itself."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import pytest
from tests.core.bridge.helpers import ALICE, BOB, member, open_at, publication, take
from tests.core.bridge.ssh.in_process import Piped

from meshcore.bridge.ssh import wire
from meshcore.bridge.ssh.bridge import FIRST_PAUSE, SshBridge
from meshcore.bridge.ssh.link import MOST_NOISE, Destination, Pipe
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.testing import FakeClock

HELLO = b'{"meshtui_bridge":1,"version":"9.9","bridge_id":"b1"}\n'
Answer = Callable[[bytes], bytes]


class Played:
    """A pipe at whose other end a text is said at once, and then an answer to each line."""

    def __init__(self, first: bytes, answer: Answer | None = None, *, stays: bool = True, why: str = "") -> None:
        self._why = why
        self._sockets = (*socket.socketpair(), *socket.socketpair())
        self.writing = cast("IO[bytes]", self._sockets[0].makefile("wb", buffering=0))
        self.reading: IO[bytes] = self._sockets[2].makefile("rb")
        self._player = threading.Thread(target=self._play, args=(first, answer, stays), daemon=True)
        self._player.start()

    def why(self) -> str:
        return self._why

    def end(self) -> None:
        self._shut()
        self._player.join(10)
        for one in (self.writing, self.reading, *self._sockets):
            one.close()

    def _shut(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _play(self, first: bytes, answer: Answer | None, stays: bool) -> None:
        with suppress(OSError), self._sockets[1].makefile("rb") as reading:
            self._sockets[3].sendall(first)
            while answer is not None and (line := reading.readline()):
                self._sockets[3].sendall(answer(line))
            if stays and answer is None:
                reading.read()
        self._shut()


def opened(pipe: Callable[[], Pipe], deadline: float = 5.0, clock: FakeClock | None = None) -> SshBridge:
    monotonic = (clock or FakeClock()).monotonic
    return SshBridge(pipe, "ssh://hub", deadline=deadline, monotonic=monotonic)


def saying(value: object) -> Answer:
    return lambda line: wire.line({"id": json.loads(line)["id"], "value": value})


def test_what_a_login_shell_prints_before_the_hello_is_passed_over() -> None:
    bridge = opened(lambda: Played(b"Welcome to hub!\nLast login: never\n" + HELLO, saying("")))
    assert bridge.bridge_id == "b1"
    bridge.close()


@pytest.mark.parametrize(
    ("pipe", "said"),
    [
        (
            lambda: Played(b"Hi\n", stays=False, why="kex_exchange_identification: \x1b[31mclosed"),
            "ssh://hub: kex_exchange_identification: ",
        ),
        (lambda: Played(b"bash: meshtui: not found\n", stays=False), "which is no bridge's answer"),
        (lambda: Played(b"noise\n" * MOST_NOISE, stays=False), "which is no bridge's answer"),
        (lambda: Played(b"x" * (MOST_NOISE * 3), stays=False), "which is no bridge's answer"),
        (lambda: Played(b'{"meshtui_bridge":1,"error":"unavailable","message":"disk \\u001b[2J full"}\n'), "disk "),
    ],
)
def test_a_connection_that_does_not_begin_is_one_plain_line(pipe: Callable[[], Pipe], said: str) -> None:
    bridge = opened(pipe)
    with pytest.raises(BridgeUnavailableError) as caught:
        bridge.beat(BOB)
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)
    bridge.close()


@pytest.mark.parametrize("protocol", [b"0", b"7", b"null"])
def test_a_server_of_another_protocol_is_told_which_is_the_older(protocol: bytes) -> None:
    bridge = opened(lambda: Played(HELLO.replace(b":1,", b":" + protocol + b",")))
    with pytest.raises(ConfigurationError, match=r"its meshtui is 9\.9"):
        bridge.beat(BOB)
    bridge.close()


@pytest.mark.parametrize("first", [b"", HELLO])
def test_a_server_that_says_nothing_ends_with_the_deadline(first: bytes) -> None:
    bridge = opened(lambda: Played(first, lambda line: b""), deadline=0.1)
    with pytest.raises(BridgeUnavailableError, match=r"did not answer within 0\.1 s"):
        bridge.beat(BOB)
    bridge.close()


def test_a_pipe_that_nobody_reads_ends_with_the_deadline() -> None:
    bridge = opened(lambda: _Unread(HELLO), deadline=0.2)
    with pytest.raises(BridgeUnavailableError):
        bridge.publish([publication(BOB, n) for n in range(5000)])
    bridge.close()


class _Unread(Played):
    def _play(self, first: bytes, answer: Answer | None, stays: bool) -> None:
        self._sockets[3].sendall(first)


ANSWERS: list[object] = [
    None,
    True,
    "x",
    7,
    [],
    [[]],
    {"a": 1},
    [[1, 2, 3]],
    [[["x"]], []],
    [[[1, BOB, None]], [1] * 5],
]


@pytest.mark.parametrize("value", ANSWERS)
def test_no_answer_of_a_hostile_host_is_more_than_unavailable(value: object) -> None:
    bridge = opened(lambda: Played(HELLO, saying(value)), deadline=0.5)
    calls: list[Callable[[], object]] = [
        lambda: bridge.receive(BOB, 0),
        lambda: bridge.members(),
        lambda: bridge.member(BOB),
        lambda: bridge.statistics(),
        lambda: bridge.claims("skill"),
        lambda: bridge.receipts("0" * 64),
        lambda: bridge.received([1, 2]),
        lambda: bridge.publish([publication(BOB)]),
        lambda: bridge.drain(),
        lambda: bridge.published("0"),
        lambda: bridge.undelivered(),
        lambda: bridge.faults(),
    ]
    for call in calls:
        with suppress(BridgeUnavailableError):
            call()
    bridge.close()


def test_rows_that_nobody_asked_for_are_dropped() -> None:
    def answer(line: bytes) -> bytes:
        asked = json.loads(line)
        rows = [[n, ["text", ALICE, ""], "", "mesh", 0] for n in (7, 1)]
        looked = [[[1, ALICE, None], [2, ALICE, None]], [False, 2, 2, 0, 0]]
        return wire.line({"id": asked["id"], "value": looked if asked["call"] == "look" else rows})

    bridge = opened(lambda: Played(HELLO, answer))
    batch = bridge.receive(BOB, 0)
    assert ([one.seq for one in batch.deliveries], batch.cursor) == ([1], 2)
    bridge.close()


def test_a_row_that_is_not_what_its_head_says_is_refused() -> None:
    head = [1, ALICE, [2, ["text", ALICE, ""], "", "mesh", 0]]
    bridge = opened(lambda: Played(HELLO, saying([[head], [False, 1, 1, 0, 0]])))
    with pytest.raises(BridgeUnavailableError, match="cannot be read"):
        bridge.receive(BOB, 0)
    bridge.close()


def test_a_connection_that_broke_is_begun_again_and_nothing_is_lost(tmp_path: Path) -> None:
    hub = open_at("sqlite://{root}/bridge.db", tmp_path, FakeClock())
    pipes: list[Piped] = []

    def connect() -> Pipe:
        pipes.append(Piped(hub, lambda node: True))
        return pipes[-1]

    bridge = opened(connect)
    bridge.join(member(BOB))
    hub.publish([publication(ALICE, 1)])
    pipes[-1].end()
    with suppress(BridgeUnavailableError):
        bridge.beat(BOB)
    hub.publish([publication(ALICE, 2)])
    assert len(take(bridge, BOB)) == 2
    assert len(pipes) == 2
    bridge.close()
    hub.close()


def test_a_host_that_is_away_is_not_asked_at_every_call() -> None:
    clock, tries = FakeClock(), list[int]()

    def connect() -> Pipe:
        tries.append(1)
        raise BridgeUnavailableError("ssh://hub: No route to host")

    bridge = opened(connect, clock=clock)
    for _ in range(5):
        with pytest.raises(BridgeUnavailableError, match="No route to host"):
            bridge.beat(BOB)
    assert len(tries) == 1
    clock.advance(FIRST_PAUSE)
    with pytest.raises(BridgeUnavailableError):
        bridge.beat(BOB)
    assert len(tries) == 2
    bridge.close()


def test_a_link_that_breaks_wakes_whoever_waits_for_its_bell(tmp_path: Path) -> None:
    hub = open_at("sqlite://{root}/bridge.db", tmp_path, FakeClock())
    pipes = [Piped(hub, lambda node: True)]
    bridge = opened(lambda: pipes[-1])
    bridge.join(member(BOB))
    bridge.drain()
    pipes[0].end()
    assert select.select([bridge.fileno()], [], [], 10)[0]
    bridge.close()
    hub.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ssh://hub", ["--", "hub", "meshtui bridge serve --stdio"]),
        ("ssh://ann@hub:2222/srv/mesh bridge.db", ["-p", "2222", "-l", "ann", "--", "hub"]),
        ("ssh://[::1]:22/", ["-p", "22", "--", "::1", "meshtui bridge serve --stdio"]),
    ],
)
def test_an_address_becomes_a_command_of_ssh(url: str, words: list[str]) -> None:
    command = Destination.parse(url, url).command("/usr/bin/ssh")
    at = command.index(words[0])
    assert command[at : at + len(words)] == words
    if "srv" in url:
        assert command[-1] == "meshtui --bridge '/srv/mesh bridge.db' bridge serve --stdio"


@pytest.mark.parametrize(
    "url",
    [
        "ssh://-oProxyCommand=x/a",
        "ssh://-l@hub",
        "ssh://ann:secret@hub/a",
        "ssh://hub:port/a",
        "ssh://",
        "ssh:///a",
        "ssh://hub/a\nb",
        "ssh://hub;id/",
        "ssh://hub?x=1",
    ],
)
def test_an_address_that_could_be_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Destination.parse(url, "ssh://…")


@pytest.fixture(autouse=True)
def _no_bridge_stays_open() -> Iterator[None]:
    yield
    assert not [one for one in threading.enumerate() if one.name == "ssh-errors"]
