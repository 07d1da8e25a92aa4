"""How a node comes to know a fix: a person says so, or a sequence of commands shows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from meshcore.clock import from_text
from meshcore.errors import BadSkillError
from meshcore.exchange.announce import announce_lift, announce_skill
from meshcore.healing.circumstances import failed_inside, project_root
from meshcore.healing.failing_command import failing
from meshcore.healing.in_general import SOURCE
from meshcore.healing.outcomes import count, own_outcome
from meshcore.healing.sightings import note_sighting
from meshcore.healing.succeeding_command import succeeded
from meshcore.knowledge.acts import acts
from meshcore.knowledge.command import simple_commands
from meshcore.knowledge.derive import derive
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import as_stored, put
from meshcore.knowledge.learning import confirms, learn, taught_by
from meshcore.knowledge.matching import matches
from meshcore.knowledge.parts import example_fix
from meshcore.knowledge.recognition import CommandRun, recognise
from meshcore.knowledge.signature import read
from meshcore.knowledge.skill_check import check_skill
from meshcore.model import (
    Action,
    AgentInfo,
    Evidence,
    Incident,
    KnownSkill,
    Signature,
    Skill,
    SkillSource,
    SkillState,
)
from meshcore.node import Node
from meshcore.policy.action_key import action_key, is_one_fix
from meshcore.policy.policy import brings_in, written_from
from meshcore.safety.keys import SigningKey
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible
from meshcore.store.rows import CommandRow
from meshcore.store.sightings import Sighting
from meshcore.trust.signed_decisions import sign_decision
from meshcore.trust.standing import SEEN, lift, reweigh

HISTORY = 50
NEIGHBOURS = 50
UNSIGNED: tuple[SkillSource, ...] = ("imported", "reported")


def teach(
    node: Node,
    error: str,
    fix: str,
    *,
    error_type: str = "",
    command: str = "",
    context: str = "",
    folder: str = "",
) -> tuple[KnownSkill, bool]:
    """Store what a person says fixes an error, as `teach_of` does."""
    failed = visible(redact(_failed_in(command, folder, error)))
    signature = read(visible(redact(error)), error_type=visible(redact(error_type)), command=failed)
    return teach_of(node, signature, fix, context=context, folder=folder)


def teach_of(
    node: Node, signature: Signature, fix: str, *, context: str = "", folder: str = ""
) -> tuple[KnownSkill, bool]:
    """Store what a person says fixes an error, and queue it for the others; return it and whether it is new.

    `folder` is where it failed, or where the person is: whole paths of its project are those of any checkout. Raises
    BadSkillError for an error or a fix that makes no skill.
    """
    action = _of_any_checkout(parse_fix(visible(redact(fix.strip()))), signature, folder)
    within = folder if folder and project_root(folder) else ""
    skill = learn(signature, action, context=visible(redact(context)), folder=within)
    return _remember(node, skill, source_confirmed=True, source="taught")


def _failed_in(text: str, folder: str, error: str) -> str:
    """Return a command as an incident has it: of a text of several what failed inside, or the shell that ran it."""
    if len(simple_commands(text)) < 2:
        return text
    whole = ("bash", "-c", text)
    one = failed_inside(whole, folder or "/", {}, error).one
    return shlex.join(one.argv if one else whole)


def _of_any_checkout(action: Action, signature: Signature, folder: str) -> Action:
    """Return a fix with the whole paths of a project written from its folder; what the error holds is left to it."""
    project = project_root(folder) if folder else ""
    if not project:
        return action

    def word(whole: str) -> str:
        held = any(slot.value == whole or slot.value.startswith(f"{whole}/") for slot in signature.slots)
        return whole if held else written_from((whole,), folder, project)[0]

    return replace(action, steps=tuple((step[0], *map(word, step[1:])) for step in action.steps))


def ran_since(node: Node, incident: Incident) -> list[str]:
    """Return what succeeded in a failure's folder after it and may have changed something, newest first."""
    rows = node.store.commands.in_folder(incident.cwd, HISTORY)
    later = [row.argv for row in rows if row.exit_code == 0 and row.at >= incident.opened and row.argv != incident.argv]
    return list(dict.fromkeys(shlex.join(argv) for argv in reversed(later) if acts(argv)))


def recognise_fix(node: Node, cwd: str) -> KnownSkill | None:
    """Look at the newest commands of a folder: did one of them fix what had failed? See `learn_from`."""
    return learn_from(node, node.store.commands.in_folder(cwd, HISTORY))


def learn_from(node: Node, rows: Sequence[CommandRow], session: str = "") -> KnownSkill | None:
    """Return the skill that commands, oldest first, show by their newest success; None where they show none.

    What is recognised once is unconfirmed. Recognised again, in another project and session, it is confirmed; never
    where it brings something in from the network: what a text has named twice is still named by a text. `session` is
    the key of the agent's session, "" where none is known.
    """
    found = recognise([run for row in rows for run in _runs(row)])
    if found is None:
        return None
    try:
        skill, signature = taught_by(found)
    except BadSkillError:
        return None  # the error says too little to know it by
    known, new = _neighbour(node, skill, signature, found.fix), False
    if known is None:
        known, new = _remember(node, skill, source_confirmed=False, source="recognised")
    before = node.store.sightings.of(known.skill_id)
    if any(one.at == found.failed.at for one in before if one.kind != "past"):
        return known  # looked at before, or the agent was told it
    project, agent = project_root(rows[-1].cwd) or rows[-1].cwd, rows[-1].agent
    if new:
        node.store.skills.note_learnt_by(known.skill_id, agent)
    note_sighting(node, known.skill_id, Sighting("own", project, session, agent, found.failed.at))
    if new or brings_in(known.skill.action):
        return known
    _count_success(node, known, signature, agent, next((r.incident_id for r in rows if r.incident_id), ""))
    return node.store.skills.find(known.skill_id) or known


