"""Pane 5: runs, whether their artifacts are what they must be, and each error with its place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.node import Node
from meshcore.runs.history import request_validation
from meshcore.runs.validate import list_runs
from meshcore.service.loops.validator import root_of
from meshcore.store.views import RunResult, run_results
from meshtui.actions import Action
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

BATCH = 50  # runs that are asked for at once: what a cancel still lets happen
BAR = 24  # cells

COLUMNS = (
    Column("state", 10),
    Column("run", 20, flex=2),
    Column("errors", 6, right=True),
    Column("first error", 20, flex=4, priority=1),
    Column("validated", 9, priority=2),
)

ACTIONS: tuple[Action, ...] = (
    Action("runs.validate", "v", "validate", "Validate the selected run now.", hint="validate"),
    Action("runs.validate_all", "V", "validate all", "Validate every run now.", hint="validate all"),
    Action("runs.cancel", "c", "cancel", "Stop validating; what was validated stays.", hint="cancel"),
)

EMPTY = "no run was validated yet: V, or meshtui validate --runs-root DIR"


class RunsPane(ListPane):
    """The newest result of every run, failed ones first; the selected one with its errors."""

    NAME = "runs"
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._states: dict[str, RunResult] = {}
        self._begun = False
        self._answered = asyncio.Event()
        self._cancelled = False
        self._working = False

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        yield Rows(COLUMNS, self._row, empty=EMPTY)
        yield Detail()

    # --- what there is to show --------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        if not self._begun:
            self._begun = True
            self._load()

    def reload(self) -> None:
        if self._begun:
            self._load()

    def told(self, events: Sequence[Event]) -> None:
        validated = [event for event in events if event.kind == "runs.validated"]
        if any(event.data.get("actor") == self._actor for event in validated):
            self._answered.set()
        if self._begun and validated:
            self._load()

    @property
    def _actor(self) -> str:
        return self.mesh.settings.agent

    @work(group="runs.load", exclusive=True)
    async def _load(self) -> None:
        if self.feed.store is None:
            return
        found = await self.feed.store.ask(run_results())
        found.sort(key=lambda state: (not state.errors, state.path))
        before = self._states
        self._states = {state.path: state for state in found}
        changed = [path for path, state in self._states.items() if before.get(path) != state]
        self.rows.set_ids(list(self._states), changed)
        if self.rows.selected in changed:
            self._detail(self.rows.selected)
        if not self._working:
            self._sum()

    def _sum(self) -> None:
        bad = sum(bool(state.errors) for state in self._states.values())
        parts = [
            (f" {len(self._states) - bad:,} of {len(self._states):,} runs passed", "$error" if bad else "$success")
        ]
        if roots := sorted({str(Path(path).parent) for path in self._states}):
            parts.append((f" · {plain(roots[0])}" + (f" and {len(roots) - 1} more" if roots[1:] else ""), "$dim"))
        self.sum.update(Content.assemble(*parts) if self._states else Content(""), layout=False)

    def _progress(self, done: int, total: int) -> None:
        full = BAR * done // total if total else BAR
        bar = [("━" * full, "$accent"), ("━" * (BAR - full), "$faint")]
        text = (f"  {done:,} of {total:,} runs validated", ""), ("   c cancels", "$dim")
        self.sum.update(Content.assemble(" ", *bar, *text), layout=False)

    def _row(self, path: str) -> Row:
        state = self._states[path]
        bad = bool(state.errors)
        return (
            Cell("✗ failed", "bad") if bad else Cell("✓ passed", "good"),
            state.run,
            Cell(f"{len(state.errors)}" if bad else "", "bad"),
            state.errors[0] if bad else "",
            Cell(self.moment(state.at), "dim"),
        )

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    def _detail(self, path: str) -> None:
        state = self._states.get(path)
        self.detail.show(_facts(state) if state else ())

    # --- what a person does -----------------------------------------------------------------------------------------

    def action_validate(self) -> None:
        if (state := self._states.get(self.rows.selected)) is not None:
            self._validate(Path(state.path).parent, [state.run])

    @work(group="runs.list", exclusive=True)
    async def action_validate_all(self) -> None:
        root = self._root()
        if root is None:
            self.mesh.say("no folder of runs is known; start with --runs-root DIR, or set [validator] runs_root")
            return
        try:
            runs = (await asyncio.to_thread(list_runs, root)).runs
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._validate(root, list(runs))

    def _root(self) -> Path | None:
        """Return the folder of runs that is set, else that of the newest result."""
        newest = max(self._states.values(), key=lambda state: state.at, default=None)
        return root_of(self.mesh.settings) or (Path(newest.path).parent if newest else None)

    @work(group="runs.validate")
    async def _validate(self, root: Path, runs: Sequence[str]) -> None:
        """Ask the runtime for one batch after the other: each is a row, and its answer an event."""
        if self._working:
            self.mesh.say("it is validating already; c cancels")
            return
        if self.mesh.snapshot is None or self.mesh.snapshot.runtime == "none":
            await self.mesh.decide(lambda node: self._ask(node, root, None if len(runs) > 1 else runs))
            self.mesh.say("asked for; it is done as soon as a runtime of this home runs: meshtui --no-ui")
            return
        self._working, self._cancelled = True, False
        try:
            for start in range(0, len(runs), BATCH):
                self._progress(start, len(runs))
                batch = runs[start : start + BATCH]
                self._answered.clear()
                await asyncio.to_thread(self._request, root, batch)
                await self._answered.wait()
                if self._cancelled:
                    break
            done = min(start + BATCH, len(runs)) if runs else 0
            self.mesh.say(f"{done:,} of {len(runs):,} runs validated" + (", then cancelled" if self._cancelled else ""))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
        finally:
            self._working = False
            self._load()

    def _request(self, root: Path, runs: Sequence[str]) -> None:
        with Node(self.mesh.settings, self.mesh.clock) as node:
            self._ask(node, root, runs)

    def _ask(self, node: Node, root: Path, runs: Sequence[str] | None) -> None:
        request_validation(node.store, runs, self._actor, root)
        node.ring()

    def action_cancel(self) -> None:
        if self._working:
            self._cancelled = True
            self._answered.set()


def _facts(state: RunResult) -> list[Fact]:
    facts: list[Fact] = [("run", state.path, "bold")]
    for name, style, texts in (("error", "$error", state.errors), ("warning", "$warning", state.warnings)):
        for text in texts:
            artifact, found, rest = text.partition(": ")
            facts.append((name, artifact, style) if found else (name, text))
            if found:
                facts.append(("", rest))
    if not state.errors:
        facts.append(
            ("result", "step_graph.json, trace_events.json and gold_review.yaml are what they must be", "$success")
        )
    return facts
