"""What a hook has no time for, as the program that takes its place: ruling, healing, settling, learning, the bridge.

A hook of an agent has noted what happened; this asks policy and the bridge, and answers the agent.
Like the hook it blocks nobody: on a fault of ours nothing is printed and the exit code is 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from json import loads

from meshcore.agents.base import Answer
from meshcore.agents.table import agent as agent_called
from meshcore.config import load
from meshcore.exchange.receive import exchange
from meshcore.healing.healer import Considered, Healer
from meshcore.healing.outcomes import count, own_outcome, recover, settle_success
from meshcore.healing.session import make_healer
from meshcore.healing.teaching import learn_from
from meshcore.hook.answer import suggestion
from meshcore.hook.call import note_told, verdict_key
from meshcore.hook.memory import Memory, Offer, recall, remember
from meshcore.journal.writer import project
from meshcore.knowledge.parts import example_fix
from meshcore.model import MODES, Incident, Json, Mode
from meshcore.node import Node
from meshcore.safety.visible_text import visible
from meshcore.trust.authors import trust_in
from meshcore.trust.ceilings import modes
from meshcore.trust.modes import VIA
from meshcore.trust.store_keys import LEARNT_BY

Task = Mapping[str, Json]


def main() -> int:
    """Do the task of the command line, a JSON object; always 0."""
    task: Task = loads(sys.argv[1])
    try:
        answer = run(task, os.environ)
        os.write(1, agent_called(str(task["via"])).answer(str(task["event"]), answer).encode(errors="replace"))
    except Exception as error:
        _note_fault(task, error)
    return 0


def run(task: Task, environment: Mapping[str, str]) -> Answer:
    """Do a task, and return what is said to the agent. Raises MeshError."""
    settings = load(home=str(task["home"]), bridge=str(task["bridge"]), environment=environment)
    with Node(settings) as node:
        recover(node)
        exchange(node)
        incident = node.store.incidents.find(str(task["incident"]))
        if incident is None:
            return Answer()
        answer = _failed(node, task, incident) if task["what"] == "failed" else _succeeded(node, task, incident)
        exchange(node)
        if task["what"] == "failed":
            # The skills file is written anew as a whole, and the agent waits: whoever comes next does that.
            project(node.store, node.home.journal)
        else:
            node.project()
        return answer


# --- a command failed -------------------------------------------------------------------------------------------------


def _failed(node: Node, task: Task, incident: Incident) -> Answer:
    if before := node.store.incidents.find(str(task.get("before") or "")):
        _failed_again(node, before)
    environment = {**os.environ, **incident.environment}
    healer = make_healer(node, environment)
    considered = healer.consider(incident, _mode(node, incident.agent.via), first_look=True)
    match, ruling = considered.match, considered.ruling
    if match is None or ruling is None:
        return Answer()
    key = verdict_key(match, node.settings.operator / "policy.toml")
    node.store.meta.set(key, "refuse" if ruling.decision == "refuse" else "hint")
    if ruling.decision == "refuse":
        return Answer()
    if ruling.decision == "run":
        return _heal(node, task, considered)
    if ruling.decision == "approve":
        return _ask(node, healer, considered)
    return _hint(node, task, considered)


def _failed_again(node: Node, before: Incident) -> None:
    """The agent had taken the fix, and the command fails all the same: that counts against the skill."""
    if before.state != "applied_not_rerun" or not before.skill_id:
        return
    outcome = own_outcome(node, before, before.skill_id, "fix_failed", before.agent.name)
    with node.store.transaction(durable=True):
        count(node, outcome, try_id=outcome.outcome_id)
        node.store.incidents.set_state(before.incident_id, "fix_failed", skill_id=before.skill_id)


def _mode(node: Node, via: str) -> Mode:
    asked = modes(node).get(VIA + via, "")
    return next((mode for mode in MODES if mode == asked), "hint")


def _hint(node: Node, task: Task, considered: Considered) -> Answer:
    """Tell the agent of a fix, or only the person where its author is nobody that the operator has enrolled."""
    match, known = considered.match, considered.known
    if match is None or known is None:
        return Answer()
    trust = trust_in(node, known.author)
    if trust.state == "unknown" and not known.own_operator:
        who = visible(trust.name or "an unknown author", limit=60, keep_newlines=False)
        return Answer(
            "", f"meshtui: {who}, whom you have not enrolled, offers a fix: meshtui skills show {known.label}"
        )
    me = considered.incident.agent
    note_told(node.store, considered.incident, match, me)
    with node.store.transaction():
        memory = recall(node.store, str(task["session"])) or Memory()
        offer = Offer(considered.incident.incident_id, known.skill_id, match.action.command())
        remember(node.store, str(task["session"]), memory.with_offer(offer))
    return suggestion(known, match, node.store.meta.get(LEARNT_BY + known.skill_id) or trust.name or node.name)


def _ask(node: Node, healer: Healer, considered: Considered) -> Answer:
    approval = healer.ask(considered)
    command = visible(approval.command, limit=300, keep_newlines=False)
    return Answer(
        f"meshtui: this error is known; its fix waits until a person approves it: {command}",
        f"meshtui: known fix waits for you: {command}  (meshtui approvals approve {approval.approval_id[:6]})",
    )


def _heal(node: Node, task: Task, considered: Considered) -> Answer:
    """Let `meshtui heal` apply what policy allows, for as long as the agent waits; then it goes on by itself."""
    incident, match = considered.incident, considered.match
    if match is None:
        return Answer()
    arguments = ["--home", str(task["home"]), "--bridge", str(task["bridge"]), "heal", incident.incident_id]
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "meshtui", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with suppress(subprocess.TimeoutExpired):
        child.wait(agent_called(str(task["via"])).WAIT_SECONDS)
    child.returncode = child.poll() or 0  # it may outlive us, and that is no fault
    return _healed(node.store.incidents.find(incident.incident_id) or incident, match.action.command())


def _healed(incident: Incident, fix: str) -> Answer:
    command = visible(fix, limit=300, keep_newlines=False)
    where = f"meshtui incidents show {incident.incident_id[:8]}"
    if incident.state == "verified":
        return Answer(
            f"meshtui has solved this: policy allowed `{command}`, which was applied, and the failed command was run"
            " again and now exits 0. Go on; run it again only if you need its output.",
            f"meshtui: ✓ healed: {command}",
        )
    if incident.state == "applied_not_rerun":
        said = f"meshtui has applied the known fix `{command}`. Run the failed command again: that is what counts."
        return Answer(said, f"meshtui: applied, not rerun: {command}")
    if incident.state == "fix_failed":
        said = f"meshtui tried the known fix `{command}`, and the command still fails: look for another cause."
        return Answer(said, f"meshtui: the known fix did not help: {command}  ({where})")
    said = f"meshtui is applying the known fix `{command}`; it goes on by itself. See: {where}"
    return Answer(said, f"meshtui: healing goes on: {command}  ({where})")


# --- a command that had failed succeeds -------------------------------------------------------------------------------


def _succeeded(node: Node, task: Task, incident: Incident) -> Answer:
    """Settle what waited for this success, and learn from what the session did in between."""
    store, session = node.store, str(task["session"])
    waiting = settle_success(node, incident.argv, incident.cwd)
    memory = recall(store, session) or Memory()
    lines = [
        f"verified: {found.signature.line}"
        for found in waiting
        if found.state in ("applied_not_rerun", "unknown") and found.skill_id
    ]
    if any(found.state not in ("applied_not_rerun", "unknown") for found in waiting):
        skill = learn_from(node, store.commands.with_ids(memory.commands))
        if skill is not None:
            state = "confirmed" if skill.confirmed else "unconfirmed until it is seen again or you confirm it"
            lines.append(f"learnt #{skill.label}: {skill.skill.example_line} → {example_fix(skill.skill)} ({state})")
    with store.transaction():
        remember(store, session, replace(memory, failed=memory.without_failure(str(task["key"])).failed))
    said = "; ".join(lines[:2])
    return Answer("", visible(f"meshtui: {said}", limit=300, keep_newlines=False) if said else "")


def _note_fault(task: Task, error: Exception) -> None:
    with suppress(Exception), Node(load(home=str(task["home"]), bridge=str(task["bridge"]))) as node:
        what = visible(f"after the hook of {task['via']}: {str(error) or type(error).__name__}", limit=500)
        node.store.events.add("fault", data={"what": what})
