"""Pane 2: what is known, and what an operator decides about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import work
from textual.app import ComposeResult

from meshcore.clock import to_text
from meshcore.control import decisions
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.knowledge.ageing import said, weight
from meshcore.knowledge.parts import filled, general_fix, never_tried, shown_fix
from meshcore.knowledge.standing import standing
from meshcore.model import Evidence, KnownSkill, SkillState
from meshcore.node import Node
from meshcore.store import queries
from meshcore.store.views import SkillBrief, skill_briefs, skill_briefs_of
from meshtui.actions import Action
from meshtui.deliberate import Presses
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

PAGE = 500
UNDO_MOST = 100
CHANGED_BY = ("outcome.received", "skill.", "try.outcome")

STATES: Mapping[SkillState, tuple[str, str]] = {
    "active": ("✓ active", "good"),
    "unconfirmed": ("○ unconfirmed", "warn"),
    "quarantined": ("✗ quarantined", "bad"),
    "forgotten": ("· forgotten", "dim"),
}

COLUMNS = (
    Column("#", 5, right=True),
    Column("state", 13),
    Column("error", 25, flex=5),
    Column("fix", 18, flex=3),
    Column("verified", 8, priority=1, right=True),
    Column("standing", 8, priority=3, right=True),
    Column("author", 12, priority=2),
    Column("last used", 10, priority=4),
    Column("where it held", 24, flex=1, priority=5),
)

ACTIONS: tuple[Action, ...] = (
    Action("skills.confirm", "c", "confirm", "Stand behind the selected skill; lifts a quarantine.", hint="confirm"),
    Action("skills.quarantine", "x", "quarantine", "Keep the selected skill from being used.", hint="quarantine"),
    Action("skills.forget", "f", "forget", "Never answer with the selected skill again.", hint="forget"),
    Action("skills.undo", "u", "undo", "Take the last quarantine or forgetting back.", hint="undo"),
)

EMPTY = 'no skills yet: meshtui learn --error "…" --fix "pip install django"'


class SkillsPane(ListPane):
    """The skills by label, and the selected one in full."""

    NAME = "skills"
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._briefs: dict[str, SkillBrief] = {}
        self._order: list[str] = []
        self._last = 0
        self._begun = False
        self._undo: list[tuple[str, SkillState]] = []

    def compose(self) -> ComposeResult:
        # The cursor stays on its skill: what is learnt meanwhile is not what is confirmed.
        yield Rows(COLUMNS, self._row, empty=EMPTY, follows_first=False)
        yield Detail()

    # --- what there is to show --------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        if not self._begun:
            self._begun, self._presses = True, Presses(self.mesh.clock)
            self._load()

    def told(self, events: Sequence[Event]) -> None:
        ids = {event.skill_id for event in events if event.skill_id and event.kind.startswith(CHANGED_BY)}
        if self._begun and ids:
            self._refresh(tuple(ids))

    @work(group="skills.load")
    async def _load(self) -> None:
        """Read everything, a page at a time, so that keys are answered meanwhile."""
        store = self.feed.store
        while store is not None:
            found = await store.ask(skill_briefs(self._last, PAGE))
            self._take(found)
            if len(found) < PAGE:
                return

    @work(group="skills.refresh")
    async def _refresh(self, skill_ids: Sequence[str]) -> None:
        if self.feed.store is None:
            return
        for start in range(0, len(skill_ids), PAGE):
            self._take(await self.feed.store.ask(skill_briefs_of(skill_ids[start : start + PAGE])))
        self._detail(self.rows.selected)

    def _take(self, found: Sequence[SkillBrief]) -> None:
        new = [brief.skill_id for brief in found if brief.skill_id not in self._briefs]
        self._briefs |= {brief.skill_id: brief for brief in found}
        if new:
            self._order += new
            if self._briefs[new[0]].label < self._last:
                self._order.sort(key=lambda skill_id: self._briefs[skill_id].label)
            self._last = max(self._last, *(self._briefs[skill_id].label for skill_id in new))
        self.rows.set_ids(self._order, [brief.skill_id for brief in found])

    def _row(self, skill_id: str) -> Row:
        brief = self._briefs[skill_id]
        word, tone = STATES[brief.state]
        dim = "dim" if brief.state == "forgotten" else ""
        tries = brief.verified + brief.failed
        if brief.source == "derived":
            fix = general_fix(brief.action, brief.example_slots)
        else:
            fix = filled(brief.action, brief.example_slots).command()
        return (
            Cell(f"#{brief.label}", "dim"),
            Cell(word, tone),
            Cell(brief.line.removeprefix(f"{brief.error_type}: ") or brief.error_type, dim),
            Cell(f"advice: {fix}" if brief.action.kind == "advice" else fix, dim or "accent"),
            Cell(f"{brief.verified}/{tries}" if tries else "–", "" if tries else "dim"),
            Cell(self._stands(brief), "" if tries else "dim"),
            Cell(_author(brief), "dim"),
            Cell(self.moment(brief.last_used, never="–"), "dim"),
            Cell(" · ".join(brief.circumstances), "dim"),
        )

    def _stands(self, brief: SkillBrief) -> str:
        shown = Evidence(verified=brief.verified, failed=brief.failed)
        return f"{self._standing(shown, brief.last_good):.2f}" if shown.tries else "–"

    def _standing(self, evidence: Evidence, last_good: str) -> float:
        return standing(evidence, weight(last_good, to_text(self.mesh.clock.now())))

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    @work(group="skills.detail", exclusive=True)
    async def _detail(self, skill_id: str) -> None:
        brief, detail = self._briefs.get(skill_id), self.detail
        if brief is None or self.feed.store is None:
            detail.show(())
            return
        known = await self.feed.store.one(queries.skill(skill_id))
        if known is not None:
            detail.show(self._facts(brief, known))

    def _facts(self, brief: SkillBrief, known: KnownSkill) -> list[Fact]:
        skill, evidence = known.skill, known.evidence
        word, tone = STATES[brief.state]
        tries = evidence.verified + evidence.failed
        must = ", ".join(f"{key.kind} {key.value!r}" for key in skill.key_slots) or "nothing but the wording"
        held = [_words(found) for found in evidence.verified_in] or [" · ".join(brief.circumstances)]
        untried = "never tried: derived from other fixes" if never_tried(known) else "not tried yet"
        stands = self._standing(evidence, known.last_good)
        record = f"{evidence.verified} of {_count(tries, 'try', 'tries')}"
        record += f", on {_count(len(evidence.hosts), 'host', 'hosts')}; standing {stands:.2f}"
        used = f"{_count(brief.used, 'time', 'times')}, last {self.moment(brief.last_used)}" if brief.used else "never"
        whose = "one of your nodes" if brief.own_operator else "not yours"
        return [
            ("error", f"{skill.error_type}: {skill.template}"),
            ("must match", must),
            ("advice" if skill.action.kind == "advice" else "fix", shown_fix(skill), "$accent"),
            ("state", word + ("" if brief.confirmed else ", not confirmed"), _STYLES.get(tone, "")),
            ("from", f"{_author(brief)}, {whose}; {brief.source}"),
            (
                "verified",
                record if tries else untried,
            ),
            ("where", "; ".join(filter(None, held)) or "not known"),
            ("last known good", said(known, to_text(self.mesh.clock.now())) or self.moment(known.last_good)),
            ("used here", used),
        ]

    # --- what a person does -----------------------------------------------------------------------------------------

    def action_confirm(self) -> None:
        if self._presses.is_new("confirm"):
            self._confirm()

    @work(group="skills.decide")
    async def _confirm(self) -> None:
        if not (skill_id := self.rows.selected):
            return
        try:
            signer = await self.mesh.signing_key()
            await self.mesh.decide(lambda node: decisions.confirm_skill(node, skill_id, signer=signer))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self.mesh.say(f"#{self._briefs[skill_id].label} is confirmed")

    def action_quarantine(self) -> None:
        self._narrow("quarantined", decisions.quarantine_skill)

    def action_forget(self) -> None:
        self._narrow("forgotten", decisions.forget_skill)

    @work(group="skills.decide")
    async def _narrow(self, state: SkillState, decide: Callable[[Node, str], None]) -> None:
        brief = self._briefs.get(self.rows.selected)
        if brief is None or brief.state == state:
            return
        try:
            await self.mesh.decide(lambda node: decide(node, brief.skill_id))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._undo = [*self._undo, (brief.skill_id, brief.state)][-UNDO_MOST:]
        self.mesh.say(f"#{brief.label} is {state}; u takes it back")

    @work(group="skills.decide")
    async def action_undo(self) -> None:
        if not self._undo:
            self.mesh.say("nothing to take back")
            return
        skill_id, state = self._undo[-1]
        try:
            signer = await self.mesh.signing_key() if state == "active" else None
            await self.mesh.decide(lambda node: decisions.restore_skill(node, skill_id, state, signer=signer))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._undo.pop()
        self.rows.select(skill_id)
        self.mesh.say(f"#{self._briefs[skill_id].label} is {state} again")


_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$dim"}


def _author(brief: SkillBrief) -> str:
    if not brief.author:
        return "an old program"
    return brief.name or ("this node" if brief.own_operator else brief.author[:8])


def _words(found: object) -> str:
    values = [getattr(found, name) for name in ("os_family", "program", "ecosystem", "scope")]
    return " · ".join(dict.fromkeys(value for value in values if value))


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
