"""What a node makes of what it is told: one handler for each kind of record. Nothing is executed here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from meshcore.errors import BadRecordError
from meshcore.knowledge.interchange import put, skill_from_old
from meshcore.knowledge.skill_check import check_skill
from meshcore.model import (
    TEXT_LIMIT,
    AgentInfo,
    Incident,
    KnownSkill,
    Outcome,
    Record,
    Signature,
    SkillSource,
    SkillState,
    StepResult,
    skill_from_json,
)
from meshcore.node import Node
from meshcore.safety.keys import is_key
from meshcore.safety.records import Author
from meshcore.safety.redaction import redact
from meshcore.safety.strict_json import loads
from meshcore.safety.visible_text import visible
from meshcore.store.authors import in_utc
from meshcore.store.rows import outcome_from_json
from meshcore.trust.authors import author_mode, is_same_node, take_rotation
from meshcore.trust.signed_decisions import lifts_there, protected, take_carried
from meshcore.trust.standing import (
    MOST_FORGIVEN,
    forgive,
    lift_action,
    quarantined_action,
    reweigh,
    withdraw_and_reweigh,
)
from meshcore.trust.store_keys import HALTED_BY

_ID = re.compile(r"[0-9a-f]{8,64}")
HALT_MARK = "halt_mark:"  # + node: which halt of that node this one was told of last
MAX_SECONDS = 10.0 * 365 * 86400

Taken = Literal["stored", "ignored"]


def _short(record: Record, name: str) -> str:
    value = record.body.get(name, "")
    return visible(value, limit=200) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    return visible(redact(text), limit=TEXT_LIMIT)


def _take_skill(node: Node, record: Record, author: Author, own: bool) -> Taken:
    skill = skill_from_json(record.body["skill"])
    check_skill(skill)
    skill = replace(
        skill,
        example_line=_clean(skill.example_line),
        example_command=_clean(skill.example_command),
        context=_clean(skill.context),
    )
    if own:
        take_carried(node, record.body.get("word"), "confirm", skill.skill_id, {"skill": skill.skill_id})
    vouched = own or author_mode(node, author.node) == "auto"
    confirmed = vouched and record.body.get("confirmed") is True
    recognised = record.body.get("source") == "recognised"
    expires = record.body.get("expires", "")
    if expires and (not isinstance(expires, str) or not in_utc(expires)):
        raise BadRecordError("a skill with an expiry that is no time")
    if not node.store.authors.note_saying(skill.skill_id, author.node, record.author_seq, expires):
        return "ignored"
    known = node.store.skills.find(skill.skill_id)
    if known is not None and (known.own_operator or not own):
        if own and not known.confirmed and (confirmed or (recognised and known.author != author.node)):
            node.store.skills.confirm(skill.skill_id, "second occurrence" if not confirmed else record.author)
        return "stored"
    state: SkillState = known.state if known and known.state in ("quarantined", "forgotten") else "active"
    if state == "active" and not confirmed:
        state = "unconfirmed"
    source: SkillSource = "peer"
    taken = KnownSkill(
        skill,
        label=known.label if known else 0,
        state=state,
        source=source,
        author=author.node,
        own_operator=own,
        confirmed=confirmed,
    )
    put(node.store, taken)
    reweigh(node, skill.skill_id)
    data = {"author": author.node, "name": _short(record, "name"), "line": skill.example_line, "own": own}
    node.store.events.add("skill.received", skill_id=skill.skill_id, data=data)
    return "stored"


def _take_outcome(node: Node, record: Record, author: Author, own: bool) -> Taken:
    outcome = _readable_outcome(outcome_from_json(record.body))
    if outcome.node != author.node:
        raise BadRecordError("an outcome of another node than its author")
    # A key speaks for one host: what it claims to have seen on others would count as theirs.
    known = node.store.authors.get(author.node)
    outcome = replace(outcome, host=known.host if known is not None and known.host else outcome.host)
    if not node.store.outcomes.add(outcome, own_operator=own):
        return "stored"
    reweigh(node, outcome.skill_id)
    if outcome.result != "unknown" and is_same_node(
        node, node.store.incidents.node_of(outcome.incident_id), author.node
    ):
        node.store.incidents.set_state(
            outcome.incident_id,
            outcome.result,
            skill_id=outcome.skill_id,
            seconds=outcome.seconds,
            own_seconds=outcome.own_seconds,
        )
    return "stored"


def _readable_outcome(outcome: Outcome) -> Outcome:
    """Return a peer's outcome fit to be stored, counted and drawn. Raises BadRecordError."""
    results = [*outcome.steps, *([outcome.rerun] if outcome.rerun else [])]
    seconds = [result.seconds for result in results]
    seconds += [value for value in (outcome.seconds, outcome.own_seconds) if value is not None]
    if not all(type(value) in (int, float) and abs(value) < MAX_SECONDS for value in seconds):
        raise BadRecordError("an outcome with a time that is none")
    if not all(type(result.exit_code) is int and abs(result.exit_code) < 2**31 for result in results):
        raise BadRecordError("an outcome with an exit code that is none")
    if not all(isinstance(word, str) for result in results for word in result.argv):
        raise BadRecordError("an outcome with a command that is none")

    if not all(_ID.fullmatch(text) for text in (outcome.outcome_id, outcome.skill_id, outcome.incident_id or "0" * 8)):
        raise BadRecordError("an outcome with an id that is none")

    def readable(result: StepResult) -> StepResult:
        return replace(result, argv=tuple(_clean(word) for word in result.argv), output="")

    return replace(
        outcome,
        agent=visible(outcome.agent, limit=200),
        host=visible(outcome.host, limit=200),
        actor=visible(outcome.actor, limit=200),
        at=visible(outcome.at, limit=40),
        steps=tuple(readable(step) for step in outcome.steps),
        rerun=readable(outcome.rerun) if outcome.rerun else None,
    )


