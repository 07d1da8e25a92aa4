"""The loop: an incident is matched, decided, fixed, and its command run again; only that counts as healed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from meshcore.bridge.state_bodies import SettlementBody
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.exchange.announce import announce_incident
from meshcore.exchange.receive import exchange
from meshcore.healing.aftermath import Again, came_of
from meshcore.healing.answers import best_answer, first_that_may
from meshcore.healing.claims import own_host
from meshcore.healing.executor import Executor, TargetBusyError
from meshcore.healing.notify import notify
from meshcore.healing.outcomes import (
    close_approvals,
    close_same_fix,
    count,
    own_outcome,
    process_mark,
    same_fix_waiting,
)
from meshcore.healing.rerun_ruling import rule_rerun
from meshcore.healing.ruling import NOTHING_YET, Ruling, SoFar, put, rule, stop_reason
from meshcore.healing.teaching import offer_generalisations
from meshcore.model import (
    Incident,
    KnownSkill,
    Match,
    Mode,
    Outcome,
    StepResult,
)
from meshcore.node import Node, boot_id
from meshcore.policy.policy import Policy
from meshcore.safety.redaction import redact_argv
from meshcore.store.rows import Approval
from meshcore.trust.halting import halted
from meshcore.trust.store_keys import action_hash

OUTPUT_KEPT = 8 * 1024  # characters of what the failed command said when it was run again
SEEN_LATE_SECONDS = 10.0  # what a command met may have been mended before its failure was noted

Rerun = Callable[[], Again | None]
"""Runs the failed command again, as it was, and returns what it did; None where it may not or cannot be run again."""


@dataclass(frozen=True, slots=True)
class Considered:
    """What the mesh knows about an incident and what may be done: no match means that nothing known answers it."""

    incident: Incident
    match: Match | None = None
    known: KnownSkill | None = None
    ruling: Ruling | None = None
    others: tuple[Match, ...] = ()


class NeedsPersonError(MeshError):
    """What would be done turned out, just before, to be a person's to decide; the message says why."""


def asking(considered: Considered, why: str) -> Considered:
    """Return what was considered with a person asked after all, for this reason."""
    ruling = considered.ruling
    if ruling is None:
        return considered
    return replace(considered, ruling=replace(ruling, decision="approve", reasons=(why, *ruling.reasons)))


def rerun_of(considered: Considered) -> str:
    """Return what a person's yes would also run: the failed command, as it may be stored; "" where it is not run."""
    argv, rerun = considered.incident.argv, considered.ruling.rerun if considered.ruling else None
    may = rerun is not None and rerun.decision in ("run", "approve")
    return shlex.join(redact_argv(argv)[0]) if may and considered.incident.stdin != "unrepeatable" else ""


