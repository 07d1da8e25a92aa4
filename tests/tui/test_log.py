"""The Log pane and `meshtui --log`: a log as it grows, filtered and searched, line by line; every action of both."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.tui.pilot import text_of
from textual.color import Color
from textual.message import Message
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widgets import Input

from meshcore.config import Settings, load
from meshcore.journal.writer import project
from meshcore.safety.visible_text import visible
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.app import MeshApp
from meshtui.logapp import LogApp
from meshtui.screens.deciding import deciding
from meshtui.screens.log import LogPane
from meshtui.screens.record import RecordScreen, outline
from meshtui.screens.table import all_actions
from meshtui.themes import DARK, THEMES
from meshtui.widgets.log_view import LogView, levelled

WAIT_SECONDS = 20.0


class Shown:
    """An app with a log on it."""

    def __init__(self, app: MeshApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot
        self.came = asyncio.Event()
        self.messages: list[Message] = []

    def told(self, message: Message) -> None:
        self.messages.append(message)
        self.came.set()

    @property
    def pane(self) -> LogPane:
        pane = self.app.pane
        assert isinstance(pane, LogPane)
        return pane

    @property
    def view(self) -> LogView:
        return self.pane.view

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type_filter(self, text: str) -> None:
        """Open the line for it as a person does, and replace what is in it."""
        await self.press("slash")
        self.app.screen.query_one(Input).value = text
        await self.press("enter")
        await self.until(lambda: self.pane.document is None or self.pane.document.searched == 1.0)

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once something holds, looked at whenever a message came."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not true():
                self.came.clear()
                if not true():
                    await self.came.wait()
        await self.pilot.pause()

    def text(self) -> str:
        """Return what is on the screen, a line each."""
        return text_of(self.app)

    def title(self) -> str:
        return self.text().splitlines()[0]

    def rows(self) -> list[str]:
        """Return the lines of the log that are on the screen."""
        height = self.view.size.height
        return ["".join(segment.text for segment in self.view.render_line(y)).rstrip() for y in range(height)]


def settings_in(root: Path) -> Settings:
    names = {"OPERATOR_DIR": "operator", "HOME": "home", "BRIDGE": "bridge.db"}
    paths = {f"MESHTUI_{name}": str(root / path) for name, path in names.items()}
    return load(environment={**paths, "MESHTUI_AGENT": "dev@dev1", "MESHTUI_HOST": "dev1", "HOME": str(root)})


@asynccontextmanager
async def running(app: MeshApp, size: tuple[int, int] = (100, 20)) -> AsyncIterator[Shown]:
    app.theme = DARK
    told: list[Callable[[Message], None]] = []

    def hook(message: Message) -> None:
        for tell in told:
            tell(message)

    async with app.run_test(size=size, message_hook=hook) as pilot:
        it = Shown(app, pilot)
        told.append(it.told)
        await pilot.pause()
        yield it


def shown(log: Path, size: tuple[int, int] = (100, 20)) -> AbstractAsyncContextManager[Shown]:
    return running(LogApp(settings_in(log.parent), log), size)


def record(number: int, kind: str = "try.outcome", **more: object) -> str:
    head = {"seq": number, "at": f"2026-11-22T08:{number // 60 % 60:02d}:{number % 60:02d}.000000Z", "kind": kind}
    return json.dumps({**head, "incident_id": f"{number:016x}", **more})


def write(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A journal of 100 events, every tenth a failure."""
    path = tmp_path / "journal.jsonl"
    for number in range(100):
        if number % 10:
            write(path, record(number, result="verified", seconds=float(number)))
        else:
            write(path, record(number, "incident.opened", agent="ci@build2", line=f"KeyError: 'key{number}'"))
    return path


# --- one check per action ---------------------------------------------------------------------------------------------

Check = Callable[[Shown], Awaitable[None]]


async def _log_record(it: Shown) -> None:
    await it.press("up", "enter")
    assert isinstance(it.app.screen, RecordScreen)
    assert "seconds  98.0" in it.text()
    await it.press("escape")
    assert it.view.cursor == it.view._rows.end - 2


async def _log_jump(it: Shown) -> None:
    await it.press("J", *("minus" if key == "-" else key for key in "2020-01-01"), "enter")
    await it.until(lambda: it.rows()[0].startswith("▸") and "KeyError: 'key0'" in it.rows()[0])


async def _log_top(it: Shown) -> None:
    await it.press("g")
    assert "KeyError: 'key0'" in it.rows()[0]
    assert it.rows()[0].startswith("▸")
    assert not it.view.following


async def _log_bottom(it: Shown) -> None:
    await it.press("g", "G")
    assert it.view.following
    assert "verified after 99.00 s" in it.rows()[-1]
    await it.press("home", "end")
    assert it.view.following