def _take_incident(node: Node, record: Record, author: Author, own: bool) -> Taken:
    body = record.body
    texts = {name: visible(str(body[name]), limit=TEXT_LIMIT) for name in INCIDENT_TEXTS}
    code = body.get("exit_code")
    incident = Incident(
        incident_id=texts["incident_id"],
        opened=texts["opened"],
        agent=AgentInfo(texts["agent"], texts["via"], texts["host"]),
        argv=(texts["program"],),
        cwd="",
        exit_code=code if type(code) is int and abs(code) < 2**31 else None,
        signature=Signature(0, texts["error_type"], texts["template"], (), texts["line"]),
        excerpt="",
        argv_redacted=True,
    )
    node.store.incidents.open(incident, author.node, remote=True)
    return "stored"


INCIDENT_TEXTS = ("incident_id", "opened", "agent", "via", "host", "program", "error_type", "template", "line")


def _take_hello(node: Node, record: Record, author: Author, own: bool) -> Taken:
    return "stored"


def _take_revocation(node: Node, record: Record, author: Author, own: bool) -> Taken:
    key, why = record.body["key"], _clean(str(record.body.get("why", "")))
    if not isinstance(key, str) or not is_key(key):
        raise BadRecordError("a revocation that names no key")
    if not own or key == node.identity.operator:
        return "ignored"
    withdraw_and_reweigh(node, key, why, author.node)
    return "stored"


def _take_halt(node: Node, record: Record, author: Author, own: bool) -> Taken:
    """A node of the own operator says stop, or takes its own stop back; it cannot lift what others said."""
    why = record.body["why"]
    if not own or not isinstance(why, str):
        return "ignored"
    key, before = HALTED_BY + author.node, node.store.controls.get(HALTED_BY + author.node)
    mark = HALT_MARK + author.node
    if why:
        node.store.meta.set(mark, str(record.body.get("mark", "")))
    elif protected(node) and not lifts_there(node, record.body.get("word"), author.node, node.store.meta.get(mark)):
        return "ignored"
    node.store.controls.set(key, _clean(why), author.node)
    if why or before:
        data = {"reason": _clean(why) or before, "actor": _short(record, "name") or author.node}
        node.store.events.add("mesh.halted" if why else "mesh.resumed", data=data)
    return "stored"


def _take_lift(node: Node, record: Record, author: Author, own: bool) -> Taken:
    """A person lifted a quarantine on another node of the own operator: the failures they saw count no longer here.

    What a person put under quarantine, or forgot, on this node stays so; more failures quarantine it again.
    """
    skill_id, failures = record.body["skill_id"], record.body["failures"]
    if not isinstance(skill_id, str) or not isinstance(failures, list) or len(failures) > MOST_FORGIVEN:
        raise BadRecordError("a lift that names no skill or no failures")
    if not all(isinstance(text, str) and _ID.fullmatch(text) for text in (skill_id, *failures)):
        raise BadRecordError("a lift with an id that is none")
    order = f"lift_seq:{skill_id}:{author.node}"
    if not own or record.author_seq <= int(node.store.meta.get(order, "0")):
        return "ignored"
    word = take_carried(node, record.body.get("word"), "confirm", skill_id, {"skill": skill_id})
    if protected(node) and not word:
        return "ignored"
    node.store.meta.set(order, str(record.author_seq))
    forgive(node, skill_id, failures)
    known = node.store.skills.find(skill_id)
    if known is not None and quarantined_action(node, known.skill.action) == skill_id:
        lift_action(node, known)
        if known.state == "quarantined":
            who = _short(record, "name") or author.node
            node.store.skills.set_state(skill_id, "active", who, "lifted on another node")
    reweigh(node, skill_id)
    return "stored"


def _take_rotation(node: Node, record: Record, author: Author, own: bool) -> Taken:
    return "stored" if take_rotation(node, record, author) else "ignored"


def take_legacy_skill(node: Node, record: Record) -> Taken:
    entry = loads(record.text)
    known = skill_from_old(entry)
    check_skill(known.skill)
    skill = replace(
        known.skill,
        example_line=_clean(known.skill.example_line),
        example_command=_clean(known.skill.example_command),
        context=_clean(known.skill.context),
    )
    if node.store.skills.find(skill.skill_id) is not None:
        return "stored"
    put(node.store, replace(known, skill=skill, label=0))
    node.store.events.add(
        "skill.received", skill_id=skill.skill_id, data={"author": "", "line": skill.example_line, "own": False}
    )
    return "stored"


HANDLERS: Mapping[str, Callable[[Node, Record, Author, bool], Taken]] = {
    "hello": _take_hello,
    "skill": _take_skill,
    "outcome": _take_outcome,
    "incident": _take_incident,
    "halt": _take_halt,
    "lift": _take_lift,
    "revocation": _take_revocation,
    "rotation": _take_rotation,
}
