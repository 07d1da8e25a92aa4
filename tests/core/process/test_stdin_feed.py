"""What a command reads from a pipe is kept and gone, and what it leaves is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshcore.process import stdin_feed
from meshcore.process.stdin_feed import Feed

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="tee(2) is of Linux")
RUN = "from meshcore.process.passthrough import run_through; import sys; sys.exit(run_through(sys.argv[1:]).exit_code)"
THROUGH = f'{sys.executable} -c "{RUN}"'


class Pipes:
    """A pipe of ours, the child's, and the feed between them."""

    def __init__(self, *, pending: bytes = b"", limit: int = 1 << 20) -> None:
        self.source, self.writer = os.pipe()
        self.childs, sink = os.pipe()
        self.feed = Feed(sink, self.source, limit=limit, pending=pending)

    def left(self) -> bytes:
        """Return what a reader after us would find."""
        os.close(self.writer)
        self.writer = -1
        found = b""
        while data := os.read(self.source, 1 << 16):
            found += data
        return found

    def close(self) -> None:
        for descriptor in (self.source, self.writer, self.childs):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    found = Pipes()
    yield found
    found.close()


@LINUX
def test_what_the_child_leaves_is_left(pipes: Pipes) -> None:
    os.write(pipes.writer, b"one\ntwo\nthree\n")
    assert pipes.feed.read()
    assert os.read(pipes.childs, 4) == b"one\n"
    assert pipes.feed.end()
    assert pipes.feed.kept == b"one\n"
    assert pipes.left() == b"two\nthree\n"


@LINUX
def test_what_it_has_read_is_kept_in_order_and_the_end_is_passed_on(pipes: Pipes) -> None:
    for text in (b"a" * 5000, b"b", b"c" * 10_000):
        os.write(pipes.writer, text)
    os.close(pipes.writer)
    pipes.writer = -1
    whole = b""
    while pipes.feed.source >= 0:
        assert pipes.feed.read()
        whole += os.read(pipes.childs, 1 << 16) if pipes.feed.awaits_room else b""
        assert not pipes.feed.awaits_room or pipes.feed.write()
    assert pipes.feed.kept == whole == b"a" * 5000 + b"b" + b"c" * 10_000
    assert not pipes.feed.end()


@LINUX
def test_the_input_of_an_earlier_run_comes_before_what_is_left_of_ours() -> None:
    pipes = Pipes(pending=b"again\n")
    os.write(pipes.writer, b"more\n")
    assert pipes.feed.write()
    assert pipes.feed.read()  # there is no room yet
    assert pipes.feed.awaits_room
    assert os.read(pipes.childs, 100) == b"again\n"
    assert pipes.feed.write()
    assert pipes.feed.read()
    assert os.read(pipes.childs, 100) == b"more\n"
    assert pipes.feed.end()
    assert pipes.feed.kept == b"again\nmore\n"
    pipes.close()


@LINUX
def test_a_child_that_closes_its_input_takes_no_more(pipes: Pipes) -> None:
    os.write(pipes.writer, b"one\n")
    assert pipes.feed.read()
    os.close(pipes.childs)
    pipes.childs = -1
    assert not pipes.feed.write()
    pipes.feed.end()
    assert pipes.left() == b"one\n"


def test_a_writer_that_is_silent_may_have_more_to_say_and_one_that_is_gone_has_not(pipes: Pipes) -> None:
    other = Pipes()
    os.close(other.writer)
    other.writer = -1
    assert pipes.feed.end()
    assert not other.feed.end()
    other.close()


@pytest.mark.parametrize("fault", ["no tee", "room before it is empty"])
def test_where_lending_is_not_possible_it_reads_ahead(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    if fault == "no tee":
        monkeypatch.setattr(stdin_feed, "_tee", lambda *_: (-1, 22))
    else:
        monkeypatch.setattr(stdin_feed, "_held", lambda _: 1)
    pipes = Pipes()
    os.write(pipes.writer, b"one\ntwo\n")
    assert pipes.feed.read()
    assert pipes.feed.write()
    monkeypatch.undo()
    assert os.read(pipes.childs, 100) == b"one\ntwo\n"
    os.write(pipes.writer, b"three\n")
    while b"three" not in pipes.feed.kept:
        assert pipes.feed.read()
    assert pipes.feed.write()
    assert os.read(pipes.childs, 100) == b"three\n"
    assert pipes.feed.kept == b"one\ntwo\nthree\n"
    pipes.feed.end()
    pipes.close()


LOOPS = {
    "nothing is read": ("printf '1\\n2\\n3\\n'", "true", "1\n2\n3\n"),
    "a failing command": ("printf '1\\n2\\n3\\n'", "false", "1\n2\n3\n"),
    "a line is read": ("printf '1\\na\\n2\\nb\\n'", "sh -c 'read x; echo $x'", "a\n1\nb\n2\n"),
    "some bytes are read": ("printf '1\\nab2\\ncd3\\n'", "head -c 2", "ab1\ncd2\n3\n"),
    "all is read": ("printf '1\\n2\\n3\\n'", "cat", "2\n3\n1\n"),
}


@LINUX
@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
@pytest.mark.parametrize(("given", "command", "expected"), LOOPS.values(), ids=LOOPS)
def test_a_loop_that_reads_lines_from_a_pipe_reads_on(
    tmp_path: Path, shell: str, given: str, command: str, expected: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    loop = f"{given} | while read -r n; do {{}}{command}; echo $n; done"
    plain, through = (
        subprocess.run([shell, "-c", loop.format(by)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        for by in ("", f"{THROUGH} ")
    )
    assert plain.stdout == expected
    assert through.stdout == expected
