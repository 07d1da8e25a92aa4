"""The six `tui` rows of the given cases."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from tests.tui.busy import CASES, Busy, build, hostile
from tests.tui.pilot import settings_in, shown
from tests.tui.test_terminal import MAIN_SCREEN, Terminal
from tests.world import Agent

from meshcore.config import Settings
from meshcore.home import Home
from meshcore.journal.writer import project
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.themes import ANSI, default_theme

# What Textual itself sends: colours, cursor, modes, queries. Everything else that steers would be ours to answer for.
OURS = re.compile(rb"\x1b\[[0-9;:?$<>=]*[A-Za-z~]|\x1b\[\?[0-9;]*\$p|\x1b\[>[0-9]*u|\r|\n|\x1b\(B|\x1b\]22;[a-z-]*\x07")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def texts(shared: Path, kind: str = "") -> list[str]:
    rows = [json.loads(line) for line in (shared / "eval/hostile_text_dev.jsonl").read_text().splitlines()]
    return [row["text"] for row in rows if kind in row["class"]]


async def test_a_storm_of_resizes_while_events_arrive_ends_with_the_right_layout(
    settings: Settings, clock: FakeClock
) -> None:
    build(settings, clock).close()
    sizes = random.Random(7)
    async with shown(settings, clock) as it:
        store = Store(settings.home / "store.db", clock)
        more = Busy.__new__(Busy)
        more.store, more.clock, more.count, more.known = store, clock, 2000, {}
        for step in range(20):
            for _ in range(3):
                more.fail(CASES[0].agent, f"module{step}")
            await it.pilot.resize_terminal(sizes.randint(1, 300), sizes.randint(1, 100))
        await it.pilot.resize_terminal(120, 36)
        store.close()
        await it.until(lambda: "verified 6 of 69" in it.text(), "every event")
        lines = it.text().splitlines()
        assert lines[1].startswith(" 1 Overview")
        assert "help" in lines[-1]
        assert "module19" in it.text()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 50), (59, 40), (200, 15)])
async def test_a_terminal_of_next_to_no_size_is_no_crash(
    size: tuple[int, int], settings: Settings, clock: FakeClock
) -> None:
    build(settings, clock).close()
    async with shown(settings, clock) as it:
        await it.pilot.resize_terminal(*size)
        await it.press("down", "minus", "enter")
        await it.pilot.resize_terminal(120, 36)
        await it.press("escape")
        assert "No module named" in it.text()


async def test_hostile_texts_are_drawn_as_visible_text_in_list_chain_and_notes(
    settings: Settings, clock: FakeClock, shared: Path
) -> None:
    Home(settings.home).create()
    every = texts(shared)
    store = Store(settings.home / "store.db", clock)
    hostile(store, every)
    store.close()
    async with shown(settings, clock, size=(200, 60)) as it:
        for text in every[:3]:
            it.app.say(text)
        await it.pilot.pause()
        seen = it.text()
        for _ in range(len(every) // 50):
            await it.press("pagedown")
            seen += it.text()
        for _ in range(4):
            await it.press("enter")
            await it.pilot.pause()
            seen += it.text()
            await it.press("escape", *["up"] * 9)
        seen += it.app.export_screenshot()
    assert [c for c in seen if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)] == []
    assert not set(seen) & set("\u202e\u2066\u200b\u200f\ufeff")


async def test_markup_in_a_text_is_shown_literally(settings: Settings, clock: FakeClock) -> None:
    Home(settings.home).create()
    store = Store(settings.home / "store.db", clock)
    hostile(store, ["[bold red]x[/]", "[@click=app.quit]press[/]", "[link=https://example.com]y[/link]"])
    store.close()
    async with shown(settings, clock, size=(200, 40)) as it:
        it.app.say("[@click=app.quit]note[/]")
        await it.pilot.pause()
        for literal in ("[bold red]x[/]", "[@click=app.quit]press[/]", "[link=https://example.com]y[/link]"):
            assert literal in it.text()
        assert "[@click=app.quit]note[/]" in [n.message for n in it.app._notifications]
        await it.press("enter")
        await it.until(lambda: "decision" in it.text(), "the chain")
        assert "[link=https://example.com]y[/link]" in it.text()
        assert not [s for strip in it.app.screen._compositor.render_strips() for s in strip if s.style and s.style.link]


def test_no_control_byte_of_a_text_reaches_the_terminal(a: Agent, shared: Path) -> None:
    a.call("status")
    store = Store(a.home / "store.db")
    hostile(store, texts(shared, "terminal-escape"))
    store.close()
    terminal = Terminal(a, size=(200, 60))
    try:
        terminal.wait_for(b"known fix")
        terminal.wait_for(b"mode auto")
        os.write(terminal.master, b"\r")
        terminal.wait_for(b"decision")
        os.write(terminal.master, b"q")
        output = terminal.rest()
    finally:
        terminal.close()
    assert MAIN_SCREEN in output
    rest = OURS.sub(b"", output)
    assert rest.count(b"\x1b") == 0, rest[max(0, rest.find(b"\x1b") - 40) :][:120]
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]", rest)
    assert not re.search(rb"\x1b\](?!22;)", output)


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "xterm-256color", "NO_COLOR": "1"},
        {"TERM": "xterm-256color", "LANG": "C", "LC_ALL": "C"},
        {"TERM": "screen"},
    ],
    ids=lambda e: " ".join(f"{k}={v}" for k, v in e.items()),
)
def test_a_plain_terminal_is_usable(a: Agent, environment: dict[str, str]) -> None:
    terminal = Terminal(a, environment=environment)
    try:
        terminal.wait_for(b"mode auto")
        os.write(terminal.master, b"q")
        output = terminal.rest()
    finally:
        terminal.close()
    assert terminal.process.returncode == 0
    if "NO_COLOR" in environment:
        assert not re.search(rb"\x1b\[[0-9;]*(38;2;(?!(\d+);\2;\2))", output)
    if environment["TERM"] == "screen":
        assert b"38;2;" not in output


def test_a_terminal_of_16_colours_gets_16_colours() -> None:
    assert default_theme({"TERM": "screen"}) == ANSI
    assert default_theme({"TERM": "xterm-256color"}) != ANSI


def test_hostile_texts_stay_one_line_each_in_the_journal(settings: Settings, clock: FakeClock, shared: Path) -> None:
    home = Home(settings.home).create()
    every = texts(shared)
    store = Store(home.store, clock)
    for text in every:
        store.events.add("fault", data={"what": text})
    project(store, home.journal)
    store.close()
    data = home.journal.read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data)
    lines = [json.loads(line) for line in data.split(b"\n") if line]
    assert len(lines) == len(every)
    shown_by_cat = subprocess.run(["cat", home.journal], capture_output=True, check=True).stdout
    assert b"\x1b" not in shown_by_cat
