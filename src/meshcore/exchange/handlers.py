"""What a node makes of what it is told: one handler for each kind of record. Nothing is executed here.

`KINDS` is the one table of them: a new kind is a body in `bodies`, a handler and a row here, and what announces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from meshcore.bridge.state_bodies import HelloBody
from meshcore.clock import from_text as from_time
from meshcore.errors import BadRecordError
from meshcore.exchange.bodies import Body, IncidentBody, OutcomeBody, SkillBody
from meshcore.exchange.brakes import is_for, take_ceiling, take_drill
from meshcore.exchange.control_bodies import (
    CeilingBody,
    DrillBody,
    HaltBody,
    LiftBody,
    PurgeBody,
    RevocationBody,
    RotationBody,
)
from meshcore.exchange.inbox import take_answer, take_asking
from meshcore.exchange.inbox_bodies import AnswerBody, AskingBody
from meshcore.exchange.project_bodies import LONGEST_COMMAND, CorrectionBody, HabitBody
from meshcore.exchange.purge import erase_here
from meshcore.knowledge.corrections import from_text, mark_of
from meshcore.knowledge.interchange import as_stored, put, skill_from_old
from meshcore.knowledge.skill_check import check_skill
from meshcore.model import (
    TEXT_LIMIT,
    AgentInfo,
    Incident,
    KnownSkill,
    Outcome,
    Signature,
    Skill,
    SkillState,
    StepResult,
)
from meshcore.node import Node
from meshcore.policy.policy import brings_in
from meshcore.safety.records import Author
from meshcore.safety.redaction import redact
from meshcore.safety.strict_json import loads
from meshcore.safety.visible_text import visible
from meshcore.store.authors import in_utc
from meshcore.store.known_marks import mark
from meshcore.store.purges import SUBJECTS
from meshcore.store.told import Saying, Table
from meshcore.trust.authors import author_mode, is_same_node, take_rotation, trust_in
from meshcore.trust.signed_decisions import lifts_there, protected, take_carried
from meshcore.trust.standing import (
    MOST_FORGIVEN,
    forgive,
    lift_action,
    quarantined_action,
    reweigh,
    spellings,
    withdraw_and_reweigh,
)

LEGACY_KIND = "legacy_skill"  # of a row that an old program sent: it has no author and is not signed

Taken = Literal["stored", "ignored"]
B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who made a verified record, as their statement number `seq`, and when (`at`), as they say.

    `own`: this operator's node, and believed. `late`: what they said after it may have been taken in before it.
    """

    node: str
    operator: str
    seq: int
    own: bool
    at: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class Kind(Generic[B]):
    """How records of one kind are read and taken in; an urgent one is known before any other of the same batch.

    `weighs` names the skill whose outcomes are to be counted anew, once for all of a batch.
    """

    body: type[B]
    take: Callable[[Node, B, Speaker], Taken]
    urgent: bool = False
    weighs: Callable[[B], str] | None = None


def _clean(text: str) -> str:
    return visible(redact(text), limit=TEXT_LIMIT)


def _cleaned(skill: Skill) -> Skill:
    line, command, context = map(_clean, (skill.example_line, skill.example_command, skill.context))
    return replace(skill, example_line=line, example_command=command, context=context)


def _name(text: str) -> str:
    return visible(text, limit=200)


def _take_hello(node: Node, hello: HelloBody, speaker: Speaker) -> Taken:
    return "stored"


