"""One command under the mesh, from its end to its incident's: what `meshtui run` does after the command has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from meshcore.clock import to_text
from meshcore.exchange.receive import exchange
from meshcore.healing.approvals import approve
from meshcore.healing.capture import capture_incident
from meshcore.healing.executor import Executor
from meshcore.healing.healer import Considered, Healer, Rerun
from meshcore.healing.outcomes import recover, settle_success
from meshcore.healing.ruling import load_policy, may_rerun
from meshcore.healing.teaching import recognise_fix
from meshcore.knowledge.parts import example_fix
from meshcore.model import AgentInfo, Mode, Outcome, StepResult
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.process.passthrough import Passed
from meshcore.process.sandbox import detect
from meshcore.safety.keys import SigningKey
from meshcore.safety.redaction import redact, redact_argv
from meshcore.safety.visible_text import visible
from meshcore.store.rows import Approval, CommandRow

OUTPUT_KEPT = 8 * 1024


def warm_up() -> None:
    """Do ahead of time what every healing in this process will need."""
    Policy.load(None)


def make_healer(node: Node, environment: Mapping[str, str]) -> Healer:
    """Return the loop for a node as its operator has set it up."""
    # Locks are per person, not per home: two nodes of one person may change the same environment.
    state = node.settings.operator / "state"
    containment = detect(environment, node.home.state)
    executor = Executor(node.clock, state, containment, hidden=(str(node.settings.operator),))
    return Healer(node, load_policy(node), executor, environment)


class CommandSession:
    """What follows the end of one command. `argv` is the real one; what is stored of it is redacted."""

    def __init__(
        self,
        node: Node,
        argv: tuple[str, ...],
        passed: Passed,
        *,
        ended: float,
        via: str,
        environment: Mapping[str, str],
        cwd: str,
    ) -> None:
        """`ended` is the monotonic time at which the command ended."""
        self.node = node
        self.argv = argv
        self.passed = passed
        self.agent = AgentInfo(node.settings.agent, via, node.settings.host)
        self.cwd = cwd
        self.environment = environment
        self.exit_code = passed.exit_code
        self.outcome: Outcome | None = None
        self.considered: Considered | None = None
        self.started = ended
        self._approval: Approval | None = None
        self._approved = False

    # --- it worked ------------------------------------------------------------------------------------------------

    def succeeded(self) -> list[str]:
        """Settle what waited for this success, and learn from what came before it; return lines for people."""
        recover(self.node)
        waiting = settle_success(self.node, self._stored_argv(), self.cwd)
        known = self.node.store.commands.in_folder(self.cwd, 1)
        if not known and not waiting:
            return []
        self._remember_command("")
        lines = []
        for incident in waiting:
            if incident.state in ("applied_not_rerun", "unknown") and incident.skill_id:
                lines.append(f"verified: {incident.signature.line}")
        if any(incident.state not in ("applied_not_rerun", "unknown") for incident in waiting):
            skill = recognise_fix(self.node, self.cwd)
            if skill is not None:
                state = "confirmed" if skill.confirmed else "unconfirmed until it is seen again or you confirm it"
                lines.append(
                    f"learnt #{skill.label}: {skill.skill.example_line} → {example_fix(skill.skill)} ({state})"
                )
        exchange(self.node)
        self.node.project()
        return lines[:3]

    # --- it failed ------------------------------------------------------------------------------------------------

    def failed(self, mode: Mode) -> None:
        """Open the incident, hear what is new, and rule on the best known answer."""
        recover(self.node)
        incident = capture_incident(self.passed, self.argv, cwd=self.cwd, env=self.environment, agent=self.agent)
        kind = "null" if self.passed.stdin == "captured" and not self.passed.stdin_data else self.passed.stdin
        incident = replace(incident, stdin=kind)
        self._healer.open(incident, self.started)
        self._remember_command(incident.excerpt, incident.incident_id)
        exchange(self.node)
        self.considered = self._healer.consider(replace(incident, argv=self.argv), mode, first_look=True)
        if self.needs_person:
            self._approval = self._healer.ask(self.considered)

    @cached_property
    def _healer(self) -> Healer:
        return make_healer(self.node, self.environment)

    @property
    def needs_person(self) -> bool:
        """Tell whether the ruling is to ask a person, who has not answered yet."""
        ruling = self.considered.ruling if self.considered else None
        return ruling is not None and ruling.decision == "approve" and not self._approved

    @property
    def may_apply(self) -> bool:
        """Tell whether policy, or a person, allows the fix now."""
        ruling = self.considered.ruling if self.considered else None
        return ruling is not None and (ruling.decision == "run" or self._approved)

    @property
    def question(self) -> str:
        """What a person is asked."""
        if self.considered is None or self.considered.match is None or self.considered.ruling is None:
            return ""
        why = "; ".join(self.considered.ruling.reasons)
        return f"known fix: {self.considered.match.action.command()}  ({why})"

    def approve(self, signer: SigningKey | None = None) -> None:
        """A person has said yes; it counts unless somebody settled it elsewhere in the meantime.

        Raises UsageError where the operator's key is protected and `signer` is not theirs.
        """
        if self._approval is not None:
            self._approved = approve(self.node, self._approval.approval_id, signer=signer, claim=True)

    def heal(self, rerun: Rerun) -> None:
        """Apply the fix and run the command again; the outcome decides the exit code."""
        if self.considered is None:
            return
        attended = self._approved

        def again() -> StepResult | None:
            if not may_rerun(self._healer.policy, self.argv, self.cwd, attended=attended):
                return None
            done = rerun()
            if done is None:
                return None
            return replace(done, argv=self._stored_argv(), output=visible(redact(done.output))[-OUTPUT_KEPT:])

        actor = self.node.name if attended else "policy"
        self.outcome = self._healer.apply(self.considered, again, actor=actor, started=self.started)
        if attended and self._approval is not None:
            self.node.store.approvals.finish(self._approval.approval_id, self.outcome.result)
        if self.outcome.rerun is not None:
            self.exit_code = self.outcome.rerun.exit_code

    def lines(self) -> list[str]:
        """Return what there is to say about it, at most three lines."""
        considered, outcome = self.considered, self.outcome
        if considered is None or considered.match is None or considered.ruling is None:
            return []
        command = considered.match.action.command()
        if outcome is None:
            head = {
                "hint": f"known fix: {command}",
                "approve": f"known fix waits for you: {command}  (meshtui approvals list)",
                "refuse": f"known fix refused: {command}",
            }.get(considered.ruling.decision, f"known fix: {command}")
            return [head, f"why: {considered.match.why}", "; ".join(considered.ruling.reasons)][:3]
        if outcome.result == "verified" and outcome.own_seconds is not None:
            whole = (outcome.own_seconds) + sum(s.seconds for s in outcome.steps)
            whole += outcome.rerun.seconds if outcome.rerun else 0.0
            return [
                f"✓ verified in {whole:.2f} s: {command}  (of it the mesh {outcome.own_seconds * 1000:.0f} ms)",
                f"why: {considered.match.why}",
                f"allowed: {'; '.join(considered.ruling.reasons)}",
            ]
        text = {
            "fix_failed": f"the known fix did not help: {command}",
            "applied_not_rerun": f"applied, not rerun: {command}  (run the command again to see)",
            "refused": f"not applied: {command}",
        }.get(outcome.result, f"{outcome.result}: {command}")
        return [text, f"meshtui incidents show {considered.incident.incident_id[:8]}"]

    def finish(self) -> None:
        """Tell the others and bring the files up to date."""
        self._healer.finish()

    def _stored_argv(self) -> tuple[str, ...]:
        return redact_argv(self.argv)[0]

    def _remember_command(self, output: str, incident_id: str = "") -> None:
        self.node.store.commands.add(
            CommandRow(
                self._stored_argv(),
                self.cwd,
                self.passed.exit_code,
                output,
                to_text(self.node.clock.now()),
                incident_id,
                self.agent.name,
            )
        )