def _runs(row: CommandRow) -> Iterator[CommandRun]:
    """Yield what a command ran inside a shell text or a wrapper, as far as that is certain: else itself."""
    at = from_text(row.at).timestamp()
    if row.exit_code:
        failed = failing(row.argv, row.cwd, {}).one
        argv, cwd = (failed.argv, failed.cwd) if failed else (row.argv, row.cwd)
        yield CommandRun(argv, cwd, row.exit_code, row.output, at)
        return
    for place in succeeded(row.argv, row.cwd, {}):
        yield CommandRun(place.argv, place.cwd, 0, row.output, at)


def _neighbour(node: Node, skill: Skill, signature: Signature, fix: Action) -> KnownSkill | None:
    """Return another own skill that would have done just what was done, None where none would."""
    if node.store.skills.find(as_stored(node.store, skill).skill_id) is not None:
        return None
    for match in matches(signature, node.store.skills):
        known = node.store.skills.find(match.skill_id)
        if (
            known is not None
            and known.own_operator
            and known.source != SOURCE
            and confirms(known.skill, signature, fix, same=is_one_fix)
        ):
            return known
    return None


def _count_success(node: Node, known: KnownSkill, signature: Signature, agent: str, incident_id: str) -> None:
    """Count what people did, and saw succeed, as a verified outcome of the skill that would have done the same."""
    seen = Incident(incident_id, "", AgentInfo(agent), (), "", None, signature, "")
    with node.store.transaction(durable=True):
        count(node, own_outcome(node, seen, known.skill_id, "verified", SEEN))
    offer_generalisations(node, known.skill_id)


def offer_generalisations(node: Node, skill_id: str) -> list[KnownSkill]:
    """Store what a skill and its neighbours have shown in common, unconfirmed: a person may stand behind it."""
    offered = []
    for skill in derive(node.store.skills.neighbours(skill_id, NEIGHBOURS)):
        if node.store.skills.find(skill.skill_id) is None:
            with node.store.transaction():
                known = KnownSkill(
                    skill, state="unconfirmed", source="derived", author=node.identity.node.public, own_operator=True
                )
                offered.append(put(node.store, known))
                node.store.events.add(
                    "skill.learned",
                    skill_id=skill.skill_id,
                    data={"source": "derived", "line": skill.example_line, "context": skill.context},
                )
    return offered


def stand_behind(node: Node, known: KnownSkill, reason: str, signer: SigningKey | None = None) -> None:
    """Let a person confirm a skill: failures up to now no longer count against it, and the others are told.

    Of what came in without an author (from a file, or a model's word) the person becomes the author. Raises UsageError
    where the operator's key is protected and `signer` is not theirs.
    """
    content = known.skill.skill_id
    with node.store.transaction(durable=True):
        sign_decision(node, signer, "confirm", content, {"skill": content})
        if not known.author and known.source in UNSIGNED:
            put(node.store, replace(known, author=node.identity.node.public, own_operator=True))
        node.store.skills.confirm(known.skill_id, node.name)
        if known.state != "active":
            node.store.skills.set_state(known.skill_id, "active", node.name, reason)
        failures = lift(node, known)
        if failures or known.state == "quarantined":
            announce_lift(node, known, failures)
        again = reweigh(node, known.skill_id)
        if again is not None and again.own_operator:
            announce_skill(node, again)


def _remember(node: Node, skill: Skill, *, source_confirmed: bool, source: str) -> tuple[KnownSkill, bool]:
    check_skill(skill)
    skill = as_stored(node.store, skill)
    store, me = node.store, node.identity.node.public
    with store.transaction(durable=True):
        known = store.skills.find(skill.skill_id)
        if known is not None and known.own_operator and known.source != SOURCE:
            if source_confirmed and (not known.confirmed or known.state == "forgotten"):
                store.skills.confirm(skill.skill_id, node.name)
                if known.state == "forgotten":
                    store.skills.set_state(skill.skill_id, "active", node.name, "taught again")
                known = replace(known, confirmed=True, state="active")
                announce_skill(node, known)
            return known, False
        fresh = known is None
        known = put(
            store,
            KnownSkill(
                skill,
                action_key=action_key(skill.action),
                label=known.label if known else 0,
                state="active" if source_confirmed else _unconfirmed(known),
                source="taught" if source == "taught" else "recognised",
                author=me,
                own_operator=True,
                confirmed=source_confirmed,
                evidence=known.evidence if known else Evidence(),
            ),
        )
        store.events.add(
            "skill.learned",
            skill_id=skill.skill_id,
            data={
                "source": source,
                "line": skill.example_line,
                "command": example_fix(skill),
                "context": skill.context,
            },
        )
        announce_skill(node, known)
    return known, fresh


def _unconfirmed(known: KnownSkill | None) -> SkillState:
    return known.state if known is not None and known.state in ("quarantined", "forgotten") else "unconfirmed"
