"""The demo in the terminal's own panes: told line by line, ended with the terminal, and left with what to do next."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tui.pilot import settings_in, text_of

from meshcore.node import Node
from meshcore.service.runtime import RuntimeLock
from meshtui.cli.demo import demo
from meshtui.demoapp import DemoApp, story_command


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


def story(code: int = 0, *, waits: bool = False) -> list[str]:
    if waits:
        return [sys.executable, "-c", "import time; print('1. the first step', flush=True); time.sleep(600)"]
    return [sys.executable, "-c", f"print('1. the first step', flush=True); raise SystemExit({code})"]


@pytest.mark.parametrize(("code", "says"), [(0, "q leaves; then this"), (1, "✗  1. the first step")])
async def test_what_came_of_it_is_said_and_what_to_do_next(code: int, says: str, tmp_path: Path) -> None:
    with Node(settings_in(tmp_path)) as node:
        node.require_bridge()
    app = DemoApp(settings_in(tmp_path), story(code), "; then this")
    async with app.run_test(size=(140, 36)) as pilot:
        await until(lambda: app.code is not None)
        await pilot.pause()
        said = text_of(app)
        assert says.partition(";")[0] in said and ("then this" in said) == (code == 0)
        await until(lambda: app.feed is not None and app.feed.snapshot.node != "")
    app.close()
    assert (app.told, app.code) == (["1. the first step"], code)


async def test_the_home_is_shown_once_the_story_runs_it_and_its_processes_end_with_the_terminal(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    app = DemoApp(settings, story(waits=True))
    async with app.run_test(size=(140, 36)) as pilot:
        await until(lambda: bool(app.told))
        await pilot.pause()
        assert "1. the first step" in text_of(app) and app.feed is None and not settings.home.exists()
        with Node(settings) as node:
            lock = RuntimeLock(node.home.runtime_lock)
            lock.take()
            await until(lambda: app.feed is not None and app.feed.snapshot.node != "")
            lock.release()
        assert app._process is not None
        pid = app._process.pid
    app.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_story_is_the_demo_as_text() -> None:
    assert story_command("--offline")[-3:] == ["demo", "--plain", "--offline"]
    assert "plain" in {option.name for option in demo.params}