def _take_skill(node: Node, said: SkillBody, speaker: Speaker) -> Taken:
    check_skill(said.skill)
    skill, own = _cleaned(said.skill), speaker.own
    if own:
        take_carried(node, said.signed, "confirm", skill.skill_id, {"skill": skill.skill_id})
    confirmed = said.confirmed and (own or author_mode(node, speaker.node) == "auto")
    recognised = said.source == "recognised" and not brings_in(skill.action)
    if not node.store.authors.note_saying(skill.skill_id, speaker.node, speaker.seq, said.expires):
        return "ignored"
    known = node.store.skills.find(skill.skill_id)
    in_general = known is not None and known.source == "pack"  # nobody had learnt it
    if known is not None and (known.own_operator or not own) and not (in_general and own):
        if own and not known.confirmed and (confirmed or (recognised and known.author != speaker.node)):
            node.store.skills.confirm(skill.skill_id, "second occurrence" if not confirmed else speaker.node)
        return "stored"
    state: SkillState = known.state if known and known.state in ("quarantined", "forgotten") else "active"
    if state == "active" and not confirmed:
        state = "unconfirmed"
    taken = KnownSkill(
        skill,
        label=known.label if known else 0,
        state=state,
        source="peer",
        author=speaker.node,
        own_operator=own,
        confirmed=confirmed,
        last_good=in_utc(speaker.at),
    )
    put(node.store, taken)
    reweigh(node, skill.skill_id)
    data = {"author": speaker.node, "name": _name(said.name), "line": skill.example_line, "own": own}
    node.store.events.add("skill.received", skill_id=skill.skill_id, data=data)
    return "stored"


def _take_outcome(node: Node, said: OutcomeBody, speaker: Speaker) -> Taken:
    outcome = _readable(said.outcome)
    if outcome.node != speaker.node:
        raise BadRecordError("an outcome of another node than its author")
    # A key speaks for one host: what it claims to have seen on others would count as theirs.
    known = node.store.authors.get(speaker.node)
    outcome = replace(outcome, host=known.host if known is not None and known.host else outcome.host)
    if not node.store.outcomes.add(outcome, own_operator=speaker.own):
        return "stored"
    incident = node.store.incidents.find(outcome.incident_id) if speaker.late else None
    if incident is None or incident.state == "open":
        _move_incident(node, outcome)
    return "stored"


def _move_incident(node: Node, outcome: Outcome) -> None:
    author = node.store.incidents.node_of(outcome.incident_id)
    if outcome.result != "unknown" and is_same_node(node, author, outcome.node):
        node.store.incidents.set_state(
            outcome.incident_id,
            outcome.result,
            skill_id=outcome.skill_id,
            seconds=outcome.seconds,
            own_seconds=outcome.own_seconds,
        )


def _readable(outcome: Outcome) -> Outcome:
    """Return a peer's outcome fit to be stored, counted and drawn."""

    def readable(result: StepResult) -> StepResult:
        return replace(result, argv=tuple(_clean(word) for word in result.argv), output="")

    return replace(
        outcome,
        agent=_name(outcome.agent),
        host=_name(outcome.host),
        actor=_name(outcome.actor),
        why="",
        at=visible(outcome.at, limit=40),
        steps=tuple(readable(step) for step in outcome.steps),
        rerun=readable(outcome.rerun) if outcome.rerun else None,
    )


def _take_incident(node: Node, said: IncidentBody, speaker: Speaker) -> Taken:
    def readable(text: str) -> str:
        return visible(text, limit=TEXT_LIMIT)

    incident = Incident(
        incident_id=readable(said.incident_id),
        opened=readable(said.opened),
        agent=AgentInfo(readable(said.agent), readable(said.via), readable(said.host)),
        argv=(readable(said.program),),
        cwd="",
        exit_code=said.exit_code,
        signature=Signature(0, readable(said.error_type), readable(said.template), (), readable(said.line)),
        excerpt="",
        argv_redacted=True,
    )
    node.store.incidents.open(incident, speaker.node, remote=True)
    if speaker.late:
        for outcome in node.store.outcomes.of(incident_id=incident.incident_id):
            _move_incident(node, outcome)
    return "stored"


def _take_revocation(node: Node, said: RevocationBody, speaker: Speaker) -> Taken:
    if not speaker.own or said.key == node.identity.operator:
        return "ignored"
    withdraw_and_reweigh(node, said.key, _clean(said.why), speaker.node)
    return "stored"


