"""What fails in a person's projects and what was typed instead, read from past sessions; each once, without secrets.

It is told as facts of the past: nothing of it counts as seen by a hook, so that it warns nobody before a command.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from meshcore.agents.base import Edited, Failure
from meshcore.agents.session_file import Ended
from meshcore.healing.checkout import identity_of, root_of
from meshcore.knowledge import corrections as change
from meshcore.knowledge import habits
from meshcore.knowledge.acts import writes
from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.habits import Failed, Habit
from meshcore.knowledge.hidden import hidden_failure
from meshcore.knowledge.history import MAX_COMMAND, readable
from meshcore.knowledge.kinds import kind_of
from meshcore.knowledge.signature import read
from meshcore.knowledge.typed import Typed, read_typed
from meshcore.node import HABIT_DAYS, Node
from meshcore.safety.redaction import redact
from meshcore.store.known_marks import mark, session_key

MOST_COMMANDS = 50_000  # that are held at a time; a further one is not
MOST_SESSIONS_OPEN = 64
_SHOWN_SESSIONS = 2  # in which a command failed before it is a wall


@dataclass(frozen=True, slots=True)
class Wall:
    """A command that failed in several sessions and did not pass since, as people read it."""

    folder: str
    command: str
    sessions: int
    runs: int
    last: int
    instead: str = ""


@dataclass(frozen=True, slots=True)
class _Open:
    key: tuple[str, bytes]
    cause: bytes
    typed: Typed
    command: str
    line: str
    age: int = 0


@dataclass(slots=True)
class _Corrected:
    sessions: dict[bytes, int] = field(default_factory=dict)  # by mark: when last
    named: bool = False
    failed: str = ""
    passed: str = ""


@dataclass(slots=True)
class PastHabits:
    """What was found so far: told of each command in the order of a session, the oldest session first."""

    via: str
    left_out: dict[str, int] = field(default_factory=dict)
    _habits: dict[tuple[str, bytes], Habit] = field(default_factory=dict)
    _passed: dict[tuple[str, bytes], float] = field(default_factory=dict)
    _corrections: dict[tuple[str, bytes, str], _Corrected] = field(default_factory=dict)
    _open: dict[str, tuple[_Open, ...]] = field(default_factory=dict)
    _roots: dict[str, str] = field(default_factory=dict)
    _met: set[int] = field(default_factory=set)
    _told: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)  # by session: of which commands

    def take(self, one: Ended) -> None:
        """Note a command of the past, or a file that its session edited."""
        call = one.call
        if isinstance(call, Edited):
            self._open.pop(call.session, None)
            return
        if len(call.command) > MAX_COMMAND:
            self._leave_out(f"a command of more than {MAX_COMMAND} characters")
            return
        typed = read_typed(call.command, call.cwd)
        root = self._root(typed.folder or call.cwd) if typed.words else ""
        if not root:
            return
        key = (root, typed.key(root))
        opened = tuple(replace(o, age=o.age + 1) for o in self._open.pop(call.session, ()) if o.age + 1 < change.WITHIN)
        hidden = None if isinstance(call, Failure) else hidden_failure(call.command, call.output)
        if isinstance(call, Failure) or hidden:
            opened = self._fail(one, typed, key, opened, hidden.line if hidden else "")
        else:
            opened = self._pass(one, typed, key, opened)
        if opened:
            self._open[call.session] = opened
            if len(self._open) > MOST_SESSIONS_OPEN:
                del self._open[next(iter(self._open))]

    def _leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def _root(self, folder: str) -> str:
        """Return the checkout of a folder, "" where it is not there any more: nobody can meet its walls again."""
        if folder not in self._roots:
            self._roots[folder] = root_of(folder) if folder.startswith("/") and os.path.isdir(folder) else ""  # noqa: PTH112
        if not self._roots[folder]:
            self._leave_out("a command in a folder that is gone")
        return self._roots[folder]

    def _tag(self, session: str) -> bytes:
        return bytes.fromhex(session_key(self.via, session)[:8])

    def _fail(
        self, one: Ended, typed: Typed, key: tuple[str, bytes], opened: tuple[_Open, ...], closing: str
    ) -> tuple[_Open, ...]:
        call = one.call
        seen = hash((key, one.at))
        if seen in self._met or one.at <= self._passed.get(key, 0.0):
            return opened  # a resumed session repeats its lines
        self._met.add(seen)
        output = readable(call.output)
        line = closing or read(output, command=call.command).line
        exit_code = (call.exit_code or 1) if isinstance(call, Failure) else 0
        kind = "verdict" if closing else kind_of(line, exit_code, typed.parts)
        cause = change.way_of(typed, line)
        text = redact(typed.text)
        failed = Failed(
            self._tag(call.session), int(one.at), kind, exit_code, habits.ways_of(output, line), cause, live=False,
            text=text[:500],
        )  # fmt: skip
        before = self._habits.get(key)
        if before is None and len(self._habits) >= MOST_COMMANDS:
            self._leave_out("a failure beside too many others")
            return opened
        self._tell(call.session, key, before, failed)
        self._habits[key] = habits.with_failure(before, failed)
        if closing or text != typed.text or habits.is_generic(habits.masked(line)):
            return opened
        return (*opened, _Open(key, cause, typed, call.command, line))

    def _tell(self, session: str, key: tuple[str, bytes], before: Habit | None, failed: Failed) -> None:
        """Note what a hook would have told there: as often as it does, and by nothing that came later."""
        told = self._told.setdefault(session, [])
        if key in told or len(told) >= habits.MAX_SAYINGS:
            return
        passed = [known for place, known in self._corrections.items() if place[:2] == (key[0], failed.cause)]
        others = [(known, len(known.sessions.keys() - {failed.session})) for known in passed]
        instead = any(number >= (1 if known.named else 2) for known, number in others)
        if instead or (before is not None and habits.said_after(before, failed, "")):
            told.append(key)

    def _pass(self, one: Ended, typed: Typed, key: tuple[str, bytes], opened: tuple[_Open, ...]) -> tuple[_Open, ...]:
        habit = self._habits.get(key)
        if habit is not None:
            del self._habits[key]  # what failed later in a session that was read before fails again, and is met then
        if habit is not None or key in self._passed:
            self._passed[key] = max(one.at, self._passed.get(key, 0.0))
        if not opened or writes(typed.words) or typed.document or redact(typed.text) != typed.text:
            return ()
        for failure in reversed(opened):
            if failure.key == key:
                opened = tuple(other for other in opened if other.key != key)
            elif seen := change.correction_between(failure.typed, typed, failure.line):
                place = (key[0], failure.cause, change.to_text(seen.correction))
                known = self._corrections.setdefault(place, _Corrected())
                known.sessions[self._tag(one.call.session)] = int(one.at)
                known.named = known.named or seen.named
                known.failed, known.passed = failure.typed.text[:300], typed.text[:300]
                return tuple(other for other in opened if other != failure)
        return opened

    # --- what was found -----------------------------------------------------------------------------------------------

    def walls(self) -> list[Wall]:
        """Return what failed in several sessions and has not passed since, the most sessions first."""
        instead = {(root, cause): known.passed for (root, cause, _), known in self._corrections.items()}
        walls = [
            Wall(root, habit.text, habit.sessions, habit.runs, habit.last, instead.get((root, habit.cause), ""))
            for (root, _), habit in self._habits.items()
            if habit.sessions >= _SHOWN_SESSIONS
        ]
        return sorted(walls, key=lambda wall: (-wall.sessions, -wall.runs, wall.command))

    def told(self) -> tuple[int, int]:
        """Return how often a hook would have told what is known to fail or passed instead, and in how many sessions."""
        return sum(map(len, self._told.values())), sum(map(bool, self._told.values()))

    def count(self) -> tuple[int, int]:
        """Return how many commands fail, and how many corrections were seen."""
        return len(self._habits), len(self._corrections)

    def adopt(self, node: Node) -> tuple[int, int]:
        """Store what was found, and return how many habits and corrections are new; twice stores it once.

        What a hook has seen of a command stays as it is. Nothing of it is told to other nodes.
        """
        store, new, more = node.store, 0, 0
        oldest = int(node.clock.now().timestamp()) - HABIT_DAYS * habits.DAY
        numbers: dict[str, int] = {}
        for root in dict.fromkeys([root for root, _ in self._habits] + [root for root, _, _ in self._corrections]):
            found = store.projects.at(root) or store.projects.add(root, identity_of(root))
            numbers[root] = found.number
        for (root, command), habit in self._habits.items():
            row = store.habits.find(numbers[root], command)
            is_seen = row is not None and (row.live or row.fingerprint)
            if is_seen or habit.last < oldest or store.purges.has_erased(command.hex(), habit.text):
                continue
            mark(str(node.home.state), root, command)
            store.habits.put(numbers[root], command, pack(habit))
            new += row is None
        for (root, cause, text), known in self._corrections.items():
            before = {row.change: row.seen for row in store.corrections.of(numbers[root], cause)}
            for tag, at in known.sessions.items():
                if at >= oldest:
                    store.corrections.see(
                        numbers[root], cause, text, session=tag, named=known.named, failed=known.failed,
                        passed=known.passed, at=at,
                    )  # fmt: skip
            more += text not in before
        return new, more
