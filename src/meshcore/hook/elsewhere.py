"""What other nodes say of a project's commands, as a hook tells it, and what this node tells them.

A node speaks where what it believes changes: a command failed in two sessions, or passed again; a correction is
believed, or withdrawn. What others say counts in a checkout that a person accepted, and never before a command.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from meshcore.clock import to_text
from meshcore.healing.checkout import ground, is_shared
from meshcore.knowledge import corrections as change
from meshcore.knowledge.habits import Failed, Habit, ago
from meshcore.safety.visible_text import fence, plain_name
from meshcore.store.habits import CorrectionRow, Project
from meshcore.store.known_marks import mark
from meshcore.store.store import Store
from meshcore.store.told import Saying, Table
from meshcore.trust.telling import Teller, teller

BELIEVED_SESSIONS = 2
MOST_A_DAY = 200  # records of this kind that a node makes
ASKED_TO_ACCEPT, ASKED_TO_TELL = 1, 2  # bits of what a person was asked for a checkout


class Elsewhere:
    """One checkout of a project, on an open store; the caller holds a transaction."""

    def __init__(self, store: Store, project: Project, root: str, folder: str, *, changed: bool = False) -> None:
        """`changed`: the session edited something, so that the commit does not say what ran."""
        self._store = store
        self._project = project
        self._root = root
        self._folder = folder
        self._changed = changed
        self._me = store.meta.get("node")
        self.is_shared = is_shared(project.identity)

    def _now(self) -> int:
        return int(self._store.clock.now().timestamp())

    def _ground(self) -> str:
        return "" if self._changed else ground(self._root, self._folder).hex()

    def _heard(self, table: Table, key: str) -> list[tuple[Saying, Teller]]:
        """Return what others say and agents are told here, own nodes first; nothing in a checkout not accepted."""
        if not self.is_shared or not self._project.accepted:
            return []
        found = [(one, teller(self._store, one.author)) for one in table.of(self._project.identity, key)]
        told = [(one, who) for one, who in found if who and who.tells and one.author not in ("", self._me)]
        return sorted(told, key=lambda pair: (not pair[1].own, -pair[0].sessions))

    # --- what is told here --------------------------------------------------------------------------------------------

    def passed_at_this_commit(self, command: bytes) -> str:
        """Return on which node a command passed with this very commit and these lock files, "" where on none."""
        heard = [(one, who) for one, who in self._heard(self._store.told.habits, command.hex()) if not one.sessions]
        here = self._ground() if heard else ""
        return next((plain_name(who.name) for one, who in heard if here and one.body.get("ground") == here), "")

    def fact(self, command: bytes, failed: Failed, shown: str) -> str:
        """Return what is told of a failure that others met too: this node's own words, and their counts and times."""
        heard = self._heard(self._store.told.habits, command.hex())
        passed = {one.body.get("ground") for one, _ in heard if not one.sessions} - {""}
        here = self._ground() if heard else ""
        for one, who in heard:
            if one.sessions and one.body.get("ground") not in passed and here not in passed:
                said = _fact(one, failed, shown, plain_name(who.name), self._now(), here)
                if said:
                    return said if who.own else _fenced(said, who)
        return ""

    def correction(self, way: bytes, filled: Callable[[str], str]) -> tuple[str, str, str]:
        """Return (what is told, the change, the command) of what passed elsewhere instead, three times "" for nothing.

        `filled` makes of a change the command that may be told here, "" where none may.
        """
        heard = self._heard(self._store.told.corrections, way.hex())
        withdrawn = {one.key[1] for one, _ in heard if not one.sessions}
        for one, who in heard:
            text = str(one.body.get("change", ""))
            command = filled(text) if one.sessions and one.key[1] not in withdrawn else ""
            if command:
                where = f"{_sessions(one.sessions)} on {plain_name(who.name)}"
                said = f"What passed instead in {where}: `{command}`. Not tested here."
                return said if who.own else _fenced(said, who), text, command
        return "", "", ""

    def question(self, command: bytes, way: bytes) -> str:
        """Return the line that a person is told once in a checkout: that others know something and are not told."""
        asked, identity, told = self._project.asked, self._project.identity, self._store.told
        if not self.is_shared:
            return ""
        if not self._project.accepted:
            if asked & ASKED_TO_ACCEPT:
                return ""
            names = [*told.habits.authors(identity), *told.corrections.authors(identity)]
            known = (teller(self._store, name) for name in names if name not in ("", self._me))
            if not any(who.tells for who in known if who):
                return ""
            self._store.projects.note_asked(self._root, asked | ASKED_TO_ACCEPT)
            import shlex  # once in a checkout

            return (
                "meshtui: other nodes know what fails in this project; to let agents hear it in this checkout:"
                f" meshtui trust checkout {shlex.quote(self._root)}"
            )
        if asked & ASKED_TO_TELL:
            return ""
        for one in (*told.habits.of(identity, command.hex()), *told.corrections.of(identity, way.hex())):
            who = teller(self._store, one.author) if one.sessions and one.author not in ("", self._me) else None
            if who and not who.tells:
                self._store.projects.note_asked(self._root, asked | ASKED_TO_TELL)
                return (
                    f"meshtui: {plain_name(who.name)}, whose words agents are not told, knows this failure; to change"
                    f" that: meshtui trust enroll --tell {one.author[:12]}"
                )
        return ""

    def mark_all(self, state: Path) -> None:
        """Let a hook look up what others say of this project's commands."""
        if self.is_shared:
            for key in self._store.told.habits.keys_of(self._project.identity):
                mark(str(state), self._root, bytes.fromhex(key))

    # --- what is told from here ---------------------------------------------------------------------------------------

    def _own(self, table: Table, key: str, change_mark: str = "") -> Saying | None:
        found = table.of(self._project.identity, key)
        return next((one for one in found if one.author == self._me and one.key[1:] in ((), (change_mark,))), None)

    def _may_speak(self) -> bool:
        day = to_text(self._store.clock.now() - timedelta(days=1))
        return self._store.outbox.count_told(day) < MOST_A_DAY

    def tell_failure(self, command: bytes, habit: Habit) -> None:
        """Tell the others that a command is known to fail, where that is new: in two sessions, one of them live."""
        if not self.is_shared or habit.sessions < BELIEVED_SESSIONS or not habit.live or habit.expected > self._now():
            return
        own = self._own(self._store.told.habits, command.hex())
        if own is None or not own.sessions or own.body.get("cause") != habit.cause.hex():
            self._say_habit(command, habit.sessions, habit)

    def tell_pass(self, command: bytes, habit: Habit | None) -> None:
        """Tell the others that a command passed, where this node or another one says that it fails."""
        if not self.is_shared:
            return
        found = self._store.told.habits.of(self._project.identity, command.hex())
        own = next((one for one in found if one.author == self._me), None)
        others = any(one.sessions and one.author not in ("", self._me) for one in found)
        if (own is not None and own.sessions) or (
            others and (here := self._ground()) and (own is None or own.body.get("ground") != here)
        ):
            self._say_habit(command, 0, habit)

    def _say_habit(self, command: bytes, sessions: int, habit: Habit | None) -> None:
        from meshcore.exchange.project_bodies import MOST_SESSIONS, HabitBody  # what few calls have a use for

        if not self._may_speak():
            return
        body = HabitBody(
            self._project.identity,
            command.hex(),
            min(sessions, MOST_SESSIONS),
            self._store.now(),
            ground=self._ground(),
        )
        if habit is not None and sessions:
            lines = tuple(one.way.hex() for one in habit.ways if one.sessions > 1)
            body = HabitBody(
                body.project, body.command, body.sessions, body.last, habit.cause.hex(), habit.kind, habit.exit_code,
                body.ground, lines, habit.text,
            )  # fmt: skip
        said = body.to_json()
        self._store.outbox.add(body.kind, said)
        key = (command.hex(),)
        saying = Saying(body.project, key, self._me, self._now(), body.sessions, said)
        self._store.told.habits.put(saying, 0, known=True)

    def tell_correction(self, way: bytes, row: CorrectionRow, *, believed: bool, withdrawn: bool) -> None:
        """Tell the others of a correction, where it is newly believed, or was told and is withdrawn."""
        if not self.is_shared or not (believed or withdrawn):
            return
        key = (way.hex(), change.mark_of(row.change).hex())
        own = self._own(self._store.told.corrections, *key)
        heard = withdrawn and self._store.told.corrections.of(self._project.identity, way.hex())
        if (own.sessions > 0) != withdrawn if own else not (believed or heard):
            return
        from meshcore.exchange.project_bodies import MOST_SESSIONS, CorrectionBody  # what few calls have a use for

        if not self._may_speak():
            return
        sessions = 0 if withdrawn else min(row.seen, MOST_SESSIONS)
        body = CorrectionBody(
            self._project.identity, key[0], row.change, sessions, self._store.now(), row.failed, row.passed
        )
        said = body.to_json()
        self._store.outbox.add(body.kind, said)
        saying = Saying(body.project, key, self._me, self._now(), sessions, said)
        self._store.told.corrections.put(saying, 0, known=True)


def _fact(one: Saying, failed: Failed, shown: str, name: str, now: int, here: str) -> str:
    """Return the fact in words, "" where it is another failure."""
    same = ", same commit and lock files" if here and one.body.get("ground") == here else ""
    when = f"told {ago(max(0, now - one.last))} ago{same}"
    where = f"{_sessions(one.sessions)} on {name} ({when})"
    if failed.kind == "verdict":
        common = len({way.hex() for way in failed.ways} & set(one.body.get("lines", ())))
        lines = f"{common} of these lines" if common > 1 else "one of these lines"
        return f"`{shown}`: {lines} also failed in {where}. No reason to skip the check." if common else ""
    is_same = failed.ways and one.body.get("cause") == failed.cause.hex()
    return f"`{shown}` failed the same way in {where}; it has not passed there since." if is_same else ""


def _fenced(said: str, who: Teller) -> str:
    return fence(said, who.name, "another operator, told to agents by yours - not tested here")


def _sessions(count: int) -> str:
    return f"{count} session{'s' if count > 1 else ''}"