def _take_halt(node: Node, said: HaltBody, speaker: Speaker) -> Taken:
    """A node of the own operator says stop, or takes its own stop back; it cannot lift what others said."""
    if not speaker.own or _is_late(node, said.kind, speaker) or not is_for(node, said.only):
        return "ignored"
    why = _clean(said.why)
    before, mark = node.store.halts.find(speaker.node)
    if why:
        node.store.halts.put(speaker.node, why, said.mark)
    elif protected(node) and not lifts_there(node, said.signed, speaker.node, mark):
        return "ignored"
    else:
        node.store.halts.lift(speaker.node)
    if why or before:
        data = {"reason": why or before, "actor": _name(said.name) or speaker.node}
        node.store.events.add("mesh.halted" if why else "mesh.resumed", data=data)
    return "stored"


def _is_late(node: Node, kind: str, speaker: Speaker) -> bool:
    """Tell whether a later word of the same kind was taken in before."""
    return speaker.late and node.store.records.newest(kind, speaker.node) > speaker.seq


def _take_ceiling(node: Node, said: CeilingBody, speaker: Speaker) -> Taken:
    if not speaker.own or _is_late(node, said.kind, speaker) or not is_for(node, said.only):
        return "ignored"
    return "stored" if take_ceiling(node, said, speaker.node, _name(said.name) or speaker.node) else "ignored"


def _take_drill(node: Node, said: DrillBody, speaker: Speaker) -> Taken:
    if not speaker.own or speaker.late:
        return "ignored"
    take_drill(node, said)
    return "stored"


def _take_asking(node: Node, said: AskingBody, speaker: Speaker) -> Taken:
    return "stored" if speaker.own and take_asking(node, said, speaker.node, speaker.seq) else "ignored"


def _take_answer(node: Node, said: AnswerBody, speaker: Speaker) -> Taken:
    if not speaker.own:
        return "ignored"
    row = node.store.authors.get(speaker.node)
    called = _name(said.name) or speaker.node[:12]
    called = f"{called} on {row.host}" if row is not None and row.host else called
    return "stored" if take_answer(node, said, called) else "ignored"


def _take_lift(node: Node, said: LiftBody, speaker: Speaker) -> Taken:
    """A person lifted a quarantine on another node of the own operator: the failures they saw count no longer here.

    What a person put under quarantine, or forgot, on this node stays so; more failures quarantine it again.
    """
    if len(said.failures) > MOST_FORGIVEN:
        raise BadRecordError(f"a lift of more than {MOST_FORGIVEN} failures")
    skill_id = said.skill_id
    if not speaker.own or speaker.seq <= node.store.quarantine.last_lift(skill_id, speaker.node):
        return "ignored"
    confirmed = take_carried(node, said.signed, "confirm", skill_id, {"skill": skill_id})
    if protected(node) and not confirmed:
        return "ignored"
    node.store.quarantine.note_lift(skill_id, speaker.node, speaker.seq)
    forgive(node, skill_id, said.failures)
    known = node.store.skills.find(skill_id)
    same = [one.skill_id for one in spellings(node, skill_id)]
    if known is not None and quarantined_action(node, known.skill.action) in same:
        lift_action(node, known)
        if known.state == "quarantined":
            who = _name(said.name) or speaker.node
            node.store.skills.set_state(skill_id, "active", who, "lifted on another node")
    reweigh(node, skill_id)
    return "stored"


def _take_rotation(node: Node, said: RotationBody, speaker: Speaker) -> Taken:
    author = Author(speaker.node, speaker.operator)
    heard = take_rotation(node, author, speaker.seq, new=said.node, enrolment=said.enrolment, proof=said.proof)
    return "stored" if heard else "ignored"


def _take_purge(node: Node, said: PurgeBody, speaker: Speaker) -> Taken:
    """Erase what a record said, where its author's operator wants that, or this home's own operator."""
    row = node.store.authors.get(said.author)
    of_author = said.author == speaker.node or (row is not None and row.operator == speaker.operator != "")
    if said.told not in SUBJECTS or not (speaker.own or of_author):
        return "ignored"
    if of_author and said.epoch and said.number:
        node.store.chains.receive(said.author, said.epoch, said.number, said.record_id)
    erase_here(node, said.record_id, said.author, speaker.node)
    return "stored"