async def _log_suspend(it: Shown) -> None:
    await it.type_filter("keyerror")
    assert "10 of 100" in it.title()
    await it.press("up", "up", "f")
    assert "10 of 100 (all shown)" in it.title()
    [marked] = [row for row in it.rows() if row.startswith("▸")]
    assert "key70" in marked
    assert any("verified" in row for row in it.rows())
    await it.press("f")
    [marked] = [row for row in it.rows() if row.startswith("▸")]
    assert "key70" in marked
    assert not any("verified" in row for row in it.rows())


async def _log_next(it: Shown) -> None:
    await it.type_filter("keyerror")
    await it.press("f", "g", "n")
    assert "key10" in next(row for row in it.rows() if row.startswith("▸"))
    await it.press("down", "n")
    assert "key20" in next(row for row in it.rows() if row.startswith("▸"))
    await it.press("f", "n")
    assert "key30" in next(row for row in it.rows() if row.startswith("▸"))


async def _log_previous(it: Shown) -> None:
    await it.press("N")
    assert any("nothing is looked for" in note.message for note in it.app._notifications)
    await it.type_filter("keyerror")
    await it.press("f", "G", "N")
    assert "key90" in next(row for row in it.rows() if row.startswith("▸"))
    await it.press("N")
    assert "key80" in next(row for row in it.rows() if row.startswith("▸"))
    await it.press("g", "N")
    assert it.view.cursor == it.view._rows.first


async def _log_open(it: Shown) -> None:
    other = it.pane.path.with_name("other.log")
    write(other, "plain words", "more")
    await it.press("o")
    it.app.screen.query_one(Input).value = str(other)
    await it.press("enter")
    await it.until(lambda: it.pane.path == other)
    assert [row for row in it.rows() if row] == [" plain words", "▸more"]


async def _log_source(it: Shown) -> None:
    await it.press("s")  # a single log has no other
    assert it.pane.path.name == "journal.jsonl"


async def _record_raw(it: Shown) -> None:
    line = it.view.selected
    assert line is not None
    await it.press("enter", "r")
    assert line.text[:60] in it.text()
    screen = it.app.screen
    assert isinstance(screen, RecordScreen)
    assert screen.copied() == line.text
    await it.press("r")
    assert json.loads(screen.copied()) == json.loads(line.text)
    assert screen.copied().count("\n") > 3


CHECKS: dict[str, Check] = {
    name.removeprefix("_").replace("_", ".", 1): check
    for name, check in list(globals().items())
    if name.startswith(("_log_", "_record_"))
}


@pytest.mark.parametrize("action", sorted(CHECKS))
async def test_an_action_does_what_it_says(action: str, log: Path) -> None:
    async with shown(log) as it:
        await CHECKS[action](it)


def test_every_action_has_a_check() -> None:
    elsewhere = {action.id for scope in ("log", "record") for action in deciding(scope, but="r" * (scope == "record"))}
    ours = {action.id for action in all_actions() if action.scope in ("log", "record")}
    assert ours == set(CHECKS) | elsewhere  # those are looked at in test_deciding


# --- what is shown ----------------------------------------------------------------------------------------------------


async def test_the_end_is_followed_until_a_person_goes_up_and_then_counted(log: Path) -> None:
    async with shown(log) as it:
        assert "▼ following" in it.title()
        write(log, record(100, result="fix_failed"))
        await it.until(lambda: "fix_failed" in it.rows()[-1])
        assert it.rows()[-1].startswith("▸")
        await it.press("up")
        before = it.rows()
        write(log, record(101), record(102))
        await it.until(lambda: "+2 new" in it.title())
        assert it.rows() == before
        await it.press("G")
        assert "▼ following" in it.title()
        assert "08:01:42" in it.rows()[-1]


async def test_a_filter_hides_lines_as_it_is_typed_and_new_lines_go_through_it(log: Path) -> None:
    async with shown(log) as it:
        await it.press("slash", *"key9")
        await it.until(lambda: "1 of 100" in it.title())
        await it.press(*"0'")
        await it.until(lambda: "1 of 100" in it.title())
        write(log, record(100), record(101, "incident.opened", agent="x", line="KeyError: 'key90'"))
        await it.until(lambda: "2 of 102" in it.title())
        await it.press("enter", "escape")
        assert "102 lines" in it.title()


async def test_a_filter_that_cannot_be_read_says_so_and_the_last_one_stays(log: Path) -> None:
    async with shown(log) as it:
        await it.type_filter("keyerror")
        await it.press("slash")
        it.app.screen.query_one(Input).value = "/[a/"
        await it.pilot.pause()
        assert "the expression at character 1 cannot be read" in it.title()
        assert "10 of 100" in it.title()


