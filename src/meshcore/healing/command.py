"""A command that has just ended under `meshtui run`: a success settles and teaches, a failure begins a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from meshcore.clock import to_text
from meshcore.exchange.receive import exchange
from meshcore.healing.capture import capture_incident
from meshcore.healing.obstacles import last_lines
from meshcore.healing.outcomes import WAIT_FOR_SUCCESS, recover, settle_success
from meshcore.healing.series import Series
from meshcore.healing.session import Rerun, Session, make_healer
from meshcore.healing.succeeding_command import succeeded as places_of_success
from meshcore.healing.teaching import recognise_fix
from meshcore.knowledge.parts import example_fix
from meshcore.knowledge.traceback import TRACEBACK
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


def has_printed(passed: Passed) -> bool:
    """Tell whether a command's output went where it is kept or read; an error of Python alone is none."""
    only_error = passed.merged and not passed.truncated and passed.output.lstrip().startswith(TRACEBACK.encode())
    return passed.printed > 0 and not only_error


def succeeded(node: Node, command: Command) -> list[str]:
    """Settle what waited for this success, and learn from what came before it; return at most three lines."""
    recover(node)
    inside = [(place.argv, place.cwd) for place in places_of_success(command.argv, command.cwd, command.environment)]
    shown = dict.fromkeys([(command.argv, command.cwd), *inside])
    waiting = [found for argv, cwd in shown for found in settle_success(node, redact_argv(argv)[0], cwd)]
    node.store.incidents.note_open_folders(command.cwd)
    if not node.store.commands.in_folder(command.cwd, 1) and not waiting:
        return []
    _remember(node, command, "")
    tried = [found for found in waiting if found.state in WAIT_FOR_SUCCESS]
    lines = [f"verified: {found.signature.line}" for found in tried if found.skill_id]
    if len(tried) < len(waiting) and (skill := recognise_fix(node, command.cwd)) is not None:
        until = "you confirm it" if brings_in(skill.skill.action) else "it is seen elsewhere or you confirm it"
        state = "confirmed" if skill.confirmed else f"unconfirmed until {until}"
        lines.append(f"learnt #{skill.label}: {skill.skill.example_line} → {example_fix(skill.skill)} ({state})")
    if not node.settings.bridge.is_afar:
        exchange(node)
    node.project()
    return lines[:3]


def failed(node: Node, command: Command, mode: Mode, rerun: Rerun, held: Callable[[], str] = str) -> Session:
    """Open the incident, hear what is new, and rule on the best known answer; `rerun` runs the command again.

    `held` says why it is not run again now, "" where nothing speaks against it.
    """
    recover(node)
    passed = command.passed
    agent = AgentInfo(node.settings.agent, command.via, node.settings.host)
    incident = capture_incident(passed, command.argv, cwd=command.cwd, env=command.environment, agent=agent)
    nothing = passed.stdin == "captured" and not passed.stdin_data and not passed.left
    incident = replace(incident, stdin="null" if nothing else passed.stdin)
    healer = make_healer(node, command.environment)
    healer.open(incident, command.ended)
    _remember(node, command, incident.excerpt, incident.incident_id)
    exchange(node)
    session = Session(healer, replace(incident, argv=command.argv), rerun, started=command.ended, held=held)
    session.consider(mode, first_look=True)
    return session


def step_forward(session: Session) -> str:
    """Return what there is to say of an error that was fixed, after which the command met another one."""
    match = session.considered.match
    fix = match.action.command() if match else ""
    return f"fixed: {session.incident.signature.line} → {fix}; another error follows"


def lines(series: Series) -> list[str]:
    """Return what there is to say of a failed command beside its own output: at most three lines."""
    session = series.last
    considered, outcome = session.considered, session.outcome
    match, ruling = considered.match, considered.ruling
    if match is None or ruling is None:
        return []
    fix = match.action.command()
    if outcome is None:
        head = {
            "hint": f"known fix: {fix}",
            "approve": f"known fix waits for you: {fix}  ({session.how_to_approve})",
            "refuse": f"known fix refused: {fix}",
        }.get(ruling.decision, f"known fix: {fix}")
        return [head, f"why: {match.why}", "; ".join(ruling.reasons)][:3]
    if outcome.result == "verified" and outcome.own_seconds is not None:
        return [_verified(series, fix), f"why: {match.why}", f"allowed: {'; '.join(ruling.reasons)}"]
    more = f"meshtui incidents show {session.incident.incident_id[:8]}"
    if outcome.result in ("not_applied", "fix_failed") and outcome.steps and outcome.rerun is None:
        why = f": {outcome.why}" if outcome.why else ""
        head = "could not be applied" if outcome.result == "not_applied" else "the known fix did not help"
        return [f"{head}: {fix}{why}  ({more})", *(f"| {line}" for line in last_lines(outcome.steps[-1], 2))]
    text = {
        "fix_failed": f"the known fix did not help: {fix}",
        "applied_not_rerun": f"fixed; run it again, that is what counts: {fix}",
        "refused": f"not applied: {fix}",
    }.get(outcome.result, f"{outcome.result}: {fix}")
    waits = session.waits if outcome.result == "applied_not_rerun" else (outcome.why,) if outcome.why else ()
    head = "not run again unasked" if outcome.result == "applied_not_rerun" else "why"
    return [text, *([f"{head}: {'; '.join(waits)}"] if waits else []), more]


def _verified(series: Series, fix: str) -> str:
    """Return how long it took from the first error to the command's success, and what of that the mesh itself."""
    outcomes = [link.outcome for link in series.links if link.outcome is not None]
    own = sum(outcome.own_seconds or 0.0 for outcome in outcomes)
    commands = sum(step.seconds for outcome in outcomes for step in outcome.steps)
    commands += sum(outcome.rerun.seconds for outcome in outcomes if outcome.rerun is not None)
    what = fix if len(outcomes) == 1 else f"{fix}, the last of {len(outcomes)} fixes"
    return f"✓ verified in {own + commands:.2f} s: {what}  (of it the mesh {own * 1000:.0f} ms)"


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
