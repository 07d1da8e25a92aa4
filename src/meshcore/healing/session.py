"""One incident from what is known of it to its outcome: the loop that `run`, `heal` and every approval share.

Consider → ask a person, or take their yes → apply → run the failed command again → close. Where the incident comes
from, and how its command is run again, is told by who starts a session: `command` and `replay`. What follows where the
command then meets another error is a session of its own; see `series`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from meshcore.clock import to_text
from meshcore.errors import MeshError, UsageError
from meshcore.exchange.receive import exchange
from meshcore.healing.aftermath import Again
from meshcore.healing.approvals import approve
from meshcore.healing.capture import next_incident
from meshcore.healing.executor import Executor
from meshcore.healing.healer import Considered, Healer, NeedsPersonError, asking, rerun_of
from meshcore.healing.ruling import NOTHING_YET, SoFar, load_policy
from meshcore.model import Incident, Mode, Outcome, StepResult
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.process.sandbox import detect
from meshcore.safety.keys import SigningKey
from meshcore.safety.redaction import redact, redact_argv
from meshcore.safety.visible_text import visible
from meshcore.store.rows import Approval, CommandRow
from meshcore.trust.signed_decisions import approved_by_operator
from meshcore.trust.store_keys import action_hash

Rerun = Callable[[], StepResult | None]
"""Runs the failed command again, as it was, and returns what it did; None where it cannot be run again."""


def warm_up() -> None:
    """Do ahead of time what every healing in this process will need."""
    Policy.load(None)


def make_healer(node: Node, environment: Mapping[str, str], *, probe: bool = True) -> Healer:
    """Return the loop's steps for a node as its operator has set it up; without `probe` no process is started."""
    # Per person, not per home: two nodes of one person may change the same environment, and shut in alike.
    state = node.settings.operator / "state"
    containment = detect(environment, state, probe=probe)
    hidden, days = (str(node.settings.operator),), node.settings.package_cooldown_days
    executor = Executor(node.clock, state, containment, hidden=hidden, cooldown=days)
    return Healer(node, load_policy(node), executor, environment)


