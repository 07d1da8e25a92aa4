"""The app: header, panes, and what works everywhere. It shows what the feed says and writes rows, nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import ComposeResult, SystemCommand
from textual.containers import Container
from textual.filter import LineFilter
from textual.widgets import Static

from meshcore.clock import Clock, SystemClock
from meshcore.errors import MeshError, UsageError
from meshcore.home import Home
from meshtui import themes
from meshtui.actions import bindings
from meshtui.attention import Attention
from meshtui.bell import sequence
from meshtui.driver import tell_terminal
from meshtui.host import READ_ONLY, T
from meshtui.screens import table
from meshtui.screens.base import Page, Pane
from meshtui.screens.switcher import Panes, Tabs
from meshtui.sources import Sources
from meshtui.state import Opening, read_state, write_state
from meshtui.steady import Steady
from meshtui.widgets.bars import Banners, Hints, show_halt
from meshtui.widgets.find import FindBar
from meshtui.widgets.header import HeaderLine, halted_line

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.screen import Screen

    from meshcore.config import Settings
    from meshcore.events import Event
    from meshcore.model import Json
    from meshcore.node import Node
    from meshcore.safety.keys import SigningKey
    from meshcore.store.views import IncidentBrief
    from meshtui.feed import Feed
    from meshtui.messages import EventsSeen, IncidentsChanged, SnapshotTaken
    from meshtui.signing import Signer
    from meshtui.snapshot import Snapshot

LEAST_COLUMNS, LEAST_LINES = 60, 16
WARM_AFTER_SECONDS = 0.5


class MeshApp(Steady):
    """The terminal of one home. `embed`: run its runtime here, where no other process does."""

    CSS_PATH = "meshtui.tcss"
    TITLE = "meshtui"
    BINDINGS: ClassVar = bindings(table.app_actions())
    COMMANDS: ClassVar = Steady.COMMANDS | {table.unknown}
    ALLOW_IN_MAXIMIZED_VIEW = "Banners"

    def __init__(
        self,
        settings: Settings,
        *,
        embed: bool = True,
        clock: Clock | None = None,
        driver_class: type[Driver] | None = None,
        opening: Opening = Opening(),  # noqa: B008  frozen
    ) -> None:
        super().__init__(driver_class=driver_class)
        self._opening = opening
        self.settings = settings
        self.home = Home(settings.home)
        self.clock = clock or SystemClock()
        self.snapshot: Snapshot | None = None
        self.frozen = ""
        self.failure: MeshError | None = None
        self._attention = Attention()
        self.readonly = opening.readonly
        self._sources = Sources(self, settings, self.clock, embed=embed and not self.readonly, fault=self._take_fault)
        self._held_events: list[Event] = []
        self._held_incidents: list[IncidentBrief] = []
        self._kept: dict[str, Json] = read_state(self.home)
        self.panes = Panes(self._kept.get("panes"))
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = kept if (kept := self._kept.get("theme")) in themes.NAMES else themes.default_theme()

    # --- starting and leaving ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield HeaderLine(self.clock)
        yield Tabs()
        yield Banners()
        with Container(id="body"):
            yield self.panes
        yield FindBar()
        yield Hints()
        yield Static(f"meshtui needs {LEAST_COLUMNS}×{LEAST_LINES} characters; make the window larger.", id="small")

    async def on_mount(self) -> None:
        self.set_keymap(dict(self.settings.keys))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            asyncio.get_running_loop().add_signal_handler(number, self.leave)
        view = self._opening.pane or self._kept.get("view")
        await self.show_pane(view if view in [entry.name for entry in table.PANES] else table.PANES[0].name)
        self.call_after_refresh(self.start_work)
        self.set_timer(WARM_AFTER_SECONDS, table.warm)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.THEMES[0].variables)

    def refresh_css(self, animate: bool = True) -> None:
        if self.screen_stack:
            super().refresh_css(animate)
        else:  # the theme was chosen before anything is there: the rules are about to be read, once, in its colours
            self.stylesheet.set_variables(self.get_css_variables())

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return themes.without_colours(filters) if self.no_color and self.native_ansi_color else filters

    def start_work(self) -> None:
        """Start what works in the background, once the first screen is painted."""
        self._sources.start()

    def _take_fault(self, error: MeshError, goes_on: bool) -> None:
        return self.say(str(error), severity="error") if goes_on else self.fail(error)

    def fail(self, error: MeshError) -> None:
        """Leave with an error, which is said once the terminal is restored."""
        self.failure = error
        self.leave(error.exit_code)

    def leave(self, code: int = 0) -> None:
        """Leave in order, for whatever reason."""
        self._sources.stop()
        self.keep_state()
        self.exit(code)

    def close(self) -> bool:
        """End the embedded runtime, after the terminal was restored; return False where it took too long."""
        return self._sources.close()

    def keep_state(self) -> None:
        """Keep for the next start what is shown, and how."""
        if self.home.state.is_dir() and not self.readonly:
            write_state(self.home, {"view": self.current, "theme": self.theme, "panes": self.panes.states()})

    # --- panes ------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> str:
        """Return the name of the pane that is shown."""
        return self.panes.current or ""

    @property
    def pane(self) -> Pane | None:
        """Return the pane that is shown."""
        return self.panes.pane

    def front_of(self, screen: Screen[Any]) -> Pane | Page | None:
        """Return the page that a screen is, else the pane."""
        return screen if isinstance(screen, Page) else self.pane

    async def show_pane(self, name: str) -> None:
        """Show a pane of the table."""
        pane = await self.panes.show(name)
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
        self._sources.look(message.snapshot)
        is_first, self.snapshot = self.snapshot is None, message.snapshot
        if is_first and self._opening.incident:
            from meshtui.screens.chain import ChainScreen

            self.push_screen(ChainScreen(self._opening.incident))
        if asked := self._attention.look(message.snapshot):
            tell_terminal(self, sequence(f"needs you: {asked}", os.environ))
            self.say(f"needs you: {asked} (4 shows it)", severity="warning")
        if self.frozen:
            self._show_banners()
        elif self.screen_stack:  # none any more where the terminal is being left
            self._show(message.snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        self.screen_stack[0].query_one(HeaderLine).show(snapshot)
        self._show_banners()
        self.panes.take(snapshot)

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
            for pane in self.panes.made:
                pane.timeline_grown()

    def _tell(self, events: Sequence[Event]) -> None:
        for pane in self.panes.made:
            pane.told(events)

    def _tell_incidents(self, incidents: Sequence[IncidentBrief]) -> None:
        for pane in self.panes.made:
            pane.incidents_changed(incidents)
        for screen in self.screen_stack[1:]:
            if isinstance(screen, Page):
                screen.incidents_changed(incidents)

    def _show_banners(self) -> None:
        if self.snapshot is not None:
            self.screen_stack[0].query_one(Banners).show(self.snapshot, self.frozen, len(self._held_events))
            show_halt(self.screen_stack[1:], halted_line(self.snapshot))

    def push_screen(self, *arguments: Any, **options: Any) -> Any:
        pushed = super().push_screen(*arguments, **options)
        self.call_later(self._show_banners)
        return pushed

    # --- actions ----------------------------------------------------------------------------------------------------

    async def action_pane(self, name: str) -> None:
        if name in [entry.name for entry in table.PANES]:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            await self.show_pane(name)

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
        if (shown := self.front_of(self.screen)) is not None and (text := shown.copied()):
            from meshtui.clipboard import copy

            self.say(copy(self, text))

    def action_help(self) -> None:
        from meshtui.screens.help import HelpScreen

        scope = front.scope if (front := self.front_of(self.screen)) is not None else ""
        if not self.is_screen_installed(name := f"help-{scope}"):  # it takes long to lay out: once is enough
            self.install_screen(HelpScreen(table.all_actions(), self.settings.keys, scope), name)
        self.push_screen(name)

    def action_theme_next(self) -> None:
        names = [theme.name for theme in themes.THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def action_screenshot_svg(self) -> None:
        self._save("svg", self.export_screenshot(title="meshtui"))

    @work(group="export", exclusive=True)
    async def action_export(self) -> None:
        self._save("txt", await self.pane.exported() if self.pane else "")

    def _save(self, suffix: str, text: str) -> None:
        from meshtui.saving import save

        self.say(save(self.current, suffix, text, self.clock.now()))

    @work(group="kill_switch", exclusive=True)
    async def action_brake(self, name: str) -> None:
        from meshtui.screens.brakes import BRAKES

        await BRAKES[name](self)

    async def action_quit(self) -> None:
        from meshtui.screens.leaving import leave

        self.run_worker(leave(self, self._sources, self.leave), group="leave", exclusive=True)

    def action_suspend_process(self) -> None:
        from meshtui.screens.leaving import suspend

        stop = super().action_suspend_process
        self.run_worker(suspend(self, self._sources, stop), group="leave", exclusive=True)

    def run_outside(self, arguments: Sequence[str], folder: str = "") -> None:
        """Run another `meshtui` command on the bare terminal, and come back when the person has read it."""
        from meshtui.screens.leaving import run_outside

        run_outside(self.suspend(), arguments, folder)

    # --- for panes, as `meshtui.host` names it ------------------------------------------------------------------------

    @property
    def feed(self) -> Feed | None:
        """Return where the store and the bridge can be asked, None before the first painting."""
        return self._sources.feed

    async def decide(self, decision: Callable[[Node], T]) -> T:
        """Carry out a decision of a person on the home, in a thread with its own connection. Raises MeshError."""
        from meshcore.node import Node

        if self.readonly:
            raise UsageError(READ_ONLY)

        if self.snapshot is not None and self.snapshot.fault:
            raise MeshError(self.snapshot.fault)

        def work() -> T:
            with Node(self.settings) as node:
                result = decision(node)
                node.project()
                return result

        result = await asyncio.to_thread(work)
        self._sources.wake()
        return result

    @cached_property
    def _signer(self) -> Signer:
        from meshtui.signing import Signer

        return Signer(self)

    async def signing_key(self) -> SigningKey | None:
        """Return the key for decisions that widen what may happen, asked for once. Raises MeshError."""
        return await self._signer.key()

    def say(self, text: str, *, severity: str = "information") -> None:
        """Tell the person something, for a few seconds."""
        from meshtui.widgets.cells import plain

        self.notify(plain(text), severity=severity, markup=False)  # type: ignore[arg-type]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        from meshtui.screens.palette import commands

        return commands(self, table.all_actions(), self.front_of(screen), self.settings.keys)

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.screen_stack[0].set_class(width < LEAST_COLUMNS or height < LEAST_LINES, "-small")
