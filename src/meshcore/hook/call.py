"""One report of one agent, on an open store: a failure is noted and answered, a success noted; light as the hook is.

What needs more than the standard library (policy, keys, the bridge) is a task for the follow-up.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from meshcore.agents.base import Answer, Call, Denied, Failure, Success
from meshcore.agents.table import ONE_PROGRAM, SHELL, Agent
from meshcore.clock import boot_id, from_text, to_text
from meshcore.config import Settings
from meshcore.healing.capture import EXCERPT_LIMIT, make_incident, project_root, readable
from meshcore.healing.light_judges import learnt, offered_here, rule_lightly
from meshcore.home import Home
from meshcore.hook.answer import beside, confirmed_by, suggestion
from meshcore.hook.answer_known import asked_too, for_a_person, what_is_known
from meshcore.hook.handled import BUSY_SECONDS, CHECKPOINT_BYTES, Handled, open_to_the_end
from meshcore.hook.known import Known
from meshcore.hook.memory import Memory, Offer, incident_id_of, key_of, recall, remember
from meshcore.hook.notes import Said
from meshcore.hook.shell_text import SHELL as OF_A_SHELL
from meshcore.hook.shell_text import plain_command
from meshcore.hook.telling import Telling
from meshcore.knowledge.hidden import hidden_failure
from meshcore.knowledge.matching import matches
from meshcore.model import AgentInfo, Incident, Json, KnownSkill, Match
from meshcore.safety.redaction import storable_argv
from meshcore.safety.visible_text import plain_name
from meshcore.store.known_marks import session_key
from meshcore.store.rows import CommandRow
from meshcore.store.store import Store
from meshcore.trust.modes import MODE, Ceiling, ceiling, mode_for_hook

TWIN_SECONDS = 5.0  # within which the same failure, seen by another agent's hook, is the same
PULL_SECONDS = 60.0  # between two looks at the bridge where no runtime does that
MUCH = 1 << 16  # bytes that hooks wrote of their calls
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
    store = Store(Home(settings.home).create().store, busy_timeout=BUSY_SECONDS)
    try:
        call = _Call(store, settings, program, me, environment, report)
        if call.argv[0].rpartition("/")[2] == "meshtui":
            return Handled()  # `meshtui run` sees to its own failures
        if isinstance(report, Failure):
            fold_calls(store, f"hook.{program.NAME}")
            return call.failed(report)
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

    # --- it failed ----------------------------------------------------------------------------------------------------

    def failed(self, report: Failure) -> Handled:
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
        with store.transaction():
            boot = boot_id()
            if (twins := self._twins(incident, boot)) is not None:
                return self._told_beside(incident, highest, twins)
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
            answer, more, general = None, False, False
            if known.hears:
                answer, more = (None, True) if in_vain else self._answer(incident, highest)
                # That takes a process of its own: once a session for each command.
                general = answer is None and not more and not before and self._is_known_in_general(incident)
            if not in_vain and (answer or more or general) and known.withholds_fix(is_known=answer is not None):
                answer, more, general = None, False, False
            if answer is not None:
                was_told = memory.was_told(answer[1].action.command(), self.me.sub)
                memory = memory.with_offer(self._note_answer(incident, answer[1], was_told=was_told))
                answer = None if was_told else answer
            remember(store, self.session, memory)
            said = known.failed(
                incident.signature.line, incident.excerpt, report.exit_code or 1, report.seconds, answered=bool(answer),
                incident_id=incident.incident_id, agent=self.me.name,
            )  # fmt: skip
        if more or (general and not said.command):
            words = {"said": said.text, "person": said.person, "told": said.command}
            task = self._task("failed", incident=incident.incident_id, before=in_vain, **words)
            return Handled(follow_up=task)
        if answer is None:
            return self._told(said)
        fix = suggestion(*answer, me=self.me.name, confirmed_by=confirmed_by(store, answer[0]))
        both = beside(said.text, fix, person=self.me.via == SHELL)
        return Handled(self.program.answer(report.event, asked_too(both, said.person)))

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

    def _told_beside(self, incident: Incident, highest: Ceiling, twins: set[str]) -> Handled:
        """Tell a second agent program of a failure that counts once; what a follow-up would have to ask is not told."""
        if self.me.via in twins or (self.me.via in ONE_PROGRAM and not ONE_PROGRAM.isdisjoint(twins)):
            return Handled()
        answer = self._answer(incident, highest, counts=False)[0]
        if answer is None or self._known().withholds_fix(is_known=True):
            return Handled()
        fix = suggestion(*answer, me=self.me.name, confirmed_by=confirmed_by(self.store, answer[0]))
        return Handled(self.program.answer(self.report.event, fix))

    def _answer(
        self, incident: Incident, highest: Ceiling, *, counts: bool = True
    ) -> tuple[tuple[KnownSkill, Match, str] | None, bool]:
        """Return (skill, match, author) of what may be said at once, and whether the follow-up is to look first.

        `counts`: the incident is this hook's own.
        """
        store = self.store
        folder = project_root(self.cwd) or self.cwd
        signature, here = incident.signature, incident.circumstances
        found = offered_here(store, matches(signature, store.skills, here, folder=incident.cwd), folder)
        found = learnt(store, found)
        if not found:
            return None, counts and self._may_pull()
        match, known = found[0], store.skills.find(found[0].skill_id)
        if known is None:
            return None, False
        operator, name = self.settings.operator, self.settings.agent
        ruling = rule_lightly(store, known, match, folder=folder, highest=highest, operator=operator, own_name=name)
        if not ruling.final:
            return None, True
        if ruling.decision == "refuse":
            if counts:
                self._note_refusal(incident, match, ruling.reasons)
            return None, False
        return (known, match, ruling.author), False

    def _is_known_in_general(self, incident: Incident) -> bool:
        """Tell whether it is worth to look at what is known in general."""
        if not self.settings.packs:
            return False
        from meshcore.knowledge.missing import may_propose, missing  # what no success has a use for

        if missing(incident.signature) is not None:
            return True
        from meshcore.knowledge.usual import Failed, usual

        if usual(Failed(self.argv, self.argv[-1] if self.argv else "", incident.excerpt, incident.cwd)) is not None:
            return True
        if not may_propose(self.argv, incident.excerpt):
            return False
        from meshcore.knowledge.proposed import proposed  # most errors end before this

        return bool(proposed(self.argv, incident.excerpt))

    def _note_refusal(self, incident: Incident, match: Match, reasons: Sequence[str]) -> None:
        """Write down, and tell nobody, that what is known may not be used."""
        store, incident_id = self.store, incident.incident_id
        data: dict[str, Json] = {"decision": "refuse", "reasons": list(reasons), "command": match.action.command()}
        self._note_match(incident, match)
        store.events.add("try.decided", incident_id=incident_id, skill_id=match.skill_id, data=data)
        store.incidents.set_state(incident_id, "refused", skill_id=match.skill_id)

    def _may_pull(self) -> bool:
        """Tell whether the bridge is to be looked at: no runtime does, and nobody has for a minute."""
        now, before = self.store.clock.now(), self.store.state.get()["pulled"]
        try:
            if before and 0 <= (now - from_text(before)).total_seconds() < PULL_SECONDS:
                return False
        except ValueError:
            pass
        self.store.state.set(pulled=to_text(now))
        return not is_locked(Home(self.settings.home).runtime_lock)

    def _note_answer(self, incident: Incident, match: Match, *, was_told: bool) -> Offer:
        self._note_match(incident, match)
        if not was_told:
            note_told(self.store, incident, match, self.me)
        return Offer(incident.incident_id, match.skill_id, match.action.command(), self.me.sub)

    def _note_match(self, incident: Incident, match: Match) -> None:
        store, incident_id = self.store, incident.incident_id
        data: dict[str, Json] = {"tier": match.tier, "score": match.score, "why": match.why}
        store.events.add("incident.matched", incident_id=incident_id, skill_id=match.skill_id, data=data)
        solved_before = match.tier == "exact" or None  # of a likely answer only its outcome can tell
        store.incidents.set_state(incident_id, "matched", skill_id=match.skill_id, again=solved_before)

    # --- it worked ----------------------------------------------------------------------------------------------------

    def succeeded(self) -> Handled:
        """Note the command where something is open in this session: it may be the fix, or prove one."""
        hidden = hidden_failure(self.report.command, self.report.output)
        with self.store.transaction():
            known = self._known()
            output = self.report.output[-EXCERPT_LIMIT:]
            said = known.failed(hidden.line, output, 0, agent=self.me.name, hidden=hidden) if hidden else known.passed()
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


def fold_calls(store: Store, name: str) -> None:
    """Take in what hooks wrote of their calls, once that is much."""
    path = Home(store.path.parent).state / name
    with contextlib.suppress(OSError):
        if path.lstat().st_size >= MUCH:
            store.tellings.fold_calls(path.parent, name)


def note_told(store: Store, incident: Incident, match: Match, me: AgentInfo) -> None:
    """Write down that an agent was told of a fix."""
    store.events.add(
        "hook.answered",
        incident_id=incident.incident_id,
        skill_id=match.skill_id,
        agent=me.name,
        data={"via": me.via, "command": match.action.command()},
    )


def is_locked(path: Path) -> bool:
    """Tell whether a process holds a lock; False also where nobody ever did."""
    if not path.exists():
        return False
    from meshcore.filelock import FileLock

    with contextlib.suppress(OSError), FileLock(path).held() as free:
        return not free
    return False
