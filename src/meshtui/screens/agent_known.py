"""What is known of one agent, as the lines below a list say it."""

from __future__ import annotations

from collections.abc import Sequence

from meshcore.clock import from_text
from meshcore.evidence.effect import Effect, met_by, of_one
from meshcore.evidence.of_agents import AgentRow, FailsAt, ToldFix, fails_at, fixes_told
from meshtui.feed import Feed
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Fact
from meshtui.widgets.header import duration


class Known:
    """What is known of one agent."""

    def __init__(self, row: AgentRow, effect: Effect, errors: Sequence[FailsAt], told: Sequence[ToldFix]) -> None:
        self.row = row
        self.effect = effect
        self.errors = errors
        self.told = told

    @classmethod
    async def of(cls, feed: Feed, row: AgentRow, most: int) -> Known:
        """Return what the store knows of an agent, so many errors and fixes at most. Raises MeshError."""
        store = feed.store
        assert store is not None
        effect = of_one(row.name, await store.ask(met_by(row.name)))
        return cls(row, effect, await store.ask(fails_at(row.name, most)), await store.ask(fixes_told(row.name, most)))

    def facts(self, silent_for: str) -> list[Fact]:
        """Return it for the lines below a list."""
        row = self.row
        whose = "an agent of this node" if row.own else "another node's"
        found: list[Fact] = [
            ("agent", f"{row.name}, {row.via or 'program not known'} on {row.host or 'a host not known'}; {whose}"),
            ("silent for", f"{silent_for}, since {row.last[:19].replace('T', ' ')} UTC" if row.last else "never heard"),
        ]
        found += [("fails at" if not at else "", _error(one)) for at, one in enumerate(self.errors)]
        return [*found, *self.told_facts()]

    def told_facts(self) -> list[Fact]:
        """Return what the agent was told, and what came of that."""
        effect, row = self.effect, self.row
        if not row.own and not effect.seen:
            return [("told", "not known here: that is its own node's to say", "$dim")]
        came = f"{effect.answered:,} answered, {effect.taken:,} taken, {effect.verified:,} then verified"
        found: list[Fact] = [("of those", f"{effect.seen:,} met here: {came}, {effect.avoided:,} of them known before")]
        said = [(f"{one.command} → {WORDS[one.result]}", STYLES[one.result]) for one in self.told]
        found += [("told" if not at else "", text, style) for at, (text, style) in enumerate(said)]
        return found if said else [*found, ("told", "no fix by a hook yet", "$dim")]


WORDS = {"right": "right", "ignored": "ignored", "wrong": "wrong", "": "nothing shown yet"}
STYLES = {"right": "$success", "ignored": "$warning", "wrong": "$error", "": "$dim"}


def silent(one: AgentRow, now: float) -> str:
    """Return for how long an agent has given no sign of life."""
    if not one.last:
        return "?"
    seconds = max(0.0, now - from_text(one.last).timestamp())
    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds)


def _error(one: FailsAt) -> str:
    more = f" and {one.lines - 1:,} more like it" if one.lines > 1 else ""
    return f"{one.times:,} × {plain(one.line)}{more}; {one.verified:,} verified"
