"""What of a store becomes messages of the terminal."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest
from textual.message import Message

from meshcore.clock import to_text
from meshcore.config import load
from meshcore.journal.timeline import Timeline, put_mark
from meshcore.knowledge.interchange import put
from meshcore.store.store import Store
from meshcore.store.views import newest_entries, timeline_marks
from meshcore.testing import START, FakeClock, known_skill
from meshtui.feed import SNAPSHOT_PAUSE_SECONDS, Feed
from meshtui.messages import SnapshotTaken


def test_a_gap_of_the_monitor_is_a_hole_of_the_timeline(store: Store, clock: FakeClock) -> None:
    store.events.add("runtime.started")
    store.events.add("monitor.snapshot", data={"mesh": {}})
    since = to_text(START + timedelta(seconds=20))
    clock.advance(60)
    store.events.add("monitor.snapshot", data={"mesh": {"gap": {"since": since, "seconds": 40.0, "missed": 3}}})
    timeline = Timeline()
    found = store.answers(timeline_marks(0, 10))
    for mark in found:
        put_mark(timeline, mark, "node")
    begin = START.timestamp()
    assert [mark.kind for mark in found] == ["runtime.started", "monitor.snapshot"]
    assert timeline.holes(begin, begin + 80, 8, running=True) == [False] * 2 + [True] * 4 + [False] * 2


@pytest.mark.parametrize("since", ["soon", 5, "", {"x": 1}])
def test_a_gap_without_a_usable_time_is_none(since: object, store: Store) -> None:
    store.events.add("runtime.started")
    store.events.add("monitor.snapshot", data={"mesh": {"gap": {"since": since}}})
    timeline = Timeline()
    for mark in store.answers(timeline_marks(0, 10)):
        put_mark(timeline, mark, "node")
    begin = START.timestamp()
    assert timeline.holes(begin - 40, begin + 40, 8, running=True) == [False] * 8


def test_the_entries_are_those_that_a_monitor_saw_last(store: Store) -> None:
    assert store.answers(newest_entries()) == []
    for count in (7, 1149):
        store.events.add("monitor.snapshot", data={"skills_snapshot": {"skill_count": count}})
    assert store.answers(newest_entries()) == [1149]
    store.events.add("monitor.snapshot", data={"skills_snapshot": {"error": "invalid_json"}})
    assert store.answers(newest_entries()) == [0]


async def test_commits_without_an_event_are_shown_twice_a_second_and_none_is_missed(tmp_path: Path) -> None:
    settings = load(home=str(tmp_path / "home"))
    settings.home.mkdir(mode=0o700)
    shown: list[int] = []
    news = asyncio.Event()

    def post(message: Message) -> None:
        if isinstance(message, SnapshotTaken):
            shown.append(message.snapshot.skills)
            news.set()

    store = Store(settings.home / "store.db")
    feed = Feed(settings, post)
    running = asyncio.create_task(feed.run())
    await news.wait()
    began, number = time.monotonic(), 0
    while time.monotonic() - began < 2 * SNAPSHOT_PAUSE_SECONDS:
        put(store, known_skill(f"module{number}"))
        number += 1
        await asyncio.sleep(0)
    while shown[-1] < number:
        news.clear()
        await asyncio.wait_for(news.wait(), 20)
    took = time.monotonic() - began
    feed.stop()
    await running
    store.close()
    assert len(shown) <= 3 + took / SNAPSHOT_PAUSE_SECONDS, (shown, took)
