"""What a hook notes and says of a project's habits and corrections; see `knowledge.habits` and `knowledge.corrections`.

What is said holds this project's own commands, counts, times and exit codes; no text that another session was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from meshcore.healing.checkout import fingerprint, identity_of, is_here, root_of
from meshcore.home import Home
from meshcore.hook.answer_known import CONTEXT_LIMIT, fitting
from meshcore.hook.elsewhere import Elsewhere
from meshcore.hook.notes import Notes, Open, Said, Told, storable
from meshcore.hook.telling import Telling
from meshcore.knowledge import corrections as change
from meshcore.knowledge import habits
from meshcore.knowledge.habit_rows import habit_of, pack, tags
from meshcore.knowledge.habits import Failed, Habit
from meshcore.knowledge.kinds import Kind, kind_of
from meshcore.knowledge.shell_words import changes
from meshcore.knowledge.typed import main_part, read_typed
from meshcore.safety.visible_text import is_untagged, visible
from meshcore.store.habits import CorrectionRow, Project
from meshcore.store.known_marks import mark

if TYPE_CHECKING:
    from meshcore.knowledge.hidden import Hidden
    from meshcore.store.store import Store

KEPT_DAYS = 7
BELIEVED_SESSIONS = 2
WRONG_WARNINGS = 2  # then nothing is said before a command in that project
JUDGED_WITHIN = 6  # commands in which what was told is confirmed or contradicted
_SHOWN = 160


class Known:
    """One command of one session in its project, on an open store; the caller holds a transaction."""

    def __init__(self, store: Store, session: str, command: str, cwd: str, environment: Mapping[str, str]) -> None:
        self.store = store
        self.session = session
        self.command = command
        self.environment = environment
        self.cwd = cwd
        self.typed = read_typed(command, cwd)
        self.root = storable(root_of(self.typed.folder or cwd))
        self.notes = Notes.from_text(store.hook_notes.find(session))
        self.ground = b""  # what is told of the checkout, once that was looked at
        self.telling = Telling(store, session)
        self.hears, self.room = True, CONTEXT_LIMIT  # whoever reports reads what is said back, so many characters

    @property
    def is_open(self) -> bool:
        """Tell whether nothing in the command is to be kept back."""
        return self._redacted(self.command) == self.command

    # --- shared -------------------------------------------------------------------------------------------------------

    @property
    def _tag(self) -> bytes:
        return bytes.fromhex(self.session[:8])

    def _now(self) -> int:
        return int(self.store.clock.now().timestamp())

    def _project(self, *, new: bool = False) -> Project | None:
        found = self.store.projects.at(self.root)
        if found is None and new:
            found = self.store.projects.add(self.root, identity_of(self.root))
            self._elsewhere(found).mark_all(Home(self.store.path.parent).state)
        return found

    def _elsewhere(self, project: Project) -> Elsewhere:
        return Elsewhere(self.store, project, self.root, self.typed.folder or self.cwd, changed=self.notes.changed)

    def look_around(self) -> bytes:
        """Return what is told of the checkout: it takes a while, and asks no store."""
        self.ground = fingerprint(self.root, self.typed.folder, main_part(self.typed), dict(self.environment))
        return self.ground

    def _fingerprint(self) -> bytes:
        found = self.ground or self.look_around()
        return b"\0\0\0\0" + found[4:] if self.notes.changed else found  # edited since: no longer that commit

    def _redacted(self, text: str) -> str:
        from meshcore.safety.redaction import redact  # two milliseconds that the look before a command need not pay

        return storable(redact(text))

    def keep(self, notes: Notes) -> None:
        """Keep the notes of the session."""
        if notes != self.notes:
            if self.notes == Notes():  # once a session
                self.store.hook_notes.forget(KEPT_DAYS)
            self.notes = notes
            self.store.hook_notes.put(self.session, notes.to_text())

    def _aged(self) -> Notes:
        opened = tuple(replace(one, age=one.age + 1) for one in self.notes.open if one.age + 1 < change.WITHIN)
        offers = tuple(replace(one, age=one.age + 1) for one in self.notes.offers if one.age + 1 < JUDGED_WITHIN)
        return replace(self.notes, open=opened, offers=offers)

    def _shown(self) -> str:
        text = visible(self.typed.text, keep_newlines=False).replace("`", "'")
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

    def _say(self, project: Project, notes: Notes, said: Mapping[str, str], offered: str = "") -> tuple[Notes, str]:
        """Return the notes after a saying, and what may be said: a session hears little, and of one command once.

        `said` is what is to be said by its kind (see `knowledge.telling`), "" for nothing.
        """
        command, kept = self.typed.key(self.root), fitting(said, self.room)  # what is not printed is not told
        if not kept or not self.hears or notes.sayings >= habits.MAX_SAYINGS or command.hex() in notes.told:
            return notes, ""
        whole = len(kept) == sum(map(bool, said.values()))
        told = self.telling.tell(list(kept), project.number, command, offered if whole else "")
        text = "\n".join(kept.values()) if told else ""
        return replace(notes, sayings=notes.sayings + 1, told=(*notes.told, command.hex())), text

    def withholds_fix(self, *, is_known: bool) -> bool:
        """Tell whether a fix of this command is not to be told; one that `is_known` is noted with what came of it."""
        project = self._project(new=True) if self.telling.withhold and self.typed.words else None
        kinds = ("fix",) if is_known else ()
        return project is not None and not self.telling.tell(kinds, project.number, self.typed.key(self.root))

    def _follow(self, *, passed: bool) -> None:
        """Follow what came of what the session was told."""
        if self.notes.told:
            alters = passed and (bool(changes(self.typed.words)) or self._writes())
            self.telling.follow(self.typed.key(self.root), self.command, passed=passed, changes=alters)

    def _judged(self, project: Project, notes: Notes, key: str, *, passed: bool) -> Notes:
        """Count what was told and tried, and what passed unchanged although something else was told."""
        for one in notes.offers:
            is_tried = change.holds(self.command, one.command)
            if is_tried or (passed and one.key == key):
                result = "confirmed" if is_tried and passed else "contradicted"
                self._count(project, bytes.fromhex(one.cause), one.change, result)
                notes = replace(notes, offers=tuple(other for other in notes.offers if other != one))
        return notes

    # --- it failed ----------------------------------------------------------------------------------------------------

    def failed(
        self, line: str, output: str, exit_code: int, seconds: float = 0.0, *, incident_id: str = "", agent: str = "",
        hidden: Hidden | None = None, answered: bool = False,
    ) -> Said:  # fmt: skip
        """Note a failure, and return what this project knows of it.

        `hidden`: one that exit code 0 conceals; `answered`: a fix is told beside, so that this machine is not searched.
        """
        if not self.typed.words:
            return Said()
        project = self._project(new=True)
        assert project is not None
        command = self.typed.key(self.root)
        kind: Kind = kind_of(line, exit_code, self.typed.parts)
        cause = change.way_of(self.typed, line)
        row = self.store.habits.find(project.number, command)
        before = habit_of(row) if row is not None else None
        if hidden and before is not None:  # of a failure that a pipe hides nobody sees the exit code
            exit_code = before.exit_code
        failure = Failed(
            self._tag, self._now(), kind, exit_code, habits.ways_of(output, line), cause, self._fingerprint(), seconds,
            text=self._redacted(self.typed.text)[:500], incident=habits.half(incident_id), agent=agent,
        )  # fmt: skip
        mark(str(Home(self.store.path.parent).state), self.root, command)
        habit = habits.with_failure(before, failure)
        self.store.habits.put(project.number, command, pack(habit))
        others = self._elsewhere(project)
        self._follow(passed=False)
        notes = self._judged(project, self._aged(), command.hex(), passed=False)
        fact = ""
        if before is not None and before.has_files_of(failure):
            fact = habits.said_after(before, failure, self._shown())
        tells = self.is_open and not habits.is_generic(habits.masked(line))
        told, better = self._correction(project, cause) if tells else ("", None)
        if tells:
            others.tell_failure(command, habit)
            if fact and (where := others.passed_at_this_commit(command)):
                fact = f"`{self._shown()}` passed on {where} at this commit, with these lock files."
            fact = fact or others.fact(command, failure, self._shown())
            if not told:
                told, better = self._correction_elsewhere(project, others, cause, line)
            if not (told or hidden or answered):
                told, better = self._another_way(project, cause, line, output)
        pipe = hidden.said(visible(self._redacted(hidden.line), keep_newlines=False)) if hidden else ""
        if pipe and not (fact or told) and notes.sayings >= habits.MAX_SAYINGS - 1:
            pipe = ""  # the last saying of a session is for what it does not see by itself
        said = {"hidden": pipe, "habit after": fact, "correction": told}
        notes, text = self._say(project, notes, said, better[1] if better else "")
        better = better if told in text else None
        if better:
            self.store.corrections.count(project.number, cause, better[0], "told")
            notes = replace(notes, offers=(*notes.offers, Told(cause.hex(), *better, command.hex())))
        if not hidden and tells:
            opened = Open(command.hex(), cause.hex(), self.command[:1000], self.cwd, storable(line[:300]))
            notes = replace(notes, open=(*notes.open, opened))
        self.keep(notes)
        return Said(text, better[1] if better else "", others.question(command, cause) if tells else "")

    def _correction(self, project: Project, cause: bytes) -> tuple[str, tuple[str, str] | None]:
        """Return what is told of the best correction, with (the change, the command); ("", None) for none."""
        for row in self.store.corrections.of(project.number, cause):
            command = self._filled(row)
            if self._is_tellable(command) and is_here(read_typed(command, self.cwd), self.typed, self.environment):
                times = row.seen - (self._tag in tags(row.sessions))
                where = f"{times} earlier session{'s' if times > 1 else ''} here"
                return f"What passed instead in {where}: `{command}`. Not tested now.", (row.change, command)
        return "", None

    def _another_way(
        self, project: Project, cause: bytes, line: str, output: str
    ) -> tuple[str, tuple[str, str] | None]:
        """Return what is told of another way that this machine shows now, as `_correction` does."""
        from meshcore.healing import ground  # what no success and no look before a command has a use for
        from meshcore.healing.at_hand import another_way

        here = ground.Ground(self.environment)
        found = another_way(self.command, self.typed, self.cwd, self.root, f"{output}\n{line}", here)
        if found is None:
            return "", None
        known, stored = self.store.corrections.of(project.number, cause), change.to_text(found.change)
        if any(row.change == stored and row.is_withdrawn for row in known):
            return "", None
        self._let_count(project, cause, stored, found.command)
        return found.said, (stored, found.command)

    def _let_count(self, project: Project, cause: bytes, text: str, command: str) -> None:
        """Let what becomes of a correction be counted that no session here has shown."""
        if all(row.change != text for row in self.store.corrections.of(project.number, cause)):
            self.store.corrections.see(
                project.number, cause, text, session=b"", named=False, failed=self.typed.text[:300],
                passed=command, at=self._now(),
            )  # fmt: skip

    def _filled(self, row: CorrectionRow) -> str:
        """Return the command that a correction makes of this one, "" where it is not believed or says nothing of it."""
        seen = row.seen - (self._tag in tags(row.sessions))
        if row.is_withdrawn or seen < (1 if row.named else BELIEVED_SESSIONS):
            return ""
        return change.corrected_by(self.typed, row.change)

    def _filled_anew(self, known: list[CorrectionRow], text: str, line: str) -> str:
        """Return the command that another node's correction makes of this one, "" where it would not be learnt here."""
        command = change.corrected_by(self.typed, text)
        told = read_typed(command, self.cwd)
        if not self._is_tellable(command) or change.correction_between(self.typed, told, line) is None:
            return ""
        if any(row.change == text and row.is_withdrawn for row in known):
            return ""
        return command if is_here(told, self.typed, self.environment) else ""

    def _is_tellable(self, command: str) -> bool:
        shown = visible(command, keep_newlines=False)
        return shown == command != "" and "`" not in command and is_untagged(command)

    def _correction_elsewhere(
        self, project: Project, others: Elsewhere, cause: bytes, line: str
    ) -> tuple[str, tuple[str, str] | None]:
        """Return what other nodes say passed instead, as `_correction` does; what comes of it is counted here."""
        known = self.store.corrections.of(project.number, cause)
        said, text, command = others.correction(cause, lambda text: self._filled_anew(known, text, line))
        if not said:
            return "", None
        self._let_count(project, cause, text, command)
        return said, (text, command)

    # --- it passed ----------------------------------------------------------------------------------------------------

    def passed(self, output: str = "") -> Said:
        """Note a pass: it ends the habit, and may be what is typed instead of something that failed before.

        Where a pipe hides the exit code and the `output` repeats what is known of the failure, it is no pass.
        """
        if not self.typed.words:
            return Said()
        project = self._project()
        notes = self._aged()
        if project is None:
            self.keep(self._changed(notes))
            return Said()
        command = self.typed.key(self.root)
        key = command.hex()
        row = self.store.habits.find(project.number, command)
        before = habit_of(row) if row is not None else None
        if before is not None:
            if self.typed.piped and before.repeats(habits.ways_of(output, "")):
                self.keep(self._changed(notes))
                return Said()
            ground = b"" if self.typed.piped else self._fingerprint()
            self.store.habits.put(project.number, command, pack(habits.with_pass(before, ground)))
            if key in notes.warned and before.sessions:
                self.store.projects.note_wrong_warning(project.number)
        self._elsewhere(project).tell_pass(command, None)
        self._follow(passed=True)
        notes = self._judged(project, notes, key, passed=True)
        if self._writes():
            notes = replace(notes, open=())
        elif self.is_open:
            notes = self._learnt(project, notes, key)
        self.keep(self._changed(notes))
        return Said()

    def _changed(self, notes: Notes) -> Notes:
        changed = notes.changed or bool(changes(self.typed.words)) or self._writes()
        return replace(notes, changed=changed)

    def _writes(self) -> bool:
        from meshcore.knowledge.acts import writes  # of no use before a command, nor after a failure

        return bool(writes(self.typed.words) or self.typed.document)

    def _learnt(self, project: Project, notes: Notes, key: str) -> Notes:
        """Note what this success says of the session's failures, the newest first."""
        for one in reversed(notes.open):
            if one.key == key:
                notes = replace(notes, open=tuple(other for other in notes.open if other.key != key))
                continue
            seen = change.correction_between(read_typed(one.command, one.folder), self.typed, one.line)
            if seen is None:
                continue
            cause = bytes.fromhex(one.cause)
            row = self.store.corrections.see(
                project.number, cause, change.to_text(seen.correction), session=self._tag,
                named=seen.named, failed=one.command[:300], passed=self.typed.text[:300], at=self._now(),
            )  # fmt: skip
            self._tell(project, cause, row)
            return replace(notes, open=tuple(other for other in notes.open if other != one))
        return notes

    def _count(self, project: Project, cause: bytes, text: str, result: str) -> None:
        """Count what became of a correction, and tell the others where it is withdrawn by that."""
        self.store.corrections.count(project.number, cause, text, result)
        for row in self.store.corrections.of(project.number, cause):
            if row.change == text and result == "contradicted":
                self._tell(project, cause, row)

    def _tell(self, project: Project, cause: bytes, row: CorrectionRow) -> None:
        is_believed = row.seen >= (1 if row.named else BELIEVED_SESSIONS)
        self._elsewhere(project).tell_correction(cause, row, believed=is_believed, withdrawn=row.is_withdrawn)

    # --- a file was edited; a command is about to run -----------------------------------------------------------------

    def edited(self) -> None:
        """Note that the session changed a file: what passes now may pass for that reason."""
        if self.notes.told:
            self.telling.changed()
        self.keep(replace(self.notes, changed=True, open=()))

    def before(self) -> Said:
        """Return the line that is told before a command, nothing in any doubt."""
        project = self._project()
        found = self.foreseen(project) if project is not None else None
        if project is None or found is None:
            return Said()
        command, text, better, habit = found
        instead = better[1] if better else ""
        notes, text = self._say(project, self.notes, {"habit before": text}, instead)
        if not text:
            self.keep(notes)
            return Said()
        self.keep(self.warned(project, notes, command, habit, better))
        return Said(text, instead)

    def foreseen(self, project: Project) -> tuple[bytes, str, tuple[str, str] | None, Habit] | None:
        """Return (command, line, (change, command) or None, habit) of what may be said before it; None in any doubt."""
        if self.notes.changed or not self.typed.words or project.wrong_warnings >= WRONG_WARNINGS:
            return None
        command = self.typed.key(self.root)
        row = self.store.habits.find(project.number, command)
        if row is None or not row.sessions or self._elsewhere(project).passed_at_this_commit(command):
            return None
        habit = habit_of(row)
        # What is stored of a command is its redacted text: the same text holds nothing that is to be kept back.
        better = self._correction(project, habit.cause)[1] if habit.text == self.typed.text else None
        instead = better[1] if better else ""
        text = habits.said_before(habit, self._tag, self._fingerprint(), self._now(), self._shown(), instead)
        return (command, text, better, habit) if text else None

    def warned(
        self, project: Project, notes: Notes, command: bytes, habit: Habit, better: tuple[str, str] | None
    ) -> Notes:
        """Return the notes after a warning, whose correction is counted as told."""
        notes = replace(notes, warned=(*notes.warned, command.hex()))
        if better:
            self.store.corrections.count(project.number, habit.cause, better[0], "told")
            notes = replace(notes, offers=(*notes.offers, Told(habit.cause.hex(), better[0], better[1], command.hex())))
        return notes
