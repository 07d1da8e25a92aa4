"""What nodes tell each other: sign and publish the outbox; receive, check, store, acknowledge.

Nothing that arrives is believed before its signature holds, and nothing is executed here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from meshcore.bridge.base import Delivery, Publication
from meshcore.clock import to_text
from meshcore.errors import BadRecordError, BadSkillError, BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.healing.capture import SUMMARY_LIMIT as TEXT_LIMIT
from meshcore.healing.capture import summary
from meshcore.knowledge.interchange import put, skill_from_old, skill_to_old
from meshcore.knowledge.learning import check_pattern
from meshcore.knowledge.parts import Parts
from meshcore.model import (
    AgentInfo,
    Incident,
    Json,
    KnownSkill,
    Outcome,
    Receipt,
    Record,
    Signature,
    Skill,
    SkillSource,
    SkillState,
    StepResult,
    skill_from_json,
    skill_to_json,
)
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.safety.keys import is_key
from meshcore.safety.records import Author, author_of, sign, verify
from meshcore.safety.redaction import redact
from meshcore.safety.strict_json import loads
from meshcore.safety.visible_text import visible
from meshcore.store.authors import in_utc
from meshcore.store.rows import outcome_from_json, outcome_to_json
from meshcore.store.store import OutboxRow
from meshcore.trust.authors import author_mode, is_same_node, meet, take_rotation, trust_in, withdraw
from meshcore.trust.halting import HALT, HALTED_BY
from meshcore.trust.signed_decisions import carried, lifts_there, protected, take_carried
from meshcore.trust.standing import MOST_FORGIVEN, forgive, lift_action, quarantined_action, reweigh

PULL_ROWS = 100
PULL_SECONDS = 0.02
_ID = re.compile(r"[0-9a-f]{8,64}")
MAX_SLOTS = 100  # parts of one error
HALT_MARK = "halt_mark:"  # + node: which halt of that node this one was told of last
MAX_SECONDS = 10.0 * 365 * 86400

Taken = Literal["stored", "ignored"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one look at the bridge brought: rows by what became of them, and whether more wait."""

    stored: int = 0
    ignored: int = 0
    rejected: int = 0
    more: bool = False


# --- telling ------------------------------------------------------------------------------------------------------


def tell_skill(node: Node, known: KnownSkill) -> None:
    """Queue a skill for all others."""
    body = {
        "skill": skill_to_json(known.skill),
        "confirmed": known.confirmed,
        "source": known.source,
        "name": node.name,
        "host": node.settings.host,
        "label": known.label,
    }
    if (word := carried(node, "confirm", known.skill.skill_id)) is not None:
        body["word"] = word
    node.store.add_to_outbox("skill", body)


def tell_lift(node: Node, known: KnownSkill, failures: Sequence[str]) -> None:
    """Tell the operator's other nodes that a person stands behind a skill in spite of these failures."""
    body: dict[str, Json] = {"skill_id": known.skill.skill_id, "failures": list(failures), "name": node.name}
    if (word := carried(node, "confirm", known.skill.skill_id)) is not None:
        body["word"] = word
    node.store.add_to_outbox("lift", body)


def tell_outcome(node: Node, outcome: Outcome) -> None:
    """Queue an outcome for all others, without the output of its commands; a very long command is cut."""
    steps = tuple(_told(step) for step in outcome.steps)
    rerun = _told(outcome.rerun) if outcome.rerun else None
    node.store.add_to_outbox("outcome", outcome_to_json(replace(outcome, steps=steps, rerun=rerun)))


def _told(result: StepResult) -> StepResult:
    argv, left = [], TEXT_LIMIT
    for word in result.argv:
        argv.append(word[:left])
        left -= len(word)
        if left <= 0:
            argv.append("…")
            break
    return replace(result, argv=tuple(argv), output="")


def tell_incident(node: Node, incident: Incident) -> None:
    """Queue a summary of an incident."""
    node.store.add_to_outbox("incident", summary(incident))