class Healer:
    """The loop for one node. `environment` is that of the failed command, already fit to be inherited."""

    def __init__(self, node: Node, policy: Policy, executor: Executor, environment: Mapping[str, str]) -> None:
        self.node = node
        self.policy = policy
        self.executor = executor
        self.environment = environment

    def open(self, incident: Incident, failed_at: float) -> None:
        """Store a new incident that failed at a monotonic time, and queue its summary for the others."""
        node = self.node
        with node.store.transaction():
            node.store.agents.see(incident.agent.name, incident.agent.via, incident.agent.host)
            if node.store.incidents.open(incident, node.identity.node.public, boot=boot_id(), monotonic=failed_at):
                announce_incident(node, incident)

    def consider(
        self,
        incident: Incident,
        mode: Mode,
        *,
        first_look: bool = False,
        skill_id: str = "",
        claims: bool = True,
        so_far: SoFar = NOTHING_YET,
        general: bool = True,
    ) -> Considered:
        """Find the best known answer that may be applied, or that of one skill, and rule on it, with its events.

        `first_look`: the incident has just been opened, so an exact answer means that it was solved before (`again`);
        of a likely one only its outcome can tell. `claims`: what is ruled to run is tried at once. `so_far`: what was
        applied for errors of the same run. `general`: what is known in general may answer where nothing learnt does.
        """
        store = self.node.store
        found = best_answer(self.node, incident, skill_id=skill_id, general=general)
        if found is None:
            return Considered(incident)
        match, known, ruling = first_that_may(
            self.node,
            found,
            incident.cwd,
            lambda one, of: self.ruling_on(incident, one, of, mode, claims=claims, so_far=so_far),
        )
        with store.transaction():
            store.events.add(
                "incident.matched",
                incident_id=incident.incident_id,
                skill_id=match.skill_id,
                data={"tier": match.tier, "score": match.score, "why": match.why},
            )
            solved_before = (first_look and match.tier == "exact") or None
            store.incidents.set_state(incident.incident_id, "matched", skill_id=match.skill_id, again=solved_before)
            store.events.add(
                "try.decided",
                incident_id=incident.incident_id,
                skill_id=match.skill_id,
                data={
                    "decision": ruling.decision,
                    "but_for_mode": ruling.but_for_mode or ruling.decision,
                    "reasons": list(ruling.reasons),
                    "action_type": ruling.action_type,
                    "command": match.action.command(),
                    "rerun": ruling.rerun.decision if ruling.rerun else "",
                    "rerun_reasons": list(ruling.rerun.reasons) if ruling.rerun else [],
                },
            )
            if ruling.decision == "refuse":
                store.incidents.set_state(incident.incident_id, "refused", skill_id=match.skill_id)
        others = tuple(one for one in (found.match, *found.others) if one is not match)
        return Considered(incident, match, known, ruling, others)

    def ruling_on(
        self,
        incident: Incident,
        match: Match,
        known: KnownSkill,
        mode: Mode,
        *,
        claims: bool = True,
        so_far: SoFar = NOTHING_YET,
    ) -> Ruling:
        """Rule on one answer to an incident, the rerun included; note nothing."""
        contained, environment = bool(self.executor.containment.program), self.environment
        asked = put(
            self.node,
            self.policy,
            incident,
            known,
            match,
            mode=mode,
            environment=environment,
            contained=contained,
            claims=claims,
            so_far=so_far,
        )
        ruling = rule(asked)
        if ruling.decision in ("run", "approve"):
            ruling = replace(ruling, rerun=rule_rerun(self.policy, incident, self.environment))
        return ruling

    def ask(self, considered: Considered, *, own: bool = False, ring: bool = True) -> Approval:
        """Let the try wait for a person, bound to exactly this action.

        Where the same fix waits already in the same project, that is what is asked, unless this incident needs its
        `own` approval. `ring`: the operator's command for what waits is started.
        """
        match, ruling = considered.match, considered.ruling
        if match is None or ruling is None:
            raise ValueError("nothing to ask about")
        approval = Approval(
            approval_id=secrets.token_hex(6),
            incident_id=considered.incident.incident_id,
            skill_id=match.skill_id,
            action_hash=action_hash(match.action),
            command=match.action.command(),
            reasons=ruling.reasons,
            asked=self.node.store.now(),
            state="waiting",
            runs=ruling.runs,
            rerun=rerun_of(considered),
        )
        store = self.node.store
        if not own and (asked := self._asked_before(approval, considered.incident)) is not None:
            store.approvals.share(asked, approval.incident_id)
            return asked
        if store.approvals.ask(approval):
            if ring:
                notify(self.node, approval)
            return approval
        store.incidents.set_state(approval.incident_id, "needs_approval", skill_id=approval.skill_id)
        same = (approval.incident_id, approval.action_hash)
        return next((a for a in store.approvals.all() if (a.incident_id, a.action_hash) == same), approval)

    def _asked_before(self, approval: Approval, incident: Incident) -> Approval | None:
        """Return what waits for a person for another incident: the same commands in the same project."""
        return next(
            (
                other
                for other in same_fix_waiting(self.node, approval.action_hash, incident)
                if other.incident_id != incident.incident_id
                and (other.skill_id, other.runs) == (approval.skill_id, approval.runs)
            ),
            None,
        )

    def apply(
        self,
        considered: Considered,
        rerun: Rerun,
        *,
        actor: str,
        started: float,
        timeout: float | None = None,
    ) -> Outcome:
        """Do what was ruled, run the failed command again, and store the outcome.

        Raises NeedsPersonError, once all of it is stored, where what would be installed is not to be unasked.

        `started` is the monotonic time at which the mesh began to work on it: from there on, what the commands did not
        take is the mesh's own share.
        """
        node, incident = self.node, considered.incident
        match, known, ruling = considered.match, considered.known, considered.ruling
        if match is None or known is None or ruling is None:
            raise ValueError("nothing to apply")
        try_id = secrets.token_hex(8)
        if not ruling.plan:
            return self._refused(considered, try_id, actor, "; ".join(ruling.reasons))
        try:
            with self.executor.lock(ruling.target):
                if reason := stop_reason(node, incident, match, self.environment):
                    return self._refused(considered, try_id, actor, reason)
                action, opened, boot = action_hash(match.action), *node.store.incidents.times(incident.incident_id)[:2]
                if opened is not None and boot == boot_id():
                    meanwhile = self.executor.done_since(ruling.target, action, opened)
                    if meanwhile or self.executor.done_since(ruling.target, action, opened - SEEN_LATE_SECONDS):
                        found = self._look_again(considered, try_id, actor, rerun, started, done=meanwhile)
                        if found is not None:
                            return found
                node.store.tries.intend(
                    try_id,
                    incident.incident_id,
                    match.skill_id,
                    actor,
                    {"steps": [list(step.argv) for step in ruling.plan], "cwd": ruling.cwd},
                    ruling.target.path if ruling.target else "",
                    process_mark(os.getpid()),
                    boot=boot_id(),
                )
                applied = self.executor.apply(
                    ruling.plan,
                    cwd=ruling.cwd,
                    environment=self.environment,
                    before_exec=lambda: stop_reason(node, incident, match, self.environment),
                    timeout=timeout or node.settings.fix_timeout_seconds,
                    unattended=actor == "policy",
                )
                # What had another way of doing it may have failed before.
                worked = not applied.stopped and not applied.waits and applied.steps[-1].exit_code == 0
                if worked:
                    self.executor.note_done(ruling.target, action)
                again = rerun() if worked and not halted(node) else None
        except TargetBusyError as error:
            return self._refused(considered, try_id, actor, str(error))
        result, why = came_of(incident, known.skill, applied, again, self.environment)
        outcome = replace(
            own_outcome(node, incident, match.skill_id, result, actor),
            outcome_id=try_id,
            steps=applied.steps,
            rerun=_kept(again),
            why=why,
        )
        outcome = self._close(considered, outcome, started)
        if applied.waits:
            raise NeedsPersonError(applied.waits)
        return outcome

    def _look_again(
        self, considered: Considered, try_id: str, actor: str, rerun: Rerun, started: float, *, done: bool
    ) -> Outcome | None:
        """Run the failed command again, since another try has done the same here lately; no skill gains by it.

        Doing it twice could fail, and would then be held against the skill. None where it has to be done all the same:
        the command does not pass now, and nothing was `done` after it had failed.
        """
        node, incident = self.node, considered.incident
        what = "another try has done the same here meanwhile"
        again = None if halted(node) else rerun()
        if again is None or again.step.exit_code != 0:
            then = "run it again" if again is None else "it still fails"
            refused = self._refused(considered, try_id, actor, f"{what}; {then}") if done else None
            return replace(refused, rerun=_kept(again)) if refused else None
        now = node.clock.monotonic()
        outcome = replace(
            own_outcome(node, incident, considered.match.skill_id if considered.match else "", "verified", actor),
            outcome_id=try_id,
            rerun=_kept(again),
            seconds=now - started,
            own_seconds=now - started - again.step.seconds,
        )
        with node.store.transaction(durable=True):
            node.store.events.add(
                "try.decided",
                incident_id=incident.incident_id,
                skill_id=outcome.skill_id,
                data={"decision": "run", "reasons": [f"{what}; it passes now"]},
            )
            node.store.incidents.set_state(
                incident.incident_id, "verified", seconds=outcome.seconds, own_seconds=outcome.own_seconds
            )
            close_approvals(node, incident.incident_id, "done by another try")
        return outcome

    def _refused(self, considered: Considered, try_id: str, actor: str, reason: str) -> Outcome:
        store, incident_id = self.node.store, considered.incident.incident_id
        skill_id = considered.match.skill_id if considered.match else ""
        with store.transaction():
            store.events.add(
                "try.decided",
                incident_id=incident_id,
                skill_id=skill_id,
                data={"decision": "refuse", "reasons": [reason]},
            )
            store.incidents.set_state(incident_id, "matched", skill_id=skill_id)
        outcome = own_outcome(self.node, considered.incident, skill_id, "refused", actor)
        return replace(outcome, outcome_id=try_id)

    def _close(self, considered: Considered, outcome: Outcome, started: float) -> Outcome:
        node, incident, known = self.node, considered.incident, considered.known
        now = node.clock.monotonic()
        commands = sum(step.seconds for step in outcome.steps) + (outcome.rerun.seconds if outcome.rerun else 0.0)
        opened, boot, _, _ = node.store.incidents.times(incident.incident_id)
        whole = now - (opened if opened is not None and boot == boot_id() else started)
        green = outcome.result == "verified"
        outcome = replace(outcome, seconds=whole if green else None, own_seconds=now - started - commands)
        with node.store.transaction(durable=True):
            count(node, outcome, try_id=outcome.outcome_id)
            node.store.incidents.set_state(
                incident.incident_id,
                outcome.result,
                skill_id=outcome.skill_id,
                again=known is not None and known.created < incident.opened if green else None,
                seconds=outcome.seconds,
                own_seconds=outcome.own_seconds if green else None,
            )
            node.store.skills.note_use(outcome.skill_id)
            if green:
                close_approvals(node, incident.incident_id, outcome.actor)
                if considered.match is not None:
                    close_same_fix(node, incident, action_hash(considered.match.action), outcome.actor)
        if green:
            offer_generalisations(node, outcome.skill_id)
        if outcome.actor == "policy" and outcome.result in ("verified", "fix_failed"):
            self.settle_claim(outcome.skill_id, verified=green)
        return outcome

    def settle_claim(self, skill_id: str, *, verified: bool) -> None:
        """Tell the others how the try went for which this host had a place."""
        node = self.node
        if node.bridge is not None:
            with contextlib.suppress(BridgeUnavailableError, ConfigurationError):
                said = SettlementBody(skill_id, own_host(node), verified)
                node.bridge.settle_claim(node.state(said.kind, said.to_json()), skill_id, said.host, verified=verified)

    def finish(self) -> None:
        """Tell the others, hear them, and bring the readable projections up to date."""
        exchange(self.node)
        self.node.project()
        self.node.forget_printed()


def _kept(again: Again | None) -> StepResult | None:
    """Return what is stored of a rerun: the end of what it said."""
    return replace(again.step, output=again.step.output[-OUTPUT_KEPT:]) if again else None