async def test_an_expression_that_takes_too_long_is_given_up_and_the_app_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, *("a" * 5000 + "x" for _ in range(20)))
    async with shown(log) as it:
        await it.press("slash")
        it.app.screen.query_one(Input).value = "/(.*a){20}$/"
        await it.until(lambda: "simplify it" in it.title())
        await it.press("escape", "escape", "g")
        assert it.rows()[0].startswith("▸aaa")


async def test_rotation_and_truncation_go_on_in_the_view_and_are_said(log: Path) -> None:
    async with shown(log) as it:
        log.rename(log.with_name("journal.jsonl.1"))
        write(log, record(100, result="after the rotation"))
        await it.until(lambda: "after the rotation" in it.rows()[-1])
        assert "101 lines" in it.title()
        assert "another file has taken its place" in it.title()
        os.truncate(log, 0)
        write(log, record(101, result="after the truncation"))
        await it.until(lambda: "after the truncation" in it.rows()[-1])
        assert "truncated" in it.title()
        assert not any("after the rotation" in row for row in it.rows())


async def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "later" / "a.log"
    async with running(LogApp(settings_in(tmp_path), log)) as it:
        assert "not there yet" in it.rows()[0]
        assert "0 lines" in it.title()
        log.parent.mkdir()
        write(log, "here")
        await it.until(lambda: it.rows()[0] == "▸here")


