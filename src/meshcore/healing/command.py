"""A command that has just ended under `meshtui run`: a success settles and teaches, a failure begins a session."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from meshcore.clock import to_text
from meshcore.exchange.receive import exchange
from meshcore.healing.capture import capture_incident
from meshcore.healing.healer import Rerun
from meshcore.healing.outcomes import recover, settle_success
from meshcore.healing.session import Session, make_healer
from meshcore.healing.teaching import recognise_fix
from meshcore.knowledge.parts import example_fix
from meshcore.model import AgentInfo, Mode
from meshcore.node import Node
from meshcore.policy.policy import brings_in
from meshcore.process.passthrough import Passed
from meshcore.safety.redaction import redact_argv
from meshcore.store.rows import CommandRow


@dataclass(frozen=True, slots=True)
class Command:
    """A command that has ended: `argv` as it was typed, `ended` the monotonic time, `via` what kind of agent ran it."""

    argv: tuple[str, ...]
    passed: Passed
    ended: float
    via: str
    environment: Mapping[str, str]
    cwd: str


def succeeded(node: Node, command: Command) -> list[str]:
    """Settle what waited for this success, and learn from what came before it; return at most three lines."""
    recover(node)
    waiting = settle_success(node, redact_argv(command.argv)[0], command.cwd)
    node.store.incidents.note_open_folders(command.cwd)
    if not node.store.commands.in_folder(command.cwd, 1) and not waiting:
        return []
    _remember(node, command, "")
    tried = [found for found in waiting if found.state in ("applied_not_rerun", "unknown")]
    lines = [f"verified: {found.signature.line}" for found in tried if found.skill_id]
    if len(tried) < len(waiting) and (skill := recognise_fix(node, command.cwd)) is not None:
        until = "you confirm it" if brings_in(skill.skill.action) else "it is seen elsewhere or you confirm it"
        state = "confirmed" if skill.confirmed else f"unconfirmed until {until}"
        lines.append(f"learnt #{skill.label}: {skill.skill.example_line} → {example_fix(skill.skill)} ({state})")
    exchange(node)
    node.project()
    return lines[:3]


def failed(node: Node, command: Command, mode: Mode, rerun: Rerun) -> Session:
    """Open the incident, hear what is new, and rule on the best known answer; `rerun` runs the command again."""
    recover(node)
    passed = command.passed
    agent = AgentInfo(node.settings.agent, command.via, node.settings.host)
    incident = capture_incident(passed, command.argv, cwd=command.cwd, env=command.environment, agent=agent)
    incident = replace(incident, stdin="null" if passed.stdin == "captured" and not passed.stdin_data else passed.stdin)
    healer = make_healer(node, command.environment)
    healer.open(incident, command.ended)
    _remember(node, command, incident.excerpt, incident.incident_id)
    exchange(node)
    session = Session(healer, replace(incident, argv=command.argv), rerun, started=command.ended)
    session.consider(mode, first_look=True)
    return session


def lines(session: Session) -> list[str]:
    """Return what there is to say of a failed command's session beside its own output: at most three lines."""
    considered, outcome = session.considered, session.outcome
    match, ruling = considered.match, considered.ruling
    if match is None or ruling is None:
        return []
    fix = match.action.command()
    if outcome is None:
        head = {
            "hint": f"known fix: {fix}",
            "approve": f"known fix waits for you: {fix}  (meshtui approvals list)",
            "refuse": f"known fix refused: {fix}",
        }.get(ruling.decision, f"known fix: {fix}")
        return [head, f"why: {match.why}", "; ".join(ruling.reasons)][:3]
    if outcome.result == "verified" and outcome.own_seconds is not None:
        whole = outcome.own_seconds + sum(step.seconds for step in outcome.steps)
        whole += outcome.rerun.seconds if outcome.rerun else 0.0
        return [
            f"✓ verified in {whole:.2f} s: {fix}  (of it the mesh {outcome.own_seconds * 1000:.0f} ms)",
            f"why: {match.why}",
            f"allowed: {'; '.join(ruling.reasons)}",
        ]
    text = {
        "fix_failed": f"the known fix did not help: {fix}",
        "applied_not_rerun": f"fixed; run it again, that is what counts: {fix}",
        "refused": f"not applied: {fix}",
    }.get(outcome.result, f"{outcome.result}: {fix}")
    waits = ruling.rerun.reasons if outcome.result == "applied_not_rerun" and ruling.rerun else ()
    why = [f"not run again unasked: {'; '.join(waits)}"] if waits else []
    return [text, *why, f"meshtui incidents show {session.incident.incident_id[:8]}"]


def how_to_teach(session: Session) -> str:
    """Return the line, once a day, that says how a failure is taught that nothing answers; "" otherwise."""
    node, today = session.node, to_text(session.node.clock.now())[:10]
    told = node.home.state / "teaching-told"
    with suppress(OSError, ValueError):
        if session.considered.match is not None or (told.exists() and told.read_text("ascii") == today):
            return ""
        told.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        told.write_text(today, "ascii")
        return "nothing known answers this; once it is solved, teach it: meshtui learn --last  (said once a day)"
    return ""


def _remember(node: Node, command: Command, output: str, incident_id: str = "") -> None:
    stored, now = redact_argv(command.argv)[0], to_text(node.clock.now())
    agent, code = node.settings.agent, command.passed.exit_code
    node.store.commands.add(CommandRow(stored, command.cwd, code, output, now, incident_id, agent))
