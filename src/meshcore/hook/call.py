"""One report of one agent, on an open store: a failure is noted and answered, a success noted; light as the hook is.

What needs more than the standard library (policy, keys, the bridge) is a task for the follow-up.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from time import monotonic

from meshcore.agents.base import Answer, Call, Denied, Failure, Success
from meshcore.agents.table import ONE_PROGRAM, SHELL, Agent
from meshcore.clock import boot_id
from meshcore.config import Settings
from meshcore.healing.capture import EXCERPT_LIMIT, make_incident, project_root, readable
from meshcore.healing.left import leave, take_in
from meshcore.home import Home
from meshcore.hook.answer_known import asked_too, for_a_person, what_is_known
from meshcore.hook.fixes import Fixes, Seen
from meshcore.hook.handled import BUSY_SECONDS, CHECKPOINT_BYTES, Handled, open_to_the_end
from meshcore.hook.known import Known
from meshcore.hook.memory import Memory, Offer, incident_id_of, key_of, recall, remember
from meshcore.hook.news import opened
from meshcore.hook.notes import Said
from meshcore.hook.shell_text import SHELL as OF_A_SHELL
from meshcore.hook.shell_text import plain_command
from meshcore.hook.telling import Telling
from meshcore.hook.waiting import PATIENCE_SECONDS, fold_calls, patiently
from meshcore.model import AgentInfo, Incident, Json, KnownSkill, Match
from meshcore.safety.redaction import storable_argv
from meshcore.safety.visible_text import plain_name
from meshcore.store.database import LockedError
from meshcore.store.known_marks import session_key
from meshcore.store.rows import CommandRow
from meshcore.store.store import Store
from meshcore.trust.modes import MODE, ceiling, mode_for_hook

TWIN_SECONDS = 5.0  # within which the same failure, seen by another agent's hook, is the same
SUB_AGENT = 60  # characters of a sub-agent's name
OUTPUT_KEPT = 1024  # characters of the output of a command that succeeded


def take(
    report: Call, program: Agent, settings: Settings, environment: Mapping[str, str], *, to_the_end: bool = False
) -> Handled:
    """Do what a report asks for. Raises MeshError where the store cannot be used.

    `to_the_end`: this process ends at once, and the store stays open until then: closing the last connection would
    fold the write-ahead log in, which costs more than everything else together.
    """
    name, sub = environment.get("MESHTUI_AGENT") or f"{program.NAME}@{settings.host}", report.sub
    me = AgentInfo(name, program.NAME, settings.host, plain_name(sub, SUB_AGENT) if sub else "")
    path, until = Home(settings.home).create().store, monotonic() + PATIENCE_SECONDS
    store = patiently(path, lambda: Store(path, busy_timeout=BUSY_SECONDS, connection=opened()), until)
    try:
        call = _Call(store, settings, program, me, environment, report, until)
        if call.argv[0].rpartition("/")[2] == "meshtui":
            return Handled()  # `meshtui run` sees to its own failures
        if isinstance(report, Failure):
            handled = call.failed(report, to_the_end=to_the_end)
            if not call.is_left:
                with contextlib.suppress(LockedError):  # whoever comes next will do
                    fold_calls(store, f"hook.{program.NAME}")
                    take_in(store)
            return handled
        return call.denied() if isinstance(report, Denied) else call.succeeded()
    finally:
        if to_the_end:
            store.checkpoint(at_least=CHECKPOINT_BYTES)
            open_to_the_end.append(store)
        else:
            store.close()


class _Call:
    """One report of one agent, on an open store."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        program: Agent,
        me: AgentInfo,
        environment: Mapping[str, str],
        report: Call,
        until: float,
    ) -> None:
        self.store = store
        self.settings = settings
        self.program = program
        self.me = me
        self.environment = environment
        self.report = report
        self.session = session_key(me.via, report.session)
        self.folder = report.cwd if report.cwd.startswith("/") and "\0" not in report.cwd else os.getcwd()  # noqa: PTH109
        plain = plain_command(report.command, self.folder, succeeded=isinstance(report, Success))
        self.argv, self.cwd, self.piped = plain.argv, plain.cwd, plain.piped
        self.stored_argv = storable_argv(plain.argv)[0]
        self.key = key_of(self.stored_argv, plain.cwd)
        self.until = until
        self.is_left = False  # to whoever writes into the store next
        self.fixes = Fixes(store, settings, me, self.argv, self.cwd)

    # --- it failed ----------------------------------------------------------------------------------------------------

    def failed(self, report: Failure, *, to_the_end: bool = False) -> Handled:
        """Open the incident, and answer what is known; one that another hook has seen is left to that one."""
        store = self.store
        rows = store.controls.under(MODE)
        via = self.me.via
        highest = ceiling(mode_for_hook(rows, via), self.settings.mode, rows, via=via)
        if highest.mode == "off":
            return Handled()
        incident = make_incident(
            report.output.encode(errors="replace"),
            self.argv,
            cwd=self.cwd,
            env=self.environment,
            agent=self.me,
            exit_code=report.exit_code,
            opened=store.now(),
            incident_id=self._incident_id(),
        )
        # What takes a while, loading among it, is done before the store is held: others may want it at this moment.
        found = self.fixes.found(incident)
        seen = Seen(incident, highest, found, general=not found and self.fixes.is_known_in_general(incident))
        checkout = self._known().look_around()
        from meshcore.exchange.bodies import IncidentBody  # noqa: F401
        from meshcore.healing import at_hand, ground  # noqa: F401

        if found:
            from meshcore.hook import answer  # noqa: F401

        try:
            handled = patiently(store.path, lambda: self._noted(report, seen, checkout), self.until)
            if handled is None:
                return self._told_beside(seen)
            if handled.follow_up is not None and self.fixes.turn.wait(store, self.until):
                return self._told_later(seen, handled)
            return handled
        except LockedError:
            if not leave(Home(self.settings.home).state, incident):
                raise
            self.is_left = True
            return Handled()
        finally:
            if not to_the_end:
                self.fixes.turn.give_back()

    def _noted(self, report: Failure, seen: Seen, checkout: bytes) -> Handled | None:
        """Note a failure, and return what is to be said of it; None where another program's hook has noted it."""
        store, incident = self.store, seen.incident
        with store.transaction():
            boot = boot_id()
            if (twins := self._twins(incident, boot)) is not None:
                return None if self._hears_beside(twins) else Handled()
            store.agents.see(self.me.name, self.me.via, self.me.host)
            if not store.incidents.open(incident, store.meta.get("node"), boot=boot):
                return Handled()
            from meshcore.exchange.bodies import IncidentBody  # half a millisecond that a success need not pay

            store.outbox.add(IncidentBody.kind, IncidentBody.of(incident).to_json())
            memory = recall(store, self.session) or Memory()
            before = memory.failed.get(self.key, "")
            memory = self._with_command(memory, report.exit_code or 1, incident.excerpt, incident.incident_id)
            memory = memory.with_failure(self.key, incident.incident_id)
            in_vain = before if self._was_taken(memory, before) else ""
            known = self._known()
            known.ground = checkout
            answer, more, general = None, False, False
            if known.hears:
                answer, more = (None, True) if in_vain else self.fixes.answer(seen)
                # That takes a process of its own: once a session for each command.
                general = seen.general and answer is None and not more and not before
            if not in_vain and (answer or more or general) and known.withholds_fix(is_known=answer is not None):
                answer, more, general = None, False, False
            if answer is not None:
                was_told = memory.was_told(answer[1].action.command(), self.me.sub)
                memory = memory.with_offer(self.fixes.note_answer(incident, answer[1], was_told=was_told))
                answer = None if was_told else answer
            fix = self._fix(answer) if answer is not None else None
            if fix is not None and self.me.via != SHELL:
                from meshcore.hook.answer import room_beside

                known.room = room_beside(fix)
            remember(store, self.session, memory)
            said = known.failed(
                incident.signature.line, incident.excerpt, report.exit_code or 1, report.seconds, answered=bool(fix),
                incident_id=incident.incident_id, agent=self.me.name,
            )  # fmt: skip
            if more:
                self.fixes.turn.take()  # before others see that the failure is known
        if more or (general and not said.command):
            words = {"said": said.text, "person": said.person, "told": said.command}
            general = seen.general or bool(seen.found)
            task = self._task("failed", incident=incident.incident_id, before=in_vain, general=general, **words)
            return Handled(follow_up=task)
        return self._told(said) if fix is None else self._suggested(fix, said.text, said.person)

    def _fix(self, answer: tuple[KnownSkill, Match, str]) -> Answer:
        """Return what is told of a fix."""
        from meshcore.hook.answer import confirmed_by, left_to_person, suggestion  # most failures have no fix

        now = self.store.skills.now()
        if approval_id := self.fixes.waits(answer[1]):
            return left_to_person(*answer, approval_id, now=now)
        return suggestion(*answer, now=now, me=self.me.name, confirmed_by=confirmed_by(self.store, answer[0]))

    def _suggested(self, fix: Answer, said: str, person: str) -> Handled:
        """Return what is told of a fix, beside what the project knows."""
        from meshcore.hook.answer import beside

        both = beside(said, fix, person=self.me.via == SHELL)
        return Handled(self.program.answer(self.report.event, asked_too(both, person)))

    def _told_later(self, seen: Seen, handled: Handled) -> Handled:
        """Tell what another process has asked policy about; what needs more is for the follow-up as it was."""
        store, task = self.store, handled.follow_up or {}
        with store.transaction():
            answer = self.fixes.answer(seen, brief=True)[0]
            if answer is None:
                return handled
            memory = recall(store, self.session) or Memory()
            was_told = memory.was_told(answer[1].action.command(), self.me.sub)
            offer = self.fixes.note_answer(seen.incident, answer[1], was_told=was_told)
            remember(store, self.session, memory.with_offer(offer))
        said = Said(str(task["said"]), str(task["told"]), str(task["person"]))
        return self._told(said) if was_told else self._suggested(self._fix(answer), said.text, said.person)

    def _known(self) -> Known:
        """Return what the project knows of this command."""
        known = Known(self.store, self.session, self.report.command, self.folder, self.environment)
        known.telling = Telling(self.store, self.session, self.me.via, self.settings.withhold)
        known.hears = getattr(self.program, "READS_ANSWERS", True)
        return known

    def _told(self, said: Said) -> Handled:
        """Return what is told the agent of its project's habits."""
        if not said.text and not said.person:
            return Handled()
        words = for_a_person if self.me.via == SHELL else what_is_known
        answer = asked_too(words(said.text) if said.text else Answer(), said.person)
        return Handled(self.program.answer(self.report.event, answer))

    def _was_taken(self, memory: Memory, incident_id: str) -> bool:
        """Tell whether the agent took what it was told of an incident, and waits to see what that was worth."""
        if not any(offer.incident_id == incident_id for offer in memory.offered):
            return False
        before = self.store.incidents.find(incident_id)
        return before is not None and before.state == "applied_not_rerun"

    def _incident_id(self) -> str:
        """Return the id that every hook gives to this call; "" where the agent tells none."""
        return incident_id_of(self.me.via, self.report.session, self.report.call) if self.report.call else ""

    def _twins(self, incident: Incident, boot: str) -> set[str] | None:
        """Return the programs whose hooks have just seen this failure, None where it is a new one."""
        seen = set(self.store.incidents.seen_alike(incident, boot, TWIN_SECONDS))
        return seen if any(via != self.me.via or not self.report.call for via in seen) else None

    def _hears_beside(self, twins: set[str]) -> bool:
        """Tell whether this program hears of a failure that the hooks of others have noted."""
        return self.me.via not in twins and (self.me.via not in ONE_PROGRAM or ONE_PROGRAM.isdisjoint(twins))

    def _told_beside(self, seen: Seen) -> Handled:
        """Tell a second agent program of a failure that counts once."""
        answer = self.fixes.answer(seen, counts=False)[0]
        if answer is None and self.fixes.turn.wait(self.store, self.until):
            answer = self.fixes.answer(seen, counts=False, brief=True)[0]
        if answer is None or self._known().withholds_fix(is_known=True):
            return Handled()
        return self._suggested(self._fix(answer), "", "")

    # --- it worked ----------------------------------------------------------------------------------------------------

    def succeeded(self) -> Handled:
        """Note the command where something is open in this session: it may be the fix, or prove one."""
        from meshcore.knowledge.hidden import hidden_failure  # what no failure has a use for

        hidden = hidden_failure(self.report.command, self.report.output)
        output = self.report.output[-EXCERPT_LIMIT:]
        line = self._line(output) or hidden.line if hidden else ""
        with self.store.transaction():
            known = self._known()
            said = known.failed(line, output, 0, agent=self.me.name, hidden=hidden) if hidden else known.passed(output)
        memory = recall(self.store, self.session)
        if memory is None or hidden or (self.piped and self.key in memory.failed):
            return self._told(said)  # the success of a pipe's end proves nothing of what stands before it
        data = self.report.output.encode(errors="replace")
        output = readable(data[-4 * OUTPUT_KEPT :], truncated=len(data) > 4 * OUTPUT_KEPT)[-OUTPUT_KEPT:]
        with self.store.transaction():
            memory = self._with_command(memory, 0, output, "")
            command = " ".join(self.report.command.split())
            for offer in memory.offered:
                if offer.command in command and offer.incident_id in memory.failed.values():
                    self._take(offer)
            remember(self.store, self.session, memory)
        shown = next((key for key in self._keys() if key in memory.failed), "")
        if not shown:
            return Handled()
        return Handled(follow_up=self._task("succeeded", incident=memory.failed[shown], key=shown))

    def _line(self, output: str) -> str:
        """Return the line that tells what went wrong, as it is read where nothing hides the exit code."""
        import shlex

        from meshcore.knowledge.signature import read

        return read(output, command=shlex.join(self.argv)).line

    def _keys(self) -> Iterator[str]:
        """Yield what stands for the command, and for each that has succeeded inside a shell text."""
        yield self.key
        if self.argv[:2] == OF_A_SHELL:
            from meshcore.healing.succeeding_command import succeeded  # what most calls have no use for

            for place in succeeded(self.argv, self.cwd, self.environment):
                yield key_of(storable_argv(place.argv)[0], place.cwd)

    def _take(self, offer: Offer) -> None:
        """Note that the agent ran what it was told of, with success: the failed command will show what it was worth."""
        store = self.store
        incident = store.incidents.find(offer.incident_id)
        if incident is None or incident.state != "matched":
            return
        store.incidents.set_state(offer.incident_id, "applied_not_rerun", skill_id=offer.skill_id)
        store.skills.note_use(offer.skill_id)
        data = {"via": self.me.via, "command": offer.command}
        store.events.add(
            "hook.taken", incident_id=offer.incident_id, skill_id=offer.skill_id, agent=self.me.name, data=data
        )

    # --- it was not allowed -------------------------------------------------------------------------------------------

    def denied(self) -> Handled:
        """Forget a fix that a person or a rule has refused: it is not offered in this project again."""
        memory = recall(self.store, self.session)
        command = " ".join(self.report.command.split())
        for offer in memory.offered if memory else ():
            if offer.command in command:
                folder = project_root(self.cwd) or self.cwd
                with self.store.transaction():
                    self.store.refusals.put(offer.skill_id, folder, self.me.name)
                    data = {"rule": f"not in {folder}", "command": offer.command, "actor": self.me.name}
                    self.store.events.add("approval.rule", skill_id=offer.skill_id, agent=self.me.name, data=data)
        return Handled()

    # --- both ---------------------------------------------------------------------------------------------------------

    def _with_command(self, memory: Memory, exit_code: int, output: str, incident_id: str) -> Memory:
        now, output = self.store.now(), output[-EXCERPT_LIMIT:]
        row = CommandRow(self.stored_argv, self.cwd, exit_code, output, now, incident_id, self.me.name)
        return memory.with_command(self.store.commands.add(row))

    def _task(self, what: str, **fields: Json) -> dict[str, Json]:
        # A secret is not put on the follow-up's command line: it finds the address where this hook found it.
        address = self.settings.bridge
        home, bridge = str(self.settings.home), "" if address.is_secret else address.url
        head = {"what": what, "via": self.me.via, "agent": self.me.name, "event": self.report.event}
        return {**head, "home": home, "bridge": bridge, "session": self.session, "key": self.key, **fields}