async def test_a_last_line_without_an_end_is_shown_after_a_while(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("whole\nunfinished")
    async with shown(log) as it:
        await it.until(lambda: "▸unfinished" in it.rows())
        assert "2 lines" in it.title()
        with log.open("a") as file:
            file.write(" no more\n")
        await it.until(lambda: "▸unfinished no more" in it.rows())
        assert "2 lines" in it.title()


async def test_a_large_log_answers_keys_while_it_is_counted_and_looked_through(tmp_path: Path) -> None:
    log = tmp_path / "large.jsonl"
    with log.open("w") as file:
        file.writelines(f'{{"n": {number}, "what": "{"x" * 80}"}}\n' for number in range(60_000))
    async with shown(log) as it:
        await it.press("slash")
        it.app.screen.query_one(Input).value = "n:77"
        await it.press("enter", "up", "f", "G")
        await it.until(lambda: "1 of 60,000" in it.title() and "looking" not in it.title())
        await it.press("f")
        assert "n=77" in it.rows()[0]
        await it.press("escape")
        assert "60,000 lines" in it.title()


async def test_what_cannot_be_shown_as_it_is_steers_nothing(tmp_path: Path, shared: Path) -> None:
    log = tmp_path / "hostile.jsonl"
    rows = [json.loads(line) for line in (shared / "eval" / "hostile_text_dev.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in rows if "text" in row]
    with log.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        for number, text in enumerate(texts):
            file.write(text.replace("\n", " ") + "\n")
            file.write(json.dumps({"seq": number, "at": text, "kind": text, "incident_id": text, "what": text}) + "\n")
    async with shown(log, (200, 50)) as it:
        await it.press("g")
        seen = 0
        while not it.view.following:
            for y in range(it.view.size.height):
                for part in it.view.render_line(y):
                    assert visible(part.text, keep_newlines=False) == part.text, ascii(part.text)
            seen += 1
            await it.press("pagedown")
        assert seen >= len(texts) // 50
        await it.press("enter")
        assert all(visible(line, keep_newlines=False) == line for line in it.text().split("\n"))


async def test_the_view_follows_the_journal_of_a_home_and_changes_to_the_monitors_log(
    tmp_path: Path, clock: FakeClock
) -> None:
    settings = settings_in(tmp_path)
    settings.home.mkdir(mode=0o700, parents=True)
    (settings.home / "state").mkdir()
    store = Store(settings.home / "store.db", clock)
    store.events.add("fault", data={"what": "something broke"})
    project(store, settings.home / "journal.jsonl")
    async with running(MeshApp(settings, embed=False, clock=clock)) as it:
        await it.press("6")
        await it.until(lambda: it.app.current == "log")
        assert "something broke" in it.text()
        store.events.add("fault", data={"what": "and again"})
        project(store, settings.home / "journal.jsonl")
        await it.until(lambda: "and again" in it.text())
        await it.press("s")
        assert "no monitor has written here yet" in it.text()
        await it.press("s")
        assert "journal" in it.text()
        await it.type_filter("broke")
        await it.press("q")
    async with running(MeshApp(settings, embed=False, clock=clock)) as it:
        await it.until(lambda: it.app.current == "log" and it.pane.finding == "broke")
        await it.until(lambda: "1 of 2" in it.text())
    store.close()


async def test_a_frozen_view_stands_still_and_shows_what_came_when_it_thaws(log: Path) -> None:
    async with shown(log) as it:
        await it.press("F")
        before, document = it.rows(), it.pane.document
        assert document is not None
        write(log, record(100, result="meanwhile"))
        it.pane._refresh(document)
        await it.pilot.pause()
        assert len(document.rows) == 101
        assert it.rows() == before
        await it.press("F")
        await it.until(lambda: "meanwhile" in it.rows()[-1])


@pytest.mark.parametrize(
    ("line", "level", "tone"),
    [
        ("2026-11-28 12:00:01 ERROR db: gone", "ERROR", "bad"),
        ("[warn] disk is nearly full", "warn", "warn"),
        ("time=12:00 level=info msg=started", "info", "accent"),
        ("12:00 DEBUG http: GET /", "DEBUG", "dim"),
        ("FATAL: no such role", "FATAL", "bad"),
        ("an error of yours, no warning", "", ""),
        ("MY_ERROR=1 ERROR-PRONE x-ERROR", "", ""),
        ("x" * 80 + " ERROR", "", ""),
    ],
)
def test_the_level_of_a_plain_line_has_a_colour_and_prose_has_none(line: str, level: str, tone: str) -> None:
    parts = levelled(line)
    assert "".join(text for text, _ in parts) == line
    assert [part for part in parts if part[1]] == ([(level, tone)] if level else [])


@pytest.mark.parametrize("theme", [one for one in THEMES if not one.ansi], ids=lambda one: one.name)
def test_every_colour_that_writes_can_be_read_on_every_ground(theme: Theme) -> None:
    writes = ("primary", "accent", "success", "warning", "error", "foreground", "dim", "learned", "received")
    for name in writes:
        colour = Color.parse(getattr(theme, name, None) or theme.variables[name])
        for ground in (theme.background, theme.surface, theme.panel):
            assert ground is not None
            assert contrast(colour, Color.parse(ground)) >= 4.5, (name, ground)


def contrast(one: Color, other: Color) -> float:
    """Return how well one colour is told from another, from 1 to 21 (WCAG)."""

    def light(colour: Color) -> float:
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    high, low = max(light(one), light(other)), min(light(one), light(other))
    return high / low


async def test_resizing_keeps_the_place(log: Path) -> None:
    async with shown(log) as it:
        await it.press("g")
        it.view.move_to(it.view.cursor + 30)
        await it.pilot.pause()
        [before] = [row for row in it.rows() if row.startswith("▸")]
        for size in ((70, 17), (160, 50), (100, 20)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause()
        assert before in it.rows()


def test_a_record_is_drawn_as_an_outline() -> None:
    value = {"a": 1, "b": {"c": ["x", {"d": None}]}, "e": [], "f": "two\nlines"}
    assert [(field.depth, field.key, field.text) for field in outline(value)] == [
        (0, "a", "1"),
        (0, "b", ""),
        (1, "c", ""),
        (2, "-", "x"),
        (2, "-", ""),
        (3, "d", "null"),
        (0, "e", "[]"),
        (0, "f", "two\nlines"),
    ]


# --- the command ------------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_command_says_what_to_use_instead(log: Path) -> None:
    argv = [sys.executable, "-m", "meshtui", "--log", str(log)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "TERM": "xterm"})
    assert done.returncode == 2
    assert "--no-ui" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("more", [["status"], ["--no-ui"]])
def test_a_log_stands_alone(log: Path, more: list[str]) -> None:
    argv = [sys.executable, "-m", "meshtui", "--log", str(log), *more]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--log" in done.stderr


def test_the_command_shows_a_log_makes_no_home_and_leaves_the_terminal_as_it_was(log: Path, tmp_path: Path) -> None:
    home = tmp_path / "no" / "home"
    env = {**os.environ, "TERM": "xterm-256color", "MESHTUI_HOME": str(home)}
    screen, terminal = pty.openpty()
    argv = [sys.executable, "-m", "meshtui", "--log", str(log)]
    with subprocess.Popen(
        argv, stdin=terminal, stdout=terminal, stderr=terminal, env=env, start_new_session=True
    ) as it:
        os.close(terminal)
        seen = b""
        while b"following" not in seen:
            seen += os.read(screen, 65_536)
        os.write(screen, b"q")
        try:
            while data := os.read(screen, 65_536):
                seen += data
        except OSError:
            pass  # the terminal is closed
        assert it.wait(WAIT_SECONDS) == 0
    os.close(screen)
    assert b"\x1b[?1049l" in seen
    assert not home.parent.exists()
