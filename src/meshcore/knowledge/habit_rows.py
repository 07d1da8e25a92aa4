"""Habits as rows of the store, and back."""

from __future__ import annotations

from meshcore.knowledge.habits import Habit, kind_number, pack_ways, unpack_ways
from meshcore.knowledge.kinds import KINDS
from meshcore.store.habits import HabitRow


def tags(sessions: bytes) -> list[bytes]:
    """Return the marks of sessions, of 4 bytes each."""
    return [sessions[i : i + 4] for i in range(0, len(sessions), 4)]


def habit_of(row: HabitRow) -> Habit:
    """Return the habit that a row holds. Raises ValueError for ways of a broken length."""
    return Habit(
        KINDS[row.kind], row.exit_code, row.sessions, row.live, tuple(tags(row.recent)), row.runs, row.seconds,
        row.first, row.last, row.fingerprint, row.passes, row.failures, row.expected, row.cause,
        unpack_ways(row.ways), row.text, row.incident, tuple(filter(None, row.agents.split("\n"))),
        row.costs,
    )  # fmt: skip


def pack(habit: Habit) -> HabitRow:
    """Return a habit as the store holds it."""
    return HabitRow(
        kind_number(habit.kind), habit.exit_code, habit.sessions, habit.live, b"".join(habit.recent), habit.runs,
        habit.seconds, habit.first, habit.last, habit.fingerprint, habit.passes, habit.failures, habit.expected,
        habit.cause, pack_ways(habit.ways), habit.text, habit.incident, "\n".join(habit.agents),
        habit.costs,
    )  # fmt: skip
