"""Pane 4: what waits for a person; who says yes sees exactly what would run, where, as whom, and why they are asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from textual import work
from textual.app import ComposeResult

from meshcore.control.needs_you import NeedsYou
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.healing import approvals
from meshcore.healing.approvals import ApprovalView, approval_view, as_approval, view_elsewhere
from meshcore.node import Node
from meshcore.store.approvals import TAKEN_BACK
from meshcore.store.inbox import Asked
from meshcore.store.rows import Approval
from meshcore.store.views import approvals_lately
from meshtui.actions import Action, marking, previewing
from meshtui.deliberate import Presses
from meshtui.host import refuses
from meshtui.screens import outside
from meshtui.screens.ask import Confirm
from meshtui.screens.listing import ListPane
from meshtui.screens.outside import NOT_READ
from meshtui.screens.settling import approve, approve_all, in_full, reject, reject_all, take_back
from meshtui.snapshot import Snapshot
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

SETTLED = 100  # of those that do not wait any more, so many are listed

WAITING = ("! waits", "warn")
AFTER_RESUME = ("… after resume", "warn")
STATES: Mapping[str, tuple[str, str]] = {
    "waiting": WAITING,
    NOT_READ: ("– not read", "warn"),
    "rejected": ("⊘ rejected", "dim"),
}
RESULTS: Mapping[str, tuple[str, str]] = {
    "": ("… approved", "accent"),
    "verified": ("✓ verified", "good"),
    "fix_failed": ("✗ fix failed", "bad"),
    "applied_not_rerun": ("○ not rerun", "warn"),
    "progress": ("○ next error", "warn"),
    "not_applied": ("⊘ not applied", "warn"),
    "unknown": ("? unknown", "warn"),
    "refused": ("⊘ refused", "dim"),
}

COLUMNS = (
    Column("state", 14),
    Column("asked", 9),
    Column("would run", 20, flex=3),
    Column("why you are asked", 20, flex=4, priority=1),
    Column("settled by", 12, priority=2),
)

ACTIONS: tuple[Action, ...] = (
    Action(
        "approvals.once",
        "a",
        "approve once",
        "Run exactly this, once; asks with all of it in view.",
        hint="approve once",
    ),
    Action("approvals.always", "A", "always", "Run it, and from now on in this project without asking.", hint="always"),
    Action("approvals.reject", "r", "reject", "Do not run it.", hint="reject"),
    Action("approvals.undo", "u", "undo", "Take your rejection back: it is judged anew and waits again.", hint="undo"),
    Action("approvals.not_here", "R", "not here", "Do not run it, nor offer it in this project.", hint="not here"),
    Action("approvals.rules", "S", "standing rules", "Show what was ruled for whole projects, and withdraw it."),
    Action("approvals.open", "enter", "open", "Open the chain of its incident.", hint="open"),
    marking("approvals"),
    previewing("approvals"),
)


class ApprovalsPane(ListPane):
    """What waits, oldest first, then what was settled, newest first; the selected one in full."""

    NAME = "approvals"
    BESIDE = True
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._approvals: dict[str, Approval] = {}
        self._begun = False
        self._halted = False
        self._shown: tuple[Approval, ApprovalView] | None = None
        self._afar: dict[str, Asked] = {}
        self._needs = NeedsYou()
        self._outside: Mapping[str, outside.Row] = {}
        self._wanted = ""  # what the cursor goes to once it is listed

    def compose(self) -> ComposeResult:
        # The cursor stays on a row that was settled: the next one is looked at before it is decided.
        yield Rows(COLUMNS, self._row, empty="nothing waits for you", follows_first=False)
        yield Detail()

    # --- what there is to show --------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        if not self._begun:
            self._begun, self._presses = True, Presses(self.mesh.clock)
            self._needs = snapshot.needs_you
            self._load()
        elif self._needs != snapshot.needs_you:
            self._needs = snapshot.needs_you
            self._load()
        if self._halted != bool(snapshot.halted):
            self._halted = bool(snapshot.halted)
            self.rows.set_ids(list(self._approvals), [name for name, one in self._approvals.items() if not one.result])
            self._detail(self.rows.selected)

    def reload(self) -> None:
        if self._begun:
            self._load()

    def told(self, events: Sequence[Event]) -> None:
        if self._begun and any(event.kind.startswith("approval.") for event in events):
            self._load()

    @work(group="approvals.load", exclusive=True)
    async def _load(self) -> None:
        if self.feed.store is None:
            return
        found = await self.feed.store.ask(approvals_lately(SETTLED))
        self._outside = outside.rows(self._needs.homes)
        self._afar = {f"{one.node}:{one.approval_id}": one for one in self._needs.nodes}
        there = (outside.as_approval(name, row) for name, row in self._outside.items())
        found = _by_fix([*(as_approval(name, one) for name, one in self._afar.items()), *there, *found])
        if not self.query(Rows):  # not laid out yet, or the terminal is being left
            if self.is_attached:
                self.call_after_refresh(self._load)
            return
        before = self._approvals
        self._approvals = {approval.approval_id: approval for approval in found}
        changed = [name for name, approval in self._approvals.items() if before.get(name) != approval]
        self.rows.set_ids(list(self._approvals), changed)
        if self._wanted in self._approvals:
            self.rows.select(self._wanted)
            self._wanted = ""
        if self.rows.selected in changed:
            self._detail(self.rows.selected)

    def _row(self, approval_id: str) -> Row:
        approval = self._approvals[approval_id]
        word, tone = _state(approval, halted=self._halted)
        waits = approval.state == "waiting"
        return (
            Cell(word, tone),
            Cell(self.moment(approval.asked), "dim"),
            Cell(approval.command, "accent" if waits else "dim"),
            Cell("; ".join(approval.reasons), "" if waits else "dim"),
            Cell(approval.actor or self._where(approval_id), "dim"),
        )

    def _where(self, approval_id: str) -> str:
        asked = self._afar.get(approval_id)
        if asked is None:
            return ""
        where = self._asker(asked)
        return f"for {where}" if "@" in where else f"on {where}"

    def _asker(self, asked: Asked) -> str:
        """Return the host that asks, or, where that is this one, the agent whose home does."""
        host = str(asked.body.get("user", "")).rpartition("@")[2]
        return str(asked.body.get("agent", "")) or host if host == self.mesh.settings.host else host

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    @work(group="approvals.detail", exclusive=True)
    async def _detail(self, approval_id: str) -> None:
        approval, detail = self._approvals.get(approval_id), self.detail
        if approval is None:
            detail.show(())
            return
        if there := self._outside.get(approval_id):
            detail.show([*outside.facts(there), *(_facts(there[1], halted=self._halted) if there[1] else ())])
            return
        try:
            view = await self._view_of(approval)
        except MeshError as error:
            detail.show([("cannot be read", str(error), "$error")])
            return
        detail.show(_facts(view, halted=self._halted))

    async def _view_of(self, approval: Approval) -> ApprovalView:
        """Return all there is to an approval: what is shown of the selected row is also what is asked about."""
        if self._shown is None or self._shown[0] != approval:
            self._shown = approval, await asyncio.to_thread(self._view, approval)
        return self._shown[1]

    def _view(self, approval: Approval) -> ApprovalView:
        with Node(self.mesh.settings, self.mesh.clock) as node:
            asked = self._afar.get(approval.approval_id)
            return approval_view(node, approval) if asked is None else view_elsewhere(node, asked)

    def _view_now(self, approval: Approval) -> ApprovalView:
        """Return what the store says of an approval at this moment, whatever was read of it before."""
        with Node(self.mesh.settings, self.mesh.clock) as node:
            return approval_view(node, node.store.approvals.find(approval.approval_id) or approval)

    # --- what a person does -----------------------------------------------------------------------------------------

    def _waiting(self) -> Approval | None:
        approval = self._approvals.get(self.rows.selected)
        if approval is None or approval.state == "waiting":
            return approval
        self.mesh.say(f"this one is {approval.state} already, by {approval.actor}")
        return None

    def action_once(self) -> None:
        if self._presses.is_new("once"):
            self._approve(always=False)

    def action_always(self) -> None:
        if self._presses.is_new("always"):
            self._approve(always=True)

    async def _several(self) -> list[Approval] | None:
        """Return what is marked and waits on this home, None where nothing is marked, and say what is left out."""
        if not self.rows.marked:
            return None
        marked = [self._approvals[name] for name in self.rows.marked if name in self._approvals]
        left = Counter(filter(None, map(self._left_out, marked)))
        if left:
            why = "; ".join(f"{count} {reason}" for reason, count in left.items())
            self.mesh.say(f"{left.total()} of the {len(marked)} marked left out: {why}", severity="warning")
        return [one for one in marked if not self._left_out(one)]

    def _left_out(self, approval: Approval) -> str:
        """Return why an approval is not decided together with others, "" where it is."""
        if approval.state == NOT_READ:
            return "not read"
        if approval.state != "waiting":
            return "settled already"
        if approval.approval_id in self._afar:
            return "on another host, where each is answered by itself"
        if approval.approval_id in self._outside:
            return "in another home, where each is answered by itself"
        return ""

    @work(group="approvals.decide")
    async def _approve(self, *, always: bool) -> None:
        if (several := await self._several()) is not None:
            if always:
                self.mesh.say("from now on, for a whole project, is decided one by one: esc takes the marks back")
            elif several and await approve_all(self.mesh, several, lambda one: asyncio.to_thread(self._view_now, one)):
                self.rows.unmark()
            return
        if (approval := self._waiting()) is None:
            return
        if there := self._outside.get(approval.approval_id):
            await self._settle_there(there, yes=True, always=always)
            return
        if asked := self._afar.get(approval.approval_id):
            await self._answer(asked, approval, yes=True, always=always)
            return
        if refuses(self.mesh):
            return
        try:
            view = await self._view_of(approval)
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        await approve(self.mesh, view, always=always)

    async def _settle_there(self, there: outside.Row, *, yes: bool, always: bool) -> None:
        await outside.settle(self.mesh, there, yes=yes, always=always)
        self.feed.inbox.look()

    async def _answer(self, asked: Asked, approval: Approval, *, yes: bool, always: bool) -> None:
        """Tell another host what a person decides on what it asks, with all of it in view for a yes."""
        if refuses(self.mesh):
            return
        if always:
            self.mesh.say("for a whole project that is decided on its own host")
            return
        try:
            view = await self._view_of(approval)
            if yes and not await self.mesh.push_screen_wait(
                Confirm(f"Let {self._asker(asked)} run this, once?", in_full(view, halted=self._halted))
            ):
                return
            signer = await self.mesh.signing_key() if yes else None
            await self.mesh.decide(lambda node: approvals.answer_elsewhere(node, asked, yes=yes, signer=signer))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self.mesh.say("told, signed: it runs there as far as that host allows" if yes else "told: it is not to run")

    def action_reject(self) -> None:
        if self._presses.is_new("reject"):
            self._reject(not_here=False)

    def action_not_here(self) -> None:
        if self._presses.is_new("not_here"):
            self._reject(not_here=True)

    @work(group="approvals.decide")
    async def _reject(self, *, not_here: bool) -> None:
        if (several := await self._several()) is not None:
            if several and await reject_all(self.mesh, several, not_here=not_here):
                self.rows.unmark()
            return
        if (approval := self._waiting()) is None:
            return
        if there := self._outside.get(approval.approval_id):
            await self._settle_there(there, yes=False, always=not_here)
            return
        if asked := self._afar.get(approval.approval_id):
            await self._answer(asked, approval, yes=False, always=not_here)
            return
        await reject(self.mesh, approval, not_here=not_here)

    def action_undo(self) -> None:
        if self._presses.is_new("undo"):
            self._undo()

    @work(group="approvals.decide")
    async def _undo(self) -> None:
        approval = self._approvals.get(self.rows.selected)
        if approval is not None and (again := await take_back(self.mesh, approval)) is not None:
            self._wanted = again.approval_id
            self._load()

    def action_rules(self) -> None:
        from meshtui.screens.rules import RulesScreen

        self.app.push_screen(RulesScreen())

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if there := self._outside.get(self.rows.selected):
            self.mesh.say(f"its chain is in its own home: meshtui --home {there[0].home}")
        elif (approval := self._approvals.get(self.rows.selected)) is not None:
            from meshtui.screens.chain import ChainScreen

            self.app.push_screen(ChainScreen(approval.incident_id))


def _by_fix(found: Sequence[Approval]) -> list[Approval]:
    """Put what waits for the same fix together, on whatever host, in the order in which each fix was first asked."""
    first: dict[str, str] = {}
    for one in found:
        if one.state == "waiting":
            first[one.action_hash] = min(first.get(one.action_hash, one.asked), one.asked)
    waiting = [one for one in found if one.state == "waiting"]
    waiting.sort(key=lambda one: (first[one.action_hash], one.action_hash, one.asked))
    return [*waiting, *(one for one in found if one.state != "waiting")]


def _state(approval: Approval, *, halted: bool) -> tuple[str, str]:
    if approval.state == "approved" and not approval.result and not approval.process and halted:
        return AFTER_RESUME
    if approval.state == "approved":
        return RESULTS.get(approval.result, (approval.result, ""))
    if approval.result == TAKEN_BACK:
        return "↶ taken back", "dim"
    return STATES.get(approval.state, (approval.state.replace("_", " "), "dim"))


def _facts(view: ApprovalView, *, halted: bool) -> list[Fact]:
    author = view.author
    tries = "1 try" if author.tries == 1 else f"{author.tries} tries"
    record = f"verified in {author.verified} of {tries}" if author.tries else "not tried yet"
    whose = {"own": "one of your nodes", "enrolled": "enrolled by you", "": "judged by its own home"}.get(
        author.trust, author.trust
    )
    facts: list[Fact] = [
        ("would run" if view.state == "waiting" else "fix", view.command, "bold $accent"),
        *([("executed as", view.runs)] if view.runs not in ("", view.command) else []),
        ("in", view.cwd or "not known"),
        ("as", view.user),
        ("for", view.failed or "not known"),
        ("then again", view.rerun or "nothing: run it again yourself, that is what counts"),
    ]
    facts += [("why you are asked" if not number else "", why) for number, why in enumerate(view.reasons)]
    facts.append(("taught by", f"{author.name or author.node[:12] or 'an old program'}, {whose}; {record}"))
    if halted and not view.result and view.state in ("waiting", "approved"):
        facts.append(("when", "everything is halted: after resume", "$warning"))
    if view.state != "waiting":
        facts.append(("settled", f"{view.state} by {view.actor}" + (f"; {view.result}" if view.result else "")))
    return facts