def publish(node: Node) -> int:
    """Sign what waits in the outbox and put it on the bridge; return how many. Raises BridgeUnavailableError.

    A row is signed once and its text kept, so that a crash at any point, or another process at the same time,
    publishes it once.
    """
    sent = 0
    while node.store.outbox(1):
        bridge = node.require_bridge()
        publications: list[Publication] = []
        with node.store.transaction():
            node.renew_identity()
            rows = node.store.outbox(PULL_ROWS)
            for row in rows:
                try:
                    record = _signed(node, row)
                except BadRecordError as error:
                    # Later it would be no better, and what is behind it must not wait for it.
                    node.store.add_event("fault", data={"what": f"not told to the others: {error}"})
                    continue
                publications.append(Publication(record, row.kind, _for_old_readers(node, row), _skill_id(row)))
        bridge.publish(publications)
        with node.store.transaction():
            node.store.mark_published([row.seq for row in rows])
            for publication in publications:
                if publication.kind == "skill":
                    data = {"record": publication.record.record_id}
                    node.store.add_event("skill.published", skill_id=publication.skill_id, data=data)
        sent += len(publications)
    return sent


def _skill_id(row: OutboxRow) -> str:
    return skill_from_json(row.body["skill"]).skill_id if row.kind == "skill" else str(row.body.get("skill_id", ""))


def _signed(node: Node, row: OutboxRow) -> Record:
    if row.record is not None:
        return verify(row.record)
    record = sign(row.kind, row.body, node.store.next_author_seq(), node.identity, node.clock)
    node.store.keep_signed(row.seq, record)
    return record


def _for_old_readers(node: Node, row: OutboxRow) -> dict[str, Json] | None:
    if row.kind != "skill":
        return None
    known = node.store.skill(_skill_id(row))
    if known is None:
        return None
    old = skill_to_old(known)
    ruling = Policy.load(None).check(old["resolution"], "own")
    return old if ruling.action_type and ruling.decision in ("run", "approve") else None


# --- hearing ------------------------------------------------------------------------------------------------------


def pull(node: Node, *, seconds: float = PULL_SECONDS) -> Pulled:
    """Receive what waits, at least one batch, at most `seconds` long. Raises BridgeUnavailableError.

    Every row is committed to the home's store before it is acknowledged: a crash between the two delivers it again,
    and again is harmless.
    """
    bridge = node.require_bridge()
    started = node.clock.monotonic()
    counts = {"stored": 0, "ignored": 0, "rejected": 0}
    while True:
        batch = bridge.receive(node.identity.node.public, PULL_ROWS)
        if batch.deliveries or batch.cursor:
            receipts = take_in(node, batch.deliveries)
            for receipt in receipts:
                counts[receipt.status] += 1
            if receipts or batch.cursor:
                bridge.acknowledge(node.identity.node.public, receipts, batch.cursor)
        if not batch.more:
            node.note_sync()
        if not batch.more or node.clock.monotonic() - started >= seconds:
            return Pulled(counts["stored"], counts["ignored"], counts["rejected"], batch.more)


def take_in(node: Node, deliveries: tuple[Delivery, ...]) -> list[Receipt]:
    """Check and store rows of the bridge, each whole or else as rejected; return a receipt for each.

    They are on the disk before this returns: what is acknowledged survives a power cut.
    """
    if not deliveries:
        return []
    urgent = [delivery for delivery in deliveries if _is_urgent(delivery)]
    rest = [delivery for delivery in deliveries if not _is_urgent(delivery)]
    with node.store.transaction(durable=True):
        receipts = [_take_in_one(node, delivery) for delivery in (*urgent, *rest)]
    return sorted(receipts, key=lambda receipt: receipt.seq)


def _is_urgent(delivery: Delivery) -> bool:
    """Tell whether a row looks like one that must be known before any skill of the same batch is taken in."""
    return any(f'"kind":"{kind}"' in delivery.record.text for kind in ("halt", "revocation", "rotation"))


