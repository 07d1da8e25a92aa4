"""Pane 1: what happened when, per agent, and the incidents below, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from meshcore.clock import from_text, to_text
from meshtui.actions import Action, jumping, marking, previewing, sorting
from meshtui.screens.base import Pane
from meshtui.screens.deciding import Deciding, deciding
from meshtui.widgets.cells import plain
from meshtui.widgets.header import GAP, duration
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row
from meshtui.widgets.states import STATES
from meshtui.widgets.stored_rows import StoredRows
from meshtui.widgets.timeline_view import RANGES, TimelineView

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshcore.store.listed import Listed
    from meshcore.store.views import IncidentBrief
    from meshtui.snapshot import EffectView, Snapshot, ToldView

COLUMNS = (
    Column("state", 13),
    Column("time UTC", 8),
    Column("agent", 13, flex=1, priority=3),
    Column("error", 21, flex=3),
    Column("fix", 16, flex=2, priority=2),
    Column("green", 7, priority=1, right=True),
)

ACTIONS: tuple[Action, ...] = (
    Action(
        "overview.open",
        "enter",
        "open",
        "Open the chain of the selected incident, or, on the timeline (tab), the agent of the lane.",
        hint="open",
    ),
    *deciding("overview"),
    *sorting("overview"),
    marking("overview"),
    jumping("overview"),
    previewing("overview"),
    Action("overview.zoom_out", "minus", "longer range", "Show more time.", hint="range", hint_keys="- +"),
    Action("overview.zoom_in", "plus,equals_sign", "shorter range", "Show less time."),
    Action(
        "overview.pan_back",
        "h,left",
        "earlier",
        "Show an earlier time, by a quarter of the range.",
        hint="pan",
        hint_keys="h l",
    ),
    Action("overview.pan_on", "l,right", "later", "Show a later time, by a quarter of the range."),
    Action("overview.now", "full_stop", "now", "Show the present again.", hint="now"),
    Action("overview.demo", "D", "demo", "Play the whole story on this machine, in two homes of its own."),
)

PREVIEW_COLUMNS = 160  # from which on the selected incident is shown beside the list
EFFECT_COLUMNS = 110  # a narrower pane needs its lines for the list

WELCOME = """\
 Nothing has failed here yet, and nothing is known.

 Put this before any command; where it fails and the fix is known, it heals:

     meshtui run -- python app.py

 Teach the mesh how an error is fixed:

     meshtui learn --error "…" --fix "pip install django"

 See the whole story first, in two homes of its own:  D  plays

     meshtui demo