class Session:
    """One incident that is worked on here. `incident` holds the real command; what is stored of it is redacted."""

    def __init__(
        self, healer: Healer, incident: Incident, rerun: Rerun, *, started: float, held: Callable[[], str] = str
    ) -> None:
        """`rerun` runs the failed command again where it can; `started`: the monotonic time of the work's beginning.

        `held` says why it is not run again now, whatever is ruled; "" where nothing speaks against it.
        """
        self.node = healer.node
        self.incident = incident
        self.considered = Considered(incident)
        self.outcome: Outcome | None = None
        self._healer = healer
        self._rerun = rerun
        self._held = held
        self._started = started
        self._failure: Incident | None = None
        self._failed_at = started
        self._approval: Approval | None = None
        self._attended = False

    def consider(self, mode: Mode, *, first_look: bool = False, so_far: SoFar = NOTHING_YET) -> Considered:
        """Match and rule; what a person must decide is put under approvals. Raises UsageError for what is settled."""
        self._check_open()
        self.considered = self._healer.consider(self.incident, mode, first_look=first_look, so_far=so_far)
        if self.needs_person:
            self._approval = self._healer.ask(self.considered)
        return self.considered

    def _check_open(self) -> None:
        if self.incident.state in ("verified", "fixing"):
            raise UsageError(f"incident {self.incident.incident_id} is {self.incident.state} already")

    @property
    def needs_person(self) -> bool:
        """Tell whether the ruling is to ask a person, who has not answered yet."""
        ruling = self.considered.ruling
        return ruling is not None and ruling.decision == "approve" and not self._attended

    @property
    def asks_anew(self) -> bool:
        """Tell whether what waits for a person was not asked before, for the same fix in the same project."""
        return self._approval is not None and self._approval.incident_id == self.incident.incident_id

    @property
    def how_to_approve(self) -> str:
        """Return the command that says yes to what waits for a person, "" where nothing does."""
        waits = self.needs_person and self._approval is not None
        return f"meshtui approvals approve {self._approval.approval_id[:8]}" if waits and self._approval else ""

    @property
    def may_apply(self) -> bool:
        """Tell whether the ruling, or a person, allows the fix now."""
        ruling = self.considered.ruling
        return ruling is not None and (ruling.decision == "run" or self._attended)

    @property
    def question(self) -> str:
        """Return what a person is asked."""
        match, ruling = self.considered.match, self.considered.ruling
        if match is None or ruling is None:
            return ""
        again = "" if self._held() else rerun_of(self.considered)
        then = f"then again: {again}" if again else "the failed command is not run again"
        return f"known fix: {match.action.command()}; {then}  ({'; '.join(ruling.reasons)})"

    @property
    def verified(self) -> bool:
        """Tell whether the command succeeds now."""
        return self.outcome is not None and self.outcome.result == "verified"

    @property
    def exit_code(self) -> int:
        """Return the failed command's exit code, of its last run."""
        rerun = self.outcome.rerun if self.outcome else None
        return rerun.exit_code if rerun is not None else self.incident.exit_code or 0

    def approve(self, signer: SigningKey | None = None) -> None:
        """Take the yes of a person who sits here; it counts unless somebody settled it elsewhere in the meantime.

        Raises UsageError where the operator's key is protected and `signer` is not theirs.
        """
        if self._approval is not None and not self.asks_anew:
            self._approval = self._healer.ask(self.considered, own=True)
        if self._approval is not None:
            self._attended = approve(self.node, self._approval.approval_id, signer=signer, claim=True)

    def take(self, approval: Approval) -> None:
        """Rule anew on exactly what a person is asked or has approved. Raises MeshError where it is not allowed now."""
        self._check_open()
        considered = self._healer.consider(self.incident, "approve", skill_id=approval.skill_id)
        match, ruling = considered.match, considered.ruling
        if match is None or ruling is None or action_hash(match.action) != approval.action_hash:
            self._give_back("what would run is not what was shown any more; reject it and look at the incident again")
        elif ruling.decision not in ("run", "approve"):
            self._give_back(f"not applied: {'; '.join(ruling.reasons)}")
        elif approval.runs and (approval.runs, approval.rerun) != (ruling.runs, rerun_of(considered)):
            self._give_back("it would run something else by now; reject it and look at the incident again")
        self.considered, self._approval, self._attended = considered, approval, True

    def ask_again(self, rejected: Approval) -> Approval:
        """Rule anew on what a person rejected, and let it wait for them once more. Raises MeshError where it may not.

        It waits whatever the ruling allows: who said no once is asked. What the ruling wrote stays only where it waits.
        """
        self._check_open()
        with self.node.store.transaction():
            considered = self._healer.consider(self.incident, "approve", skill_id=rejected.skill_id, claims=False)
            match, ruling = considered.match, considered.ruling
            if match is None or ruling is None or action_hash(match.action) != rejected.action_hash:
                raise UsageError("it is not the fix for this any more; run the command again to see what is known now")
            if ruling.decision not in ("run", "approve"):
                raise UsageError(f"it would not wait for you now: {'; '.join(ruling.reasons)}")
        return self._healer.ask(asking(considered, "it was rejected, and that was taken back"), ring=False)

    def _give_back(self, why: str) -> None:
        self.node.store.incidents.set_state(self.incident.incident_id, self.incident.state)
        raise MeshError(why)

    def heal(self, *, timeout: float | None = None) -> None:
        """Apply what was ruled or approved, and run the failed command again; `timeout`: seconds for each step.

        Raises MeshError where the approval that it rests on is none, or lacks the operator's signature.
        """
        approval = self._approved() if self._attended else None
        actor = approval.actor if approval else "policy"
        try:
            self.outcome = self._healer.apply(
                self.considered, self._again, actor=actor, started=self._started, timeout=timeout
            )
        except NeedsPersonError as error:
            self.considered = asking(self.considered, str(error))
            self._approval = self._healer.ask(self.considered)
            return
        if approval is not None:
            self.node.store.approvals.finish(approval.approval_id, self.outcome.result)

    def _approved(self) -> Approval:
        """Return the approval as it stands in the store now, for the incident as it is recorded."""
        store, asked = self.node.store, self._approval
        approval = store.approvals.find(asked.approval_id) if asked else None
        incident = store.incidents.find(self.incident.incident_id)
        if approval is None or incident is None or approval.state != "approved":
            raise MeshError("nobody has approved it")
        if not approved_by_operator(self.node, approval, incident):
            raise MeshError(f"approval {approval.approval_id} is not signed by the operator; see `meshtui doctor`")
        return approval

    @property
    def waits(self) -> tuple[str, ...]:
        """Return why the failed command is not run again unasked, empty where it is."""
        rerun = self.considered.ruling.rerun if self.considered.ruling else None
        if held := self._held():
            return (held,)
        return () if rerun is None or self._may_rerun() else rerun.reasons

    def _may_rerun(self) -> bool:
        rerun = self.considered.ruling.rerun if self.considered.ruling else None
        shown = self._attended and self._approval is not None and self._approval.rerun != ""
        return rerun is not None and (rerun.decision == "run" or (rerun.decision == "approve" and shown))

    def _again(self) -> Again | None:
        argv = self.incident.argv
        if not argv or self._held() or not self._may_rerun() or (done := self._rerun()) is None:
            return None
        done = replace(done, argv=redact_argv(argv)[0], output=visible(redact(done.output)))
        self._failed_at = self.node.clock.monotonic()
        if done.exit_code != 0:
            at = to_text(self.node.clock.now())
            self._failure = next_incident(self.incident, done, self._healer.environment, at)
        return Again(done, self._failure)

    def next(self) -> Session | None:
        """Open the incident of the error that came after this one; None where the command got no further."""
        if self.outcome is None or self.outcome.result != "progress" or self._failure is None:
            return None
        node, failure = self.node, self._failure
        self._healer.open(failure, self._failed_at)
        code, agent = failure.exit_code or 1, failure.agent.name
        # What a person does next is a fix for this error, not for the one before.
        node.store.commands.add(
            CommandRow(failure.argv, failure.cwd, code, failure.excerpt, failure.opened, failure.incident_id, agent)
        )
        exchange(node)
        incident = replace(failure, argv=self.incident.argv)
        return Session(self._healer, incident, self._rerun, started=self._failed_at, held=self._held)

    def credit(self) -> None:
        """Tell the others that this error was solved, once the command has come through."""
        if self.outcome is not None and self.outcome.actor == "policy":
            self._healer.settle_claim(self.outcome.skill_id, verified=True)

    def finish(self) -> None:
        """Tell the others and bring the files up to date."""
        self._healer.finish()
