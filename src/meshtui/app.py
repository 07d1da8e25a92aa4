"""The app: header, panes, and what works everywhere. It shows what the feed says and writes rows, nothing else."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, work
from textual.app import App, ComposeResult, SystemCommand
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widgets import ContentSwitcher, Static

from meshcore.clock import Clock, SystemClock
from meshcore.errors import MeshError
from meshcore.home import Home
from meshtui import themes
from meshtui.actions import APP_ACTIONS, bindings
from meshtui.attention import Attention
from meshtui.screens import PaneEntry, all_actions, present
from meshtui.screens.base import Pane
from meshtui.state import read_state, write_state
from meshtui.widgets.bars import Banners, Hints, Tabs
from meshtui.widgets.find import FindBar
from meshtui.widgets.header import HeaderLine

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.screen import Screen

    from meshcore.config import Settings
    from meshcore.events import Event
    from meshcore.model import Json
    from meshcore.node import Node
    from meshcore.store.views import IncidentBrief
    from meshtui.embedding import EmbeddedRuntime
    from meshtui.feed import Feed
    from meshtui.messages import EventsSeen, IncidentsChanged, SnapshotTaken
    from meshtui.signing import Signer
    from meshtui.snapshot import Snapshot

T = TypeVar("T")

LEAST_COLUMNS, LEAST_LINES = 60, 16
WARM_AFTER_SECONDS = 0.5


class MeshApp(App[int]):
    """The terminal of one home. `embed`: run its runtime here, where no other process does."""

    CSS_PATH = "meshtui.tcss"
    TITLE = "meshtui"
    BINDINGS: ClassVar = bindings(APP_ACTIONS)
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        settings: Settings,
        *,
        embed: bool = True,
        clock: Clock | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class)
        self.settings = settings
        self.home = Home(settings.home)
        self.clock = clock or SystemClock()
        self.feed: Feed | None = None
        self.snapshot: Snapshot | None = None
        self.frozen = ""
        self.failure: MeshError | None = None
        self._attention = Attention()
        self._embed = embed
        self._runtime: EmbeddedRuntime | None = None
        self._held_events: list[Event] = []
        self._held_incidents: list[IncidentBrief] = []
        self._kept: dict[str, Json] = read_state(self.home)
        for theme in themes.THEMES:
            self.register_theme(theme)
        wanted = self._kept.get("theme")
        self.theme = wanted if wanted in [theme.name for theme in themes.THEMES] else themes.default_theme()

    # --- starting and leaving ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield HeaderLine(self.clock)
        yield Tabs(present())
        yield Banners()
        with Container(id="body"):
            yield ContentSwitcher(id="panes")
        yield FindBar()
        yield Hints()
        yield Static(f"meshtui needs {LEAST_COLUMNS}×{LEAST_LINES} characters; make the window larger.", id="small")

    async def on_mount(self) -> None:
        if self.settings.keys:
            self.set_keymap(dict(self.settings.keys))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        view = self._kept.get("view")
        await self._show_pane(view if view in [entry.name for entry in present()] else "overview")
        self.call_after_refresh(self._begin)
        self.set_timer(WARM_AFTER_SECONDS, _warm)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.THEMES[0].variables)

    def refresh_css(self, animate: bool = True) -> None:
        if self.screen_stack:
            super().refresh_css(animate)
        else:  # the theme was chosen before anything is there: the rules are about to be read, once, in its colours
            self.stylesheet.set_variables(self.get_css_variables())

    def _begin(self) -> None:
        """Start what works in the background, once the first screen is painted."""
        if self._embed:
            self._start_runtime()
        else:
            self._start_feed()

    def _start_runtime(self) -> None:
        def ready() -> None:
            self.call_later(self._start_feed)

        def ended(fault: MeshError | None) -> None:
            self.call_later(self._runtime_ended, fault)

        from meshtui.embedding import EmbeddedRuntime

        self._runtime = EmbeddedRuntime(self.settings, ready, ended)
        self._runtime.start()

    def _start_feed(self) -> None:
        if self.feed is None:
            from meshtui.feed import Feed

            self.feed = Feed(self.settings, self.post_message, clock=self.clock)
            self.run_worker(self._run_feed(self.feed), name="feed", group="feed", exit_on_error=False)
        else:
            self.feed.wake()

    async def _run_feed(self, feed: Feed) -> None:
        try:
            await feed.run()
        except MeshError as error:
            self.fail(error)

    def _runtime_ended(self, fault: MeshError | None) -> None:
        self._runtime = None
        if fault is not None and self.feed is None:
            self.fail(fault)
        elif fault is not None:
            self.say(str(fault), severity="error")
        if self.feed is not None:
            self.feed.wake()

    def fail(self, error: MeshError) -> None:
        """Leave with an error, which is said once the terminal is restored."""
        self.failure = error
        self.leave(error.exit_code)

    def leave(self, code: int = 0) -> None:
        """Leave in order, for whatever reason."""
        if self.feed is not None:
            self.feed.stop()
        self._keep_state()
        self.exit(code)

    def close(self) -> bool:
        """End the embedded runtime, after the terminal was restored; False where it took too long."""
        return self._runtime is None or self._runtime.stop()

    def _keep_state(self) -> None:
        if not self.home.state.is_dir():
            return
        panes = self._kept.get("panes")
        states = dict(panes) if isinstance(panes, dict) else {}
        states |= {pane.NAME: dict(pane.state()) for pane in self.panes}
        write_state(self.home, {"view": self.current, "theme": self.theme, "panes": states})

    # --- panes ------------------------------------------------------------------------------------------------------

    @property
    def panes(self) -> Sequence[Pane]:
        """The panes that were shown so far."""
        try:
            return list(self.screen_stack[0].query(Pane))
        except NoMatches:
            return []

    @property
    def current(self) -> str:
        """The name of the pane that is shown."""
        return self._switcher.current or ""

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown."""
        return next((pane for pane in self.panes if self.current == pane.NAME), None)

    @property
    def _switcher(self) -> ContentSwitcher:
        return self.screen_stack[0].query_one("#panes", ContentSwitcher)

    async def _show_pane(self, name: str) -> None:
        pane = next((pane for pane in self.panes if name == pane.NAME), None)
        if pane is None:
            entry: PaneEntry = next(entry for entry in present() if entry.name == name)
            pane = entry.load()()
            pane.id = name
            await self._switcher.add_content(pane)
            panes = self._kept.get("panes")
            kept = panes.get(name) if isinstance(panes, dict) else None
            if isinstance(kept, dict):
                pane.restore(kept)
        self._switcher.current = name
        self.screen_stack[0].query_one(Tabs).current = name
        await self._show_find()
        if self.snapshot is not None and self.feed is not None:
            pane.show(self.snapshot)
        pane.focus_first()
        self.query_one(Hints).show(pane.ACTIONS)

    async def _show_find(self) -> None:
        await self.screen_stack[0].query_one(FindBar).show(self.pane.finding if self.pane else "")

    # --- what the feed says -----------------------------------------------------------------------------------------

    def on_snapshot_taken(self, message: SnapshotTaken) -> None:
        if self._embed and self._runtime is None and message.snapshot.runtime == "none":
            self._start_runtime()
        self.snapshot = message.snapshot
        self._attention.look(self, message.snapshot)
        if not self.frozen:
            self._show(message.snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        base = self.screen_stack[0]
        base.query_one(HeaderLine).show(snapshot)
        self._show_banners()
        if self.pane is not None:
            self.pane.show(snapshot)

    def on_events_seen(self, message: EventsSeen) -> None:
        if not self.frozen:
            self._tell(message.events)
            return
        self._held_events += message.events
        self._show_banners()

    def on_incidents_changed(self, message: IncidentsChanged) -> None:
        if self.frozen:
            self._held_incidents += message.incidents
        else:
            self._tell_incidents(message.incidents)

    def on_timeline_grown(self) -> None:
        if not self.frozen:
            for pane in self.panes:
                pane.timeline_grown()

    def _tell(self, events: Sequence[Event]) -> None:
        for pane in self.panes:
            pane.told(events)

    def _tell_incidents(self, incidents: Sequence[IncidentBrief]) -> None:
        for pane in self.panes:
            pane.incidents_changed(incidents)
        for screen in self.screen_stack[1:]:
            if (changed := getattr(screen, "incidents_changed", None)) is not None:
                changed(incidents)

    def _show_banners(self) -> None:
        if self.snapshot is not None:
            self.screen_stack[0].query_one(Banners).show(self.snapshot, self.frozen, len(self._held_events))

    # --- actions ----------------------------------------------------------------------------------------------------

    async def action_pane(self, name: str) -> None:
        if name in [entry.name for entry in present()]:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            await self._show_pane(name)

    def action_freeze(self) -> None:
        if not self.frozen:
            self.frozen = f"{self.clock.now():%H:%M:%S} UTC"
            self._show_banners()
            return
        self.frozen = ""
        events, self._held_events = self._held_events, []
        incidents, self._held_incidents = self._held_incidents, []
        self._tell(events)
        self._tell_incidents(incidents)
        if self.snapshot is not None:
            self._show(self.snapshot)
        self.on_timeline_grown()

    async def action_find(self) -> None:
        if len(self.screen_stack) == 1:
            await self.query_one(FindBar).open()

    def on_find_bar_typed(self, message: FindBar.Typed) -> None:
        if self.pane is not None:
            self.pane.find(message.text)

    def on_find_bar_done(self) -> None:
        if self.pane is not None:
            self.pane.focus_first()

    async def action_back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.screen.maximized is not None:
            self.screen.minimize()
        elif self.pane is not None:
            self.pane.find("")
            await self._show_find()
            self.pane.focus_first()

    def action_maximise(self) -> None:
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif self.focused is not None and self.focused.allow_maximize:
            screen.maximize(self.focused)

    def action_copy(self) -> None:
        text = getattr(self.screen, "copied", self.pane.copied if self.pane else str)()
        if text:
            from meshtui.clipboard import copy

            self.say(copy(self, text))

    def action_help(self) -> None:
        from meshtui.screens.help import HelpScreen

        self.push_screen(HelpScreen(all_actions(), self.settings.keys, self.current))

    def action_theme_next(self) -> None:
        names = [theme.name for theme in themes.THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def action_screenshot_svg(self) -> None:
        path = self._new_file("svg")
        path.write_text(self.export_screenshot(title="meshtui"), "utf-8")
        self.say(f"the screen is in {path}")

    def action_export(self) -> None:
        text = self.pane.exported() if self.pane else ""
        path = self._new_file("txt")
        path.write_text(text, "utf-8")
        self.say(f"{text.count(chr(10)):,} lines are in {path}")

    def _new_file(self, suffix: str) -> Path:
        return Path.cwd() / f"meshtui-{self.current}-{self.clock.now():%Y%m%dT%H%M%S}.{suffix}"

    @work(group="kill_switch", exclusive=True)
    async def action_kill_switch(self) -> None:
        from meshtui.screens.brakes import kill_switch

        await kill_switch(self)

    @cached_property
    def signer(self) -> Signer:
        """The operator's key for decisions that widen what may happen."""
        from meshtui.signing import Signer

        return Signer(self)

    async def action_quit(self) -> None:
        self.leave()

    def run_outside(self, arguments: Sequence[str]) -> None:
        """Run another `meshtui` command on the bare terminal, and come back when the person has read it."""
        import subprocess
        import sys

        with self.suspend():
            subprocess.run([sys.executable, "-m", "meshtui", *arguments], check=False)
            sys.stdout.write("\nenter goes back to the terminal app ")
            sys.stdout.flush()
            sys.stdin.readline()

    # --- for panes --------------------------------------------------------------------------------------------------

    async def decide(self, decision: Callable[[Node], T]) -> T:
        """Carry out a decision of a person on the home, in a thread with its own connection. Raises MeshError."""
        from meshcore.node import Node

        def work() -> T:
            with Node(self.settings) as node:
                result = decision(node)
                node.project()
                return result

        result = await asyncio.to_thread(work)
        if self.feed is not None:
            self.feed.wake()
        return result

    def say(self, text: str, *, severity: str = "information") -> None:
        """Tell the person something, for a few seconds."""
        from meshtui.widgets.cells import plain

        self.notify(plain(text), severity=severity, markup=False)  # type: ignore[arg-type]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        hidden = {"app.command_palette"}
        for action in all_actions():
            if action.scope not in ("app", self.current) or action.id in hidden:
                continue
            target = self if action.scope == "app" else self.pane
            run = partial(self.run_action, action.name, target)
            yield SystemCommand(action.label.capitalize(), action.help, run)
        for theme in themes.THEMES:
            yield SystemCommand(
                f"Theme {theme.name}", "Use these colours.", partial(setattr, self, "theme", theme.name)
            )

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.screen_stack[0].set_class(width < LEAST_COLUMNS or height < LEAST_LINES, "-small")


def _warm() -> None:
    """Import what `?` and the palette need, all panes, while nobody waits: the first press would take too long."""

    def load() -> None:
        from meshtui.screens import help  # noqa: F401

        all_actions()

    threading.Thread(target=load, name="warm", daemon=True).start()