"""


class OverviewPane(Deciding, Pane):
    """Timeline and incidents."""

    NAME = "overview"
    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    OverviewPane {
        & > #timeline { height: 3; margin-bottom: 1; }
        & > #effect { display: none; height: 1; margin-bottom: 1; padding: 0 1; color: $dim; text-wrap: nowrap; }
        &.-effect > #effect { display: block; }
        &.-effect > #timeline { margin-bottom: 0; }
        &.-empty > #effect { display: none; }
        & > #below { height: 1fr; }
        & #incidents { height: 1fr; width: 1fr; }
        & #preview { display: none; width: 2fr; }
        &.-preview #incidents { width: 3fr; }
        &.-preview #preview { display: block; }
        & > #welcome { display: none; height: 1fr; padding: 1 2; color: $foreground; }
        &.-empty > #welcome { display: block; }
        &.-empty > #below { display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._effect: Sequence[EffectView] = ()
        self._told: ToldView | None = None
        self._effect_shown = ""
        self._previews = True

    def compose(self) -> ComposeResult:
        yield TimelineView()
        yield Static("", id="effect", markup=False)
        with Horizontal(id="below"):
            yield StoredRows(_incidents, COLUMNS, self._row, states=_states, empty="no incidents yet", id="incidents")
        yield Static(WELCOME, id="welcome", markup=False)

    @property
    def view(self) -> TimelineView:
        """Return the timeline."""
        return self.query_one(TimelineView)

    @property
    def rows(self) -> StoredRows[IncidentBrief]:
        """Return the incidents."""
        return self.query_one("#incidents", StoredRows)

    # --- what there is to show --------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.view.now = self.mesh.clock.now().timestamp()
        self.watch(self.screen, "maximized", self._fit, init=False)

    def show_nothing(self) -> None:
        if not self.has_class("-empty"):
            self.add_class("-empty")
            self.focus_first()

    def show(self, snapshot: Snapshot) -> None:
        was_empty = self.has_class("-empty")
        if snapshot.is_empty:
            self.show_nothing()
        else:
            self.remove_class("-empty")
        if was_empty and not snapshot.is_empty and self.view.has_focus:
            self.call_after_refresh(self.focus_first)
        self.view.timeline = self.feed.timeline
        self.view.running = snapshot.runtime != "none"
        self._effect, self._told = snapshot.effect, snapshot.told
        self._fit()
        self.view.redraw()
        self.rows.begin()

    def reload(self) -> None:
        self.rows.reload()

    def timeline_grown(self) -> None:
        if self.query(TimelineView):  # else it is not laid out yet, or the terminal is being left
            self._fit()
            self.view.redraw()

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        self.rows.changed(incidents)

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """Give the timeline what its lanes need, at most two fifths of the pane, and a wide pane the line of effect."""
        if self.size.height:
            wide = self.size.width >= EFFECT_COLUMNS
            line = effect_line(self._effect, self.size.width - 2, self._told) if wide else ""
            self.set_class(bool(line), "-effect")
            if line != self._effect_shown:
                self._effect_shown = line
                self.query_one("#effect", Static).update(line)
            self._fit_preview()
            alone = self.screen.maximized is self.view
            height = self.view.wanted_height(self.screen.size.height if alone else max(4, self.size.height * 2 // 5))
            if self.view.styles.height is None or self.view.styles.height.value != height:
                self.view.styles.height = height

    def _fit_preview(self) -> None:
        """Show the selected incident beside the list, where there is room and nobody has closed it."""
        wanted, below = self._previews and self.size.width >= PREVIEW_COLUMNS, self.query_one("#below")
        if wanted and not self.query("#preview"):
            from meshtui.screens.preview import ChainPreview

            below.mount(ChainPreview())
            self.call_after_refresh(self._follow)
        if wanted != self.has_class("-preview"):
            self.set_class(wanted, "-preview")
            self._follow()

    def _follow(self) -> None:
        if self.has_class("-preview"):
            from meshtui.screens.preview import ChainPreview

            for preview in self.query(ChainPreview):
                preview.follow(self.rows.selected)

    def on_rows_moved(self) -> None:
        self._follow()

    def on_stored_rows_changed(self, message: StoredRows.Changed) -> None:
        if self.rows.selected in message.ids:
            self._follow()

    def action_preview(self) -> None:
        if self.size.width < PREVIEW_COLUMNS:
            self.mesh.say(f"there is room for it from {PREVIEW_COLUMNS} columns on; enter opens it")
            return
        self._previews = not self._previews
        self._fit_preview()

    def _row(self, brief: IncidentBrief) -> Row:
        from meshcore.knowledge.parts import (
            fix_for,  # with the model it takes 11 ms, which the first painting can spare
        )

        word, tone = STATES[brief.state]
        slots = brief.slots
        if brief.action and not slots:
            from meshcore.knowledge.filling import slots_told

            slots = slots_told(brief.error_type, brief.template, brief.line)
        fix = fix_for(brief.action, slots, brief.example_slots) if brief.action else ""
        return (
            Cell(word, tone),
            Cell(self._time(brief.opened), "dim"),
            Cell(brief.agent, "dim"),
            brief.line.removeprefix(f"{brief.error_type}: ") or brief.error_type,
            Cell(fix, "accent"),
            Cell("" if brief.seconds is None else duration(brief.seconds), "good"),
        )

    def _time(self, text: str) -> str:
        try:
            at = from_text(text)
        except ValueError:
            return "?"
        now = self.mesh.clock.now()
        return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%d %b}"

    # --- what a person does -----------------------------------------------------------------------------------------

    def focus_first(self) -> None:
        (self.view if self.has_class("-empty") else self.rows).focus()

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if self.view.has_focus:
            if lane := self.view.chosen:
                from meshtui.screens.agent import AgentScreen

                self.app.push_screen(AgentScreen(lane))
        elif selected := self.rows.selected:
            from meshtui.screens.chain import ChainScreen

            self.app.push_screen(ChainScreen(selected))

    def incident_here(self) -> str:
        return "" if self.view.has_focus else self.rows.selected or ""

    def action_sort(self) -> None:
        self.rows.sort_next()

    def action_sort_reverse(self) -> None:
        self.rows.sort_reverse()

    def action_zoom_out(self) -> None:
        self.view.zoom(1)

    def action_zoom_in(self) -> None:
        self.view.zoom(-1)

    def action_pan_back(self) -> None:
        self.view.pan(-1)

    def action_pan_on(self) -> None:
        self.view.pan(1)

    def action_now(self) -> None:
        self.view.follow(self.mesh.clock.now().timestamp())

    @work(group="overview.jump", exclusive=True)
    async def action_jump(self) -> None:
        from meshcore.store.listed import TIME
        from meshtui.screens.jump import asked_moment

        if (moment := await asked_moment(self.mesh)) is None:
            return
        self.view.go_to(moment.timestamp())
        await self.rows.go_to(TIME, to_text(moment))
        if to_text(moment) < min((brief.opened for brief in self.rows.window.rows.values()), default=""):
            self.mesh.say("nothing is kept from before then: this is the oldest")

    def action_demo(self) -> None:
        self.mesh.run_outside(["demo"])

    def action_mark(self) -> None:
        self.rows.mark()

    def find(self, text: str) -> None:
        if not text and not self.rows.finding:
            self.rows.unmark()
        self.rows.find(text)

    @property
    def finding(self) -> str:
        return self.rows.finding

    def copied(self) -> str:
        return self.rows.text_of(self.rows.selected) if self.rows.selected else ""

    async def exported(self) -> str:
        return await self.rows.all_texts()

    def state(self) -> Mapping[str, Json]:
        kept = {} if self._previews else {"preview": False}
        return {"range": RANGES[self.view.range_index][0], "find": self.rows.finding, **self.rows.order_kept(), **kept}

    def restore(self, state: Mapping[str, Json]) -> None:
        names = [name for name, _ in RANGES]
        if state.get("range") in names:
            self.view.range_index = names.index(state["range"])
        if isinstance(text := state.get("find"), str):
            self.rows.find(text)
        self.rows.restore_order(state)
        self._previews = state.get("preview") is not False


def _incidents() -> Listed[IncidentBrief]:
    from meshcore.store.listed import INCIDENTS  # which takes the model with it: the first painting can spare that

    return INCIDENTS


def _states(text: str) -> tuple[str, ...]:
    return tuple(state for state, (word, _) in STATES.items() if text in word)


def effect_line(kinds: Sequence[EffectView], width: int, told: ToldView | None = None) -> str:
    """Return what became of what was told, and of the failures of each kind of agent, as many kinds as fit.

    "" where nothing was told and none was answered.
    """
    texts = [f"{plain(kind.via) or 'others'} {kind.seen:,} → {kind.answered:,} → {kind.verified:,}" for kind in kinds]
    texts = texts if any(kind.answered for kind in kinds) else []
    head: list[str] = []
    if told is not None and told.told:
        came = ((told.right, "right"), (told.ignored, "ignored"), (told.wrong, "wrong"))
        known = ", ".join(f"{n:,} {name}" for n, name in came if n)
        head = [f"told {told.told:,}{': ' if known else ''}{known}"]
    for shown in range(len(texts), -1, -1):
        more = [f"+{len(texts) - shown} more"] if shown and shown < len(texts) else []
        kinds_shown = ["failed → answered → verified", *texts[:shown], *more] if shown else []
        line = GAP.join([*head, *kinds_shown])
        if line and cell_len(line) <= width:
            return line
    return ""
