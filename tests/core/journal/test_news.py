"""News of folders: heard from the operating system, and not missed where a folder is made anew or there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles
from tests.core.journal.logs import append

from meshcore.journal import inotify, news
from meshcore.journal.news import FolderNews
from meshcore.journal.tail import Tail, follow

LONG = 20.0  # seconds that no test waits


def no_watch(*_: object, **__: object) -> Iterator[object]:
    """Say what the system says when it has no watches left."""
    raise OSError(28, "no space left on device")


async def lines_until(tail: Tail, heard: FolderNews, last: str, *when: Any) -> list[str]:
    """Follow until a line has come; after each batch, the next of `when` is done."""
    steps, lines = iter(when), []
    async with asyncio.timeout(LONG):
        async for batch in follow(tail, heard):
            lines += [one.line.text for one in batch.lines]
            if last in lines:
                break
            next(steps, lambda: None)()
    heard.close()
    tail.close()
    return lines


async def test_a_line_is_heard_of_by_the_folder_and_after_rotation_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshcore.journal.tail.BACKSTOP_SECONDS", LONG)
    log = tmp_path / "a.jsonl"
    append(log, "0")

    def rotate() -> None:
        log.rename(tmp_path / "a.jsonl.1")
        append(log, "2")

    tail, heard = Tail([log], from_start=True), FolderNews()
    # The watch begins with the first wait, at some time; until it hears, knock.
    knocked = asyncio.create_task(heard.wait(tail.folders, LONG))
    while not knocked.done():
        (tmp_path / "knock").write_text("anyone there?")
        await asyncio.sleep(0)
    steps = (lambda: append(log, "1"), rotate, lambda: append(log, "3"))
    assert await lines_until(tail, heard, "3", *steps) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("by", ["the kernel", "watchfiles"])
async def test_only_the_named_files_are_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    if by == "watchfiles":
        monkeypatch.setattr(inotify, "watch", no_watch)
    heard = FolderNews(frozenset({"store.db"}) if by == "the kernel" else None)
    other = asyncio.create_task(heard.wait(frozenset({tmp_path}), LONG))
    if by == "the kernel":
        await asyncio.sleep(0)
        (tmp_path / "other").touch()
        await asyncio.sleep(0)
        assert not other.done()
    while not other.done():
        (tmp_path / "store.db").touch()
        (tmp_path / "store.db").write_text("news")
        await asyncio.sleep(0)
    heard.close()


async def test_without_news_files_are_looked_at_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inotify, "watch", no_watch)
    monkeypatch.setattr(watchfiles, "watch", no_watch)
    monkeypatch.setattr("meshcore.journal.tail.BACKSTOP_SECONDS", 0.01)
    log = tmp_path / "later" / "a.jsonl"
    append(tmp_path / "b.jsonl", "b")

    def make() -> None:
        log.parent.mkdir()
        append(log, "a")

    assert await lines_until(Tail([tmp_path / "b.jsonl", log], from_start=True), FolderNews(), "a", make) == ["b", "a"]


def test_news_are_looked_for_quickly_while_there_are_any_and_calmly_after_a_while_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []
    stop = threading.Event()
    told = 0

    def watch(*_: object, step: int, rust_timeout: int, **__: object) -> Iterator[set[str]]:
        steps.append(step)
        assert rust_timeout == news.CALM_AFTER_MS
        if len(steps) == 1:
            yield {"a change"}
            yield set()  # half a minute without
        elif len(steps) == 2:
            yield set()
            yield {"a change"}
        else:
            stop.set()

    def tell() -> None:
        nonlocal told
        told += 1

    monkeypatch.setattr(watchfiles, "watch", watch)
    news._listen([Path("/")], stop, tell)
    assert steps == [news.QUICK_MS, news.CALM_MS, news.QUICK_MS]
    assert told >= 4