def _take_habit(node: Node, said: HabitBody, speaker: Speaker) -> Taken:
    """Keep what a node says of a project's command; who is told of it is asked where it is told."""
    body = replace(said, text=visible(redact(said.text), limit=LONGEST_COMMAND, keep_newlines=False))
    if not _keep_saying(node, node.store.told.habits, said, (said.command,), body, speaker):
        return "ignored"
    for root, _, _ in node.store.projects.checkouts(said.project):
        mark(str(node.home.state), root, bytes.fromhex(said.command))
    return "stored"


def _take_correction(node: Node, said: CorrectionBody, speaker: Speaker) -> Taken:
    """Keep what a node says passed instead. Raises BadRecordError for a change with anything to be kept back in it."""
    try:
        change = from_text(said.change)
    except ValueError as error:
        raise BadRecordError("a correction whose change is none") from error
    words = " ".join((change.after, *change.old, *change.new))
    if visible(redact(words), limit=2 * LONGEST_COMMAND, keep_newlines=False) != words:
        raise BadRecordError("a correction with what is no plain word in it")
    failed, passed = (
        visible(redact(one), limit=LONGEST_COMMAND, keep_newlines=False) for one in (said.failed, said.passed)
    )
    key = (said.way, mark_of(said.change).hex())
    body = replace(said, failed=failed, passed=passed)
    is_kept = _keep_saying(node, node.store.told.corrections, said, key, body, speaker)
    return "stored" if is_kept else "ignored"


def _keep_saying(
    node: Node,
    table: Table,
    said: HabitBody | CorrectionBody,
    key: tuple[str, ...],
    body: HabitBody | CorrectionBody,
    speaker: Speaker,
) -> bool:
    now = int(node.clock.now().timestamp())
    last = min(now, int(from_time(said.last).timestamp()))
    known = trust_in(node, speaker.node).state in ("own", "enrolled")
    saying = Saying(said.project, key, speaker.node, last, said.sessions, body.to_json())
    return table.put(saying, speaker.seq, known=known)


def legacy_skill(text: str) -> KnownSkill:
    """Read what an old program wrote into the bridge's old table. Raises BadRecordError and BadSkillError."""
    return skill_from_old(loads(text))


def take_legacy_skill(node: Node, known: KnownSkill) -> Taken:
    """Keep a skill of an old program, unconfirmed and nobody's. Raises BadSkillError."""
    check_skill(known.skill)
    skill = as_stored(node.store, _cleaned(known.skill))
    if node.store.skills.find(skill.skill_id) is not None:
        return "stored"
    put(node.store, replace(known, skill=skill, label=0))
    data = {"author": "", "line": skill.example_line, "own": False}
    node.store.events.add("skill.received", skill_id=skill.skill_id, data=data)
    return "stored"


KINDS: Mapping[str, Kind[Any]] = {
    HelloBody.kind: Kind(HelloBody, _take_hello),
    SkillBody.kind: Kind(SkillBody, _take_skill),
    OutcomeBody.kind: Kind(OutcomeBody, _take_outcome, weighs=lambda said: said.outcome.skill_id),
    IncidentBody.kind: Kind(IncidentBody, _take_incident),
    HaltBody.kind: Kind(HaltBody, _take_halt, urgent=True),
    CeilingBody.kind: Kind(CeilingBody, _take_ceiling, urgent=True),
    DrillBody.kind: Kind(DrillBody, _take_drill, urgent=True),
    AskingBody.kind: Kind(AskingBody, _take_asking),
    AnswerBody.kind: Kind(AnswerBody, _take_answer),
    LiftBody.kind: Kind(LiftBody, _take_lift),
    RevocationBody.kind: Kind(RevocationBody, _take_revocation, urgent=True),
    RotationBody.kind: Kind(RotationBody, _take_rotation, urgent=True),
    HabitBody.kind: Kind(HabitBody, _take_habit),
    CorrectionBody.kind: Kind(CorrectionBody, _take_correction),
    PurgeBody.kind: Kind(PurgeBody, _take_purge),
}
