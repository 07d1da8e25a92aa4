"""What a person ruled for whole projects, for good: what may always run there, what is not offered there."""

from __future__ import annotations

import asyncio

from textual import work
from textual.app import ComposeResult

from meshcore.control.standing_rules import StandingRule, standing_rules, withdraw
from meshcore.errors import MeshError
from meshcore.node import Node
from meshtui.actions import Action
from meshtui.deliberate import Presses
from meshtui.host import refuses
from meshtui.screens.ask import Confirm
from meshtui.screens.base import Page
from meshtui.widgets.bars import Hints
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.page_title import PageTitle
from meshtui.widgets.rows import Cell, Row, Rows

COLUMNS = (
    Column("rule", 10),
    Column("what", 20, flex=4),
    Column("in", 16, flex=3),
    Column("since", 10, priority=1),
    Column("used", 6, priority=2, right=True),
    Column("by", 14, priority=3),
)

ACTIONS: tuple[Action, ...] = (
    Action("rules.withdraw", "x", "withdraw", "Let the selected rule hold no longer; asks first.", hint="withdraw"),
)
EMPTY = "nothing was ruled for a whole project: A and R in Approvals do"


class RulesScreen(Page):
    """The rules, the newest first, and the selected one in full."""

    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    RulesScreen {
        & > Rows { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rules: dict[str, StandingRule] = {}

    def compose(self) -> ComposeResult:
        yield PageTitle()
        yield Rows(COLUMNS, self._row, empty=EMPTY, follows_first=False)
        yield Detail()
        yield Hints(back="approvals")

    def on_mount(self) -> None:
        self._presses = Presses(self.mesh.clock)
        self.query_one(Hints).show(ACTIONS)
        self.query_one(Rows).focus()
        self._load()

    @work(group="rules.load", exclusive=True)
    async def _load(self) -> None:
        try:
            found = await asyncio.to_thread(self._read)
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._rules = {rule.rule_id: rule for rule in found}
        rows = self.query_one(Rows)
        rows.set_ids(list(self._rules))
        said = "for this home and for good, the newest first" if found else "none"
        self.query_one(PageTitle).show("standing rules", said)
        self._detail(rows.selected)

    def _read(self) -> list[StandingRule]:
        with Node(self.mesh.settings, self.mesh.clock) as node:
            return standing_rules(node)

    def _row(self, rule_id: str) -> Row:
        rule = self._rules[rule_id]
        word, tone = ("✓ always", "good") if rule.kind == "always" else ("⊘ not here", "dim")
        if not rule.counts:
            word, tone = "? unsigned", "warn"
        used = "–" if rule.used is None else f"{rule.used:,}"
        return (
            Cell(word, tone),
            Cell(rule.command, "accent" if rule.kind == "always" else ""),
            rule.folder,
            Cell(rule.since[:10], "dim"),
            Cell(used, "dim"),
            Cell(rule.actor, "dim"),
        )

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    def _detail(self, rule_id: str) -> None:
        rule = self._rules.get(rule_id)
        self.query_one(Detail).show(_facts(rule) if rule is not None else ())

    def action_withdraw(self) -> None:
        if self._presses.is_new("withdraw"):
            self._withdraw()

    @work(group="rules.decide")
    async def _withdraw(self) -> None:
        rule = self._rules.get(self.query_one(Rows).selected)
        if rule is None or refuses(self.mesh):
            return
        always = rule.kind == "always"
        question = "Ask me again before this runs there?" if always else "Offer this there again?"
        try:
            if not await self.mesh.push_screen_wait(Confirm(question, f"{rule.command}\n\nin    {rule.folder}")):
                return
            gone = await self.mesh.decide(lambda node: withdraw(node, rule))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        then = "you are asked again from now on" if always else "it is offered there again, and you are asked"
        self.mesh.say(f"withdrawn: {then}" if gone else "somebody else has just withdrawn it")
        self._load()

    def copied(self) -> str:
        """Return the selected rule as text."""
        return self.query_one(Detail).text()


def _facts(rule: StandingRule) -> list[Fact]:
    used = "not counted: what is not offered leaves no trace" if rule.used is None else _times(rule.used)
    what = "runs unasked" if rule.kind == "always" else "is not offered"
    return [
        (what, rule.command or "a skill that is gone", "bold $accent"),
        ("in", rule.folder),
        ("ruled by", rule.actor),
        ("since", f"{rule.since[:19].replace('T', ' ')} UTC"),
        ("used", used),
        ("skill", rule.skill_id[:12]),
        *([] if rule.counts else [("does not count", "the operator has not signed for it", "$warning")]),
    ]


def _times(used: int) -> str:
    return "no try rested on it yet" if not used else f"{used:,} {'try' if used == 1 else 'tries'} rested on it"
