"""What a hook has no time for, as the program that takes its place: ruling, settling, learning, the bridge.

A hook of an agent has noted what happened; this asks policy and the bridge, and answers the agent.
Like the hook it executes no fix and blocks nobody: on a fault of ours nothing is printed and the exit code is 0.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from json import loads
from pathlib import Path

from meshcore.agents.base import Answer
from meshcore.agents.table import SHELL
from meshcore.agents.table import agent as agent_called
from meshcore.config import load
from meshcore.exchange.receive import exchange
from meshcore.healing.aftermath import is_same_failure
from meshcore.healing.healer import Considered, Healer
from meshcore.healing.in_general import is_no_news
from meshcore.healing.light_judges import keep_policy
from meshcore.healing.outcomes import WAIT_FOR_SUCCESS, count, own_outcome, recover, settle_success
from meshcore.healing.session import make_healer
from meshcore.healing.sightings import note_told as note_told_sighting
from meshcore.healing.teaching import learn_from
from meshcore.hook.answer import beside, confirmed_by, left_to_person, suggestion
from meshcore.hook.answer_known import asked_too
from meshcore.hook.memory import Memory, Offer, recall, remember
from meshcore.hook.telling import note_told
from meshcore.journal.writer import project
from meshcore.knowledge.parts import example_fix
from meshcore.model import Incident, Json, KnownSkill
from meshcore.node import Node
from meshcore.policy.policy import brings_in
from meshcore.safety.visible_text import plain_name, visible
from meshcore.store.known_marks import note_call
from meshcore.trust.authors import trust_in
from meshcore.trust.ceilings import modes
from meshcore.trust.modes import mode_for_hook

Task = Mapping[str, Json]


def main() -> int:
    """Do the task of the command line, a JSON object; always 0."""
    task: Task = loads(sys.argv[1])

    done = False

    def say(answer: Answer) -> None:
        nonlocal done
        done = True
        os.write(1, agent_called(str(task["via"])).answer(str(task["event"]), answer).encode(errors="replace"))
        # What follows is for others. Where it takes too long, this ends as well as it would have: what was said counts.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))

    try:
        run(task, os.environ, say)
    except Exception as error:
        if not done:  # what the project knows is noted as told
            say(_beside(task, Answer()))
        _note_fault(task, error)
    if isinstance(began := task.get("began"), float):
        place = load(home=str(task["home"])).home / "state" / f"hook.{task['via']}"
        note_call(str(place), str(task["root"]), began, ended=True)
    return 0


def run(task: Task, environment: Mapping[str, str], say: Callable[[Answer], None] = lambda _: None) -> Answer:
    """Do a task, and return what is said to the agent; `say` is given it as soon as it is known.

    Raises MeshError.
    """
    settings = load(home=str(task["home"]), bridge=str(task["bridge"]), environment=environment)
    with Node(settings) as node:
        recover(node)
        exchange(node)
        incident = node.store.incidents.find(str(task["incident"]))
        if incident is None:
            say(_beside(task, Answer()))
            return Answer()
        answer = _failed(node, task, incident) if task["what"] == "failed" else _succeeded(node, task, incident)
        answer = _beside(task, answer)
        say(answer)
        exchange(node)
        if task["what"] == "failed":
            # The skills file is written anew as a whole, and the agent waits: whoever comes next does that.
            project(node.store, node.home.journal)
        else:
            node.project()
        return answer


def _beside(task: Task, answer: Answer) -> Answer:
    """Return an answer with what the hook has found out and noted as told."""
    both = beside(str(task.get("said") or ""), answer, person=task["via"] == SHELL)
    return asked_too(both, str(task.get("person") or ""))


# --- a command failed -------------------------------------------------------------------------------------------------


def _failed(node: Node, task: Task, incident: Incident) -> Answer:
    if before := node.store.incidents.find(str(task.get("before") or "")):
        _failed_again(node, before, incident)
    environment = {**os.environ, **incident.environment}
    healer = make_healer(node, environment, probe=False)  # from inside an agent's sandbox another one may not start
    mode = mode_for_hook(modes(node), incident.agent.via)
    general = bool(task.get("general")) and not task.get("told")
    considered = healer.consider(incident, mode, first_look=True, claims=False, general=general)
    match, ruling = considered.match, considered.ruling
    if match is None or ruling is None:
        return Answer()
    known = considered.known
    if ruling.decision == "hint" and known is not None and is_no_news(incident, known, match):
        return Answer()
    own = known is not None and known.own_operator
    policy = node.settings.operator / "policy.toml"
    keep_policy(node.store, match.action, policy, ruling.policy.decision, own=own)
    if ruling.decision == "refuse":
        return Answer()
    if ruling.decision == "approve":
        return _ask(node, healer, considered)
    heal = _heal_command(task, incident, node.settings.operator) if ruling.decision == "run" else ""
    return _hint(node, task, considered, heal)


def _failed_again(node: Node, before: Incident, now: Incident) -> None:
    """The agent had taken the fix, and the command fails: with the same error, that counts against the skill."""
    known = node.store.skills.find(before.skill_id) if before.skill_id else None
    if before.state != "applied_not_rerun" or known is None:
        return
    if not is_same_failure(before.signature, now.signature, known.skill):
        node.store.incidents.set_state(before.incident_id, "progress", skill_id=before.skill_id)
        return
    outcome = own_outcome(node, before, before.skill_id, "fix_failed", before.agent.name)
    with node.store.transaction(durable=True):
        count(node, outcome, try_id=outcome.outcome_id)
        node.store.incidents.set_state(before.incident_id, "fix_failed", skill_id=before.skill_id)


def _heal_command(task: Task, incident: Incident, operator: Path) -> str:
    """Return the command with which the agent itself may let the fix be applied, under its own permissions.

    "" where the agent's own environment leads to another operator folder: another policy and another HALT hold there.
    """
    pinned = os.environ.get("MESHTUI_PINNED", "").split()
    usual = load(environment={name: value for name, value in os.environ.items() if name not in pinned})
    if usual.operator != operator:
        return ""
    home, bridge = str(task["home"]), str(task["bridge"])
    options = [] if home == str(usual.home) else ["--home", home]
    options += [] if bridge == str(usual.bridge) else ["--bridge", bridge]
    return shlex.join(["meshtui", *options, "heal", incident.incident_id])


def _hint(node: Node, task: Task, considered: Considered, heal: str) -> Answer:
    """Tell the agent of a fix, or only the person where its author is nobody that the operator has enrolled.

    `heal`: the command that applies it and runs the failed one again, where the ruling is to run it.
    """
    match, known = considered.match, considered.known
    if match is None or known is None:
        return Answer()
    trust = trust_in(node, known.author)
    if trust.state == "unknown" and not known.own_operator:
        who = plain_name(trust.name or "an unknown author")
        return Answer(
            "", f"meshtui: {who}, whom you have not enrolled, offers a fix: meshtui skills show {known.label}"
        )
    me, command = considered.incident.agent, match.action.command()
    with node.store.transaction():
        memory = recall(node.store, str(task["session"])) or Memory()
        was_told = memory.was_told(command, me.sub)
        if not was_told:
            note_told(node.store, considered.incident, match, me)
        offer = Offer(considered.incident.incident_id, known.skill_id, command, me.sub)
        remember(node.store, str(task["session"]), memory.with_offer(offer))
    if was_told:
        return Answer()
    author = _author(node, known)
    note = f"Allowed here: `{heal}` applies it, runs the failed command again and says how that went." if heal else ""
    now, by = node.store.skills.now(), confirmed_by(node.store, known)
    return suggestion(known, match, author, note, now=now, me=me.name, confirmed_by=by)


def _author(node: Node, known: KnownSkill) -> str:
    if known.source == "pack":
        return "what meshtui knows in general"
    return node.store.skills.learnt_by(known.skill_id) or trust_in(node, known.author).name or node.name


def _ask(node: Node, healer: Healer, considered: Considered) -> Answer:
    approval, match, known = healer.ask(considered), considered.match, considered.known
    if match is None or known is None:
        return Answer()
    return left_to_person(known, match, _author(node, known), approval.approval_id, now=node.store.skills.now())


# --- a command that had failed succeeds -------------------------------------------------------------------------------


def _succeeded(node: Node, task: Task, incident: Incident) -> Answer:
    """Settle what waited for this success, and learn from what the session did in between."""
    store, session = node.store, str(task["session"])
    waiting = settle_success(node, incident.argv, incident.cwd)
    memory = recall(store, session) or Memory()
    rows, told = store.commands.with_ids(memory.commands), {one.incident_id: one.command for one in memory.offered}
    for found in waiting:
        if found.state == "applied_not_rerun" and found.incident_id in told:
            me = incident.agent.name
            note_told_sighting(node, found, told[found.incident_id], rows, session=session, agent=me)
    lines = [
        f"verified: {found.signature.line}" for found in waiting if found.state in WAIT_FOR_SUCCESS and found.skill_id
    ]
    if any(found.state not in WAIT_FOR_SUCCESS for found in waiting):
        skill = learn_from(node, rows, session)
        if skill is not None:
            until = "you confirm it" if brings_in(skill.skill.action) else "it is seen elsewhere or you confirm it"
            state = "confirmed" if skill.confirmed else f"unconfirmed until {until}"
            lines.append(f"learnt #{skill.label}: {skill.skill.example_line} → {example_fix(skill.skill)} ({state})")
    with store.transaction():
        remember(store, session, replace(memory, failed=memory.without_failure(str(task["key"])).failed))
    said = "; ".join(lines[:2])
    return Answer("", visible(f"meshtui: {said}", limit=300, keep_newlines=False) if said else "")


def _note_fault(task: Task, error: Exception) -> None:
    with suppress(Exception), Node(load(home=str(task["home"]), bridge=str(task["bridge"]))) as node:
        what = visible(f"after the hook of {task['via']}: {str(error) or type(error).__name__}", limit=500)
        node.store.events.add("fault", data={"what": what})
