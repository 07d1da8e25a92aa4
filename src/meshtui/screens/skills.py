"""Pane 2: what is known, and what an operator decides about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from textual import work
from textual.app import ComposeResult

from meshcore.clock import to_text
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.knowledge.ageing import said, weight
from meshcore.knowledge.parts import filled, general_fix, never_tried, shown_fix
from meshcore.knowledge.standing import standing
from meshcore.model import Evidence, Json, KnownSkill, SkillState
from meshcore.store import queries
from meshcore.store.listed import SKILLS
from meshcore.store.views import SkillBrief
from meshtui.actions import Action, marking, previewing, sorting
from meshtui.deliberate import Presses
from meshtui.host import refuses
from meshtui.screens.ask import Confirm
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows
from meshtui.widgets.stored_rows import StoredRows

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
    *sorting("skills"),
    marking("skills"),
    previewing("skills"),
)

EMPTY = 'no skills yet: meshtui learn --error "…" --fix "pip install django"'


class SkillsPane(ListPane):
    """The skills by label, and the selected one in full."""

    NAME = "skills"
    BESIDE = True
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._undo: list[SkillBrief] = []  # as they were

    def compose(self) -> ComposeResult:
        # The cursor stays on its skill: what is learnt meanwhile is not what is confirmed.
        yield StoredRows(lambda: SKILLS, COLUMNS, self._row, states=_states, empty=EMPTY, follows_first=False)
        yield Detail()

    @property
    def rows(self) -> StoredRows[SkillBrief]:
        return self.query_one(StoredRows)

    # --- what there is to show --------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        if not self._begun:
            self._begun, self._presses = True, Presses(self.mesh.clock)
            self.rows.begin()

    def reload(self) -> None:
        self.rows.reload()

    def told(self, events: Sequence[Event]) -> None:
        ids = {event.skill_id for event in events if event.skill_id and event.kind.startswith(CHANGED_BY)}
        if self._begun and ids:
            self.rows.changed_ids(tuple(ids))

    def on_stored_rows_changed(self, message: StoredRows.Changed) -> None:
        if self.rows.selected in message.ids:
            self._detail(self.rows.selected)

    def _row(self, brief: SkillBrief) -> Row:
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
            Cell(_author(brief) if brief.author else "old program", "dim"),
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
        brief, detail = self.rows.window.rows.get(skill_id), self.detail
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

    def action_sort(self) -> None:
        self.rows.sort_next()

    def action_sort_reverse(self) -> None:
        self.rows.sort_reverse()

    async def exported(self) -> str:
        return await self.rows.all_texts()

    def state(self) -> Mapping[str, Json]:
        return {**super().state(), **self.rows.order_kept()}

    def restore(self, state: Mapping[str, Json]) -> None:
        super().restore(state)
        self.rows.restore_order(state)

    # --- what a person does -----------------------------------------------------------------------------------------

    def action_confirm(self) -> None:
        if self._presses.is_new("confirm"):
            self._confirm()

    @work(group="skills.decide")
    async def _confirm(self) -> None:
        from meshcore.control.decisions import confirm_skill  # with policy and keys: the list is shown before

        if self.rows.marked:
            self.mesh.say("to stand behind a skill is decided one by one: esc takes the marks back")
            return
        if (brief := self.rows.window.rows.get(self.rows.selected)) is None or refuses(self.mesh):
            return
        try:
            signer = await self.mesh.signing_key()
            await self.mesh.decide(lambda node: confirm_skill(node, brief.skill_id, signer=signer))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self.mesh.say(f"#{brief.label} is confirmed")

    def action_quarantine(self) -> None:
        from meshcore.control.decisions import quarantine_skill

        self._narrow("quarantined", quarantine_skill)

    def action_forget(self) -> None:
        from meshcore.control.decisions import forget_skill

        self._narrow("forgotten", forget_skill)

    @work(group="skills.decide")
    async def _narrow(self, state: SkillState, decide: Callable[..., None]) -> None:
        marked = await self.rows.marked_rows() if self.rows.marked else []
        selected = [row for row_id, row in self.rows.window.rows.items() if row_id == self.rows.selected]
        wanted = [brief for brief in marked or selected if brief.state != state]
        if self.rows.marked and (left := len(self.rows.marked) - len(wanted)):
            self.mesh.say(f"{left} of the {len(self.rows.marked)} marked left out: {state} already, or gone")
        if marked and wanted:
            lines = [f"#{brief.label}  {brief.line}" for brief in wanted]
            if not await self.mesh.push_screen_wait(
                Confirm(f"These {len(wanted)} skills are to be {state}?", "\n".join(lines))
            ):
                return
        for brief in wanted:
            try:
                await self.mesh.decide(partial(decide, skill_id=brief.skill_id))
            except MeshError as error:
                self.mesh.say(str(error), severity="error")
                return
            self._undo = [*self._undo, brief][-UNDO_MOST:]
            self.mesh.say(f"#{brief.label} is {state}; u takes it back")
        self.rows.unmark()

    @work(group="skills.decide")
    async def action_undo(self) -> None:
        if not self._undo:
            self.mesh.say("nothing to take back")
            return
        from meshcore.control.decisions import restore_skill

        brief = self._undo[-1]
        skill_id, state = brief.skill_id, brief.state
        try:
            signer = await self.mesh.signing_key() if state == "active" else None
            await self.mesh.decide(lambda node: restore_skill(node, skill_id, state, signer=signer))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._undo.pop()
        self.rows.select(skill_id)
        self.mesh.say(f"#{brief.label} is {state} again")


def _states(text: str) -> tuple[str, ...]:
    return tuple(state for state, (word, _) in STATES.items() if text in word)


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