_NOT_ACCEPTABLE = (
    BadRecordError,
    BadSkillError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What a peer's data may cause. Faults of the disk or of locks are not among them: such a row is taken in later."""


def _take_in_one(node: Node, delivery: Delivery) -> Receipt:
    me, at = node.identity.node.public, to_text(node.clock.now())
    try:
        if node.store.has_record(delivery.record.record_id):
            return Receipt(delivery.seq, me, "stored", at)
        with node.store.transaction():
            return Receipt(delivery.seq, me, _take_in_checked(node, delivery), at)
    except _NOT_ACCEPTABLE as error:
        reason = visible(str(error), limit=200) or type(error).__name__
        node.store.add_record(delivery.record, "rejected", reason)
        return Receipt(delivery.seq, me, "rejected", at, reason)


def _take_in_checked(node: Node, delivery: Delivery) -> Taken:
    if delivery.origin == "legacy":
        taken = _legacy_skill(node, delivery.record)
        node.store.add_record(replace(delivery.record, kind="legacy_skill"), taken)
        return taken
    record = verify(delivery.record)
    author = author_of(record)
    meet(node, record, author)
    own = trust_in(node, author.node).state == "own"
    handler = _HANDLERS.get(record.kind)
    taken = handler(node, record, author, own) if handler else "ignored"
    node.store.add_record(record, taken)
    return taken


def _short(record: Record, name: str) -> str:
    value = record.body.get(name, "")
    return visible(value, limit=200) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    return visible(redact(text), limit=TEXT_LIMIT)


def check_skill(skill: Skill) -> None:
    """Raise BadSkillError for a skill that may not travel: the same for what is taught here and what peers send."""
    if not skill.template.strip():
        raise BadSkillError("the skill's pattern is empty")
    if not _is_clean(skill):
        raise BadSkillError(f"the skill holds control characters, or a text of more than {TEXT_LIMIT} characters")
    if any(not 0 <= key.index < MAX_SLOTS for key in skill.key_slots):
        raise BadSkillError("a key slot of the skill is none of an error's parts")
    try:
        skill.action.fill(Parts(skill.example_slots))
    except IndexError:
        raise BadSkillError("the skill's action refers to a part that its own example lacks") from None
    check_pattern(Signature(skill.signature_version, skill.error_type, skill.template), skill.key_slots)


def _is_clean(skill: Skill) -> bool:
    texts = [skill.error_type, skill.template, skill.action.text, *(k.value for k in skill.key_slots)]
    texts += [token for step in skill.action.steps for token in step]
    return all(visible(text, limit=TEXT_LIMIT) == text for text in texts)


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
    if not node.store.note_saying(skill.skill_id, author.node, record.author_seq, expires):
        return "ignored"
    known = node.store.skill(skill.skill_id)
    if known is not None and (known.own_operator or not own):
        if own and not known.confirmed and (confirmed or (recognised and known.author != author.node)):
            node.store.confirm_skill(skill.skill_id, "second occurrence" if not confirmed else record.author)
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
    node.store.add_event("skill.received", skill_id=skill.skill_id, data=data)
    return "stored"


def _take_outcome(node: Node, record: Record, author: Author, own: bool) -> Taken:
    outcome = _readable_outcome(outcome_from_json(record.body))
    if outcome.node != author.node:
        raise BadRecordError("an outcome of another node than its author")
    # A key speaks for one host: what it claims to have seen on others would count as theirs.
    known = node.store.author(author.node)
    outcome = replace(outcome, host=known.host if known is not None and known.host else outcome.host)
    if not node.store.add_outcome(outcome, own_operator=own):
        return "stored"
    reweigh(node, outcome.skill_id)
    if outcome.result != "unknown" and is_same_node(node, node.store.incident_node(outcome.incident_id), author.node):
        node.store.set_incident_state(
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
    texts = {name: visible(str(body[name]), limit=TEXT_LIMIT) for name in _INCIDENT_TEXTS}
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
    node.store.add_incident(incident, author.node, remote=True)
    return "stored"


_INCIDENT_TEXTS = ("incident_id", "opened", "agent", "via", "host", "program", "error_type", "template", "line")


def _take_hello(node: Node, record: Record, author: Author, own: bool) -> Taken:
    return "stored"


def _take_revocation(node: Node, record: Record, author: Author, own: bool) -> Taken:
    key, why = record.body["key"], _clean(str(record.body.get("why", "")))
    if not isinstance(key, str) or not is_key(key):
        raise BadRecordError("a revocation that names no key")
    if not own or key == node.identity.operator:
        return "ignored"
    _withdraw(node, key, why, author.node)
    return "stored"


def _take_halt(node: Node, record: Record, author: Author, own: bool) -> Taken:
    """A node of the own operator says stop, or takes its own stop back; it cannot lift what others said."""
    why = record.body["why"]
    if not own or not isinstance(why, str):
        return "ignored"
    key, before = HALTED_BY + author.node, node.store.control(HALTED_BY + author.node)
    mark = HALT_MARK + author.node
    if why:
        node.store.set_meta(mark, str(record.body.get("mark", "")))
    elif protected(node) and not lifts_there(node, record.body.get("word"), author.node, node.store.meta(mark)):
        return "ignored"
    node.store.set_rule(key, _clean(why), author.node)
    if why or before:
        data = {"reason": _clean(why) or before, "actor": _short(record, "name") or author.node}
        node.store.add_event("mesh.halted" if why else "mesh.resumed", data=data)
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
    if not own or record.author_seq <= int(node.store.meta(order, "0")):
        return "ignored"
    word = take_carried(node, record.body.get("word"), "confirm", skill_id, {"skill": skill_id})
    if protected(node) and not word:
        return "ignored"
    node.store.set_meta(order, str(record.author_seq))
    forgive(node, skill_id, failures)
    known = node.store.skill(skill_id)
    if known is not None and quarantined_action(node, known.skill.action) == skill_id:
        lift_action(node, known)
        if known.state == "quarantined":
            who = _short(record, "name") or author.node
            node.store.set_skill_state(skill_id, "active", who, "lifted on another node")
    reweigh(node, skill_id)
    return "stored"


def tell_halt(node: Node, why: str) -> None:
    """Queue a halt for all nodes of this operator, or with an empty reason the end of it."""
    body: dict[str, Json] = {"why": why, "name": node.name}
    if why and protected(node):
        body["mark"] = node.store.meta(HALT)
    elif not why and (word := carried(node, "resume", "halt")) is not None:
        body["word"] = word
    node.store.add_to_outbox("halt", body)


def _take_rotation(node: Node, record: Record, author: Author, own: bool) -> Taken:
    return "stored" if take_rotation(node, record, author) else "ignored"


def revoke(node: Node, key: str, why: str) -> None:
    """Withdraw a node, or an operator, here at once; the own operator's other nodes are told."""
    with node.store.transaction(durable=True):
        _withdraw(node, key, why, node.name)
        node.store.add_to_outbox("revocation", {"key": key, "why": why})


def _withdraw(node: Node, key: str, why: str, actor: str) -> None:
    for skill_id in withdraw(node, key, why, actor):
        reweigh(node, skill_id)


_HANDLERS: Mapping[str, Callable[[Node, Record, Author, bool], Taken]] = {
    "hello": _take_hello,
    "skill": _take_skill,
    "outcome": _take_outcome,
    "incident": _take_incident,
    "halt": _take_halt,
    "lift": _take_lift,
    "revocation": _take_revocation,
    "rotation": _take_rotation,
}


def _legacy_skill(node: Node, record: Record) -> Taken:
    entry = loads(record.text)
    known = skill_from_old(entry)
    check_skill(known.skill)
    skill = replace(
        known.skill,
        example_line=_clean(known.skill.example_line),
        example_command=_clean(known.skill.example_command),
        context=_clean(known.skill.context),
    )
    if node.store.skill(skill.skill_id) is not None:
        return "stored"
    put(node.store, replace(known, skill=skill, label=0))
    node.store.add_event(
        "skill.received", skill_id=skill.skill_id, data={"author": "", "line": skill.example_line, "own": False}
    )
    return "stored"


def exchange(node: Node) -> Pulled:
    """Publish and pull once, quietly: a bridge that cannot be used is noted in `node.bridge_fault`."""
    try:
        publish(node)
        node.tend()
        return pull(node)
    except (BridgeUnavailableError, ConfigurationError) as error:
        node.bridge_fault = str(error)
    except MeshError as error:
        node.store.add_event("fault", data={"what": str(error)})
    return Pulled()
