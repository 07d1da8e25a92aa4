"""Following against a plain model of what is done to a log: appended, rotated, truncated, half written, read anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from meshcore.journal.generations import MOST_OPEN, QUIET_SECONDS
from meshcore.journal.tail import Tail
from meshcore.testing import FakeClock

SOME = st.integers(min_value=1, max_value=40)


class Log(RuleBasedStateMachine):
    """A log that is written to and rotated, and whoever follows it.

    What may be lost is what was written and truncated before the next look, and nothing else; what is there comes
    once, whole, and in the order of its file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "a.jsonl"
        self.offsets = self.folder / "state" / "offsets"
        self.offsets.parent.mkdir()
        self.clock = FakeClock()
        self.count = 0
        self.expected: list[str] = []  # whole lines that are in some file, and those that have come
        self.unseen: list[str] = []  # of those, what has been written since the last look
        self.half = ""
        self.came: list[str] = []
        self.tail = self.new_tail()

    def new_tail(self) -> Tail:
        return Tail([self.path], clock=self.clock, from_start=True, offsets=self.offsets)

    def line(self, size: int) -> str:
        self.count += 1
        return f"{self.count}:" + "x" * size

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    @initialize(exists=st.booleans())
    def begin(self, exists: bool) -> None:
        if exists:
            self.path.touch()
        self.look()

    @rule(sizes=st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=30))
    def append(self, sizes: list[int]) -> None:
        for size in sizes:
            self.whole(self.line(size))

    def whole(self, line: str) -> None:
        self.write(f"{line}\n")
        self.unseen.append(self.half + line)
        self.half = ""

    @rule(size=st.integers(min_value=1, max_value=100))
    def half_write(self, size: int) -> None:
        text = self.line(size)
        self.write(text)
        self.half += text

    @rule(blank=st.sampled_from(["\n", "\r\n", " \n"]))
    def blank_line(self, blank: str) -> None:
        if not self.half:
            self.write(blank)

    @precondition(lambda self: self.path.exists())
    @rule(times=st.integers(min_value=1, max_value=3))
    def rotate(self, times: int) -> None:
        for _ in range(times):
            for number in range(999, 0, -1):
                older = self.folder / f"a.jsonl.{number}"
                if older.exists():
                    older.rename(self.folder / f"a.jsonl.{number + 1}")
            self.path.rename(self.folder / "a.jsonl.1")
            self.half = ""  # a line that no file will ever finish
            self.path.touch()
            self.whole(self.line(3))

    @precondition(lambda self: self.path.exists())
    @rule(copied=st.booleans())
    def truncate(self, copied: bool) -> None:
        self.look()  # without it, what was not looked at is lost: the race
        if copied:
            shutil.copy(self.path, self.folder / "a.jsonl.copy")
        os.truncate(self.path, 0)
        self.half = ""
        self.look()

    @precondition(lambda self: self.path.exists())
    @rule()
    def truncate_unseen(self) -> None:
        os.truncate(self.path, 0)
        self.lose_unseen()

    def lose_unseen(self) -> None:
        self.half = ""
        self.expected += [f"?{line}" for line in self.unseen]
        self.unseen = []

    @precondition(lambda self: self.path.exists())
    @rule()
    def delete(self) -> None:
        current = self.tail._followed[self.path].current
        if current is None or current.identity != (self.path.stat().st_dev, self.path.stat().st_ino):
            self.look()  # of a file that came and went between two looks nobody can know
        self.path.unlink()
        self.half = ""

    @precondition(lambda self: self.path.exists())
    @rule()
    def replace(self) -> None:
        self.look()
        fresh = self.folder / ".fresh"
        self.half = ""
        line = self.line(5)
        fresh.write_text(f"{line}\n")
        fresh.replace(self.path)
        self.unseen.append(line)

    @rule(limit=st.sampled_from([64, 1000, 1 << 20]))
    def look(self, limit: int = 1 << 20) -> None:
        while True:
            batch = self.tail.poll(limit)
            self.came += [one.line.text for one in batch.lines]
            if not batch.more:
                break
        self.expected += self.unseen
        self.unseen = []

    @rule()
    def restart(self) -> None:
        self.look()  # what was deleted meanwhile cannot be found again by anybody
        self.tail.save()
        self.tail.close()
        self.tail = self.new_tail()

    @rule(seconds=st.sampled_from([1.0, QUIET_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.look()
        self.clock.advance(seconds)
        self.look()
        assert len(self.tail._followed[self.path].live) <= MOST_OPEN + 1

    @invariant()
    def nothing_comes_twice_torn_or_not_at_all(self) -> None:
        certain = [line for line in self.expected if not line.startswith("?")]
        possible = set(certain) | {line.removeprefix("?") for line in self.expected} | set(self.unseen)
        came = self.came
        assert len(came) == len(set(came)), "twice"
        for line in came:
            assert line in possible, f"torn: {line[:60]!r}"
        seen = set(came)
        assert [line for line in certain if line not in seen] == [], "lost"

    def teardown(self) -> None:
        self.look()
        self.nothing_comes_twice_torn_or_not_at_all()
        self.tail.close()
        shutil.rmtree(self.folder)

    quick: ClassVar = settings(
        max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    long: ClassVar = settings(
        max_examples=20, stateful_step_count=2_000, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_no_line_is_lost_torn_or_shown_twice() -> None:
    run_state_machine_as_test(Log, settings=Log.quick)


@pytest.mark.long
def test_no_line_is_lost_torn_or_shown_twice_in_two_thousand_steps() -> None:
    run_state_machine_as_test(Log, settings=Log.long)
