"""May this be tried here, now? Judges are asked in order; the lowest decision wins, and each says why in words.

`rule` is the one place that decides on a try: for a run, `heal`, an approval, a model and a hook's follow-up alike.
`stop_reason` asks again, just before each exec, the judges whose answer may have changed; the halt comes last.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from meshcore.bridge.state_bodies import ClaimBody
from meshcore.healing import light_judges
from meshcore.healing.circumstances import environment_of, failed_inside, project_root
from meshcore.healing.claims import ClaimCheck, own_host
from meshcore.healing.headlines import says_nothing
from meshcore.healing.in_general import SOURCE, may_use
from meshcore.healing.inputs import of_input
from meshcore.healing.limits import BREAKER_WINDOW, Facts, canary, exceeded
from meshcore.healing.provenance import doubt
from meshcore.healing.seen import is_seen
from meshcore.knowledge.ageing import is_old, said
from meshcore.model import DECISIONS, MODES, Decision, Incident, KnownSkill, Match, Mode, Record, Verdict
from meshcore.node import Node, boot_id
from meshcore.policy.command_parser import read_argv
from meshcore.policy.denylist.denylist import refusal
from meshcore.policy.policy import Policy
from meshcore.policy.question import KIND_SEPARATOR, PlannedStep, PolicyVerdict, Question, Target
from meshcore.safety.redaction import redact_argv
from meshcore.trust.authors import may_propose, stop_reason_of_author, trust_in_skill
from meshcore.trust.ceilings import ceiling_here
from meshcore.trust.halting import halted
from meshcore.trust.hosts import Hosts
from meshcore.trust.signed_decisions import for_good, policy_signer, signed_for, standing_approval
from meshcore.trust.store_keys import action_hash
from meshcore.trust.synced import not_synced


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision on a try, why, and exactly what would be executed, in which folder."""

    decision: Decision
    reasons: tuple[str, ...]
    policy: PolicyVerdict
    cwd: str
    rerun: Verdict | None = None  # on running the failed command again after the fix; None where no fix is tried
    but_for_mode: Decision | None = (
        None  # what the others decide where it is the mode that holds it; they claim nothing
    )

    @property
    def action_type(self) -> str:
        """Return the typed action that policy sees in it, empty where none."""
        return self.policy.action_type

    @property
    def plan(self) -> tuple[PlannedStep, ...]:
        """Return the steps as they would be executed; empty where a program is in no trusted folder."""
        return self.policy.plan

    @property
    def target(self) -> Target | None:
        """Return what would be changed."""
        return self.policy.target

    @property
    def runs(self) -> str:
        """Return the steps as they would be executed, as a shell would read them."""
        return " && ".join(shlex.join(step.argv) for step in self.plan)


@dataclass(frozen=True, slots=True)
class SoFar:
    """What the same run has had already: the actions applied for its errors (hashes), and why no more are, or ""."""

    applied: frozenset[str] = frozenset()
    enough: str = ""


NOTHING_YET = SoFar()


@dataclass(frozen=True, slots=True)
class Try:
    """What is ruled on. `mode`: how far whoever asks lets it go; `claims`: it would be made at once where it may."""

    node: Node
    question: Question
    policy: PolicyVerdict
    mode: Mode = "auto"
    claims: bool = False
    so_far: SoFar = NOTHING_YET

    @property
    def folder(self) -> str:
        """Return the project, or the folder of the command where there is no project."""
        question, cwd = self.question, self.question.incident.cwd
        return (question.project if question.cwd == cwd else project_root(cwd)) or cwd


@dataclass(frozen=True, slots=True)
class Judge:
    """One judge of the list. None is no objection.

    `lowest`: nothing below this is ever said, so where the ruling is there already nobody asks. `answerable`: its
    `approve` asks for a person, and a standing approval is that person's answer. `before_exec`: asked again then.
    """

    name: str
    ask: Callable[[Try], Verdict | None]
    lowest: Decision = "refuse"
    answerable: bool = False
    before_exec: bool = False


def put(
    node: Node,
    policy: Policy,
    incident: Incident,
    known: KnownSkill,
    match: Match,
    *,
    mode: Mode,
    environment: Mapping[str, str],
    contained: bool = False,
    claims: bool = False,
    so_far: SoFar = NOTHING_YET,
) -> Try:
    """Return the question whether a match may be applied to an incident; `environment` is that of its command."""
    general = known.source == SOURCE and may_use(node.settings, "imports")
    question = replace(_question(incident, known, match, environment), in_general=general)
    return Try(node, question, policy.decide(question, contained=contained), mode, claims, so_far)


def _question(incident: Incident, known: KnownSkill, match: Match, environment: Mapping[str, str]) -> Question:
    """Return the question whether to try a match where the incident's command failed."""
    failed = failed_inside(incident.argv, incident.cwd, environment, incident.excerpt)
    where, inner = environment_of(failed, incident.excerpt), failed.one
    return Question(
        incident=incident,
        known=known,
        match=match,
        environment_python=where.python,
        environment_candidates=where.candidates,
        project=project_root(inner.cwd if inner else incident.cwd),
        inner_argv=inner.argv if inner else (),
        inner_cwd=inner.cwd if inner else "",
    )


def load_policy(node: Node) -> Policy:
    """Return the policy of a node's operator, passed over where its file lacks a signature that it needs."""
    return Policy.load(node.settings.operator / "policy.toml", policy_signer(node))


def rule(asked: Try) -> Ruling:
    """Ask the judges, and return what they come to."""
    heard = _heard(asked, JUDGES)
    found = combine(heard)
    others = None
    if any(judge is MODE and _is_below(verdict.decision, "run") for judge, verdict in heard):
        rest = [judge for judge in JUDGES if judge is not MODE]
        others = combine(_heard(replace(asked, claims=False), rest)).decision
    return Ruling(found.decision, found.reasons, asked.policy, asked.question.cwd, but_for_mode=others)


def _heard(asked: Try, judges: Sequence[Judge]) -> list[tuple[Judge, Verdict]]:
    """Return what each judge says that can still lower what those before it came to."""
    heard: list[tuple[Judge, Verdict]] = []
    lowest: Decision = "run"  # of all so far
    for judge in judges:
        if not _is_below(judge.lowest, lowest) and heard:
            continue
        if (verdict := judge.ask(asked)) is not None:
            heard.append((judge, verdict))
            lowest = combine(heard).decision
    return heard


def combine(heard: Sequence[tuple[Judge, Verdict]]) -> Verdict:
    """Return the lowest decision of all, and each reason, those for the lowest first; without a verdict, a refusal.

    A standing approval answers for the person whom an `answerable` judge asks for; it raises nothing else.
    """
    answered = any(judge is STANDING_APPROVAL for judge, _ in heard)
    return light_judges.combined(
        [
            replace(verdict, decision="run")
            if answered and judge.answerable and verdict.decision == "approve"
            else verdict
            for judge, verdict in heard
        ]
    )


def stop_reason(node: Node, incident: Incident, match: Match, environment: Mapping[str, str]) -> str:
    """Return why nothing may be executed now, empty where it may. Everything is read afresh, the halt last."""
    known = node.store.skills.find(match.skill_id)
    if known is None:
        return "the skill is gone"
    asked = Try(node, _question(incident, known, match, environment), PolicyVerdict("run", ()))
    for judge in JUDGES:
        verdict = judge.ask(asked) if judge.before_exec else None
        if verdict is not None and _is_below(verdict.decision, "approve"):
            return "; ".join(verdict.reasons)
    return ""


def _is_below(one: Decision, other: Decision) -> bool:
    return DECISIONS.index(one) < DECISIONS.index(other)


# --- the judges -------------------------------------------------------------------------------------------------------


def _standing_approval(asked: Try) -> Verdict | None:
    """Answer for a person who approved exactly this action of this skill in this project, for good."""
    if asked.policy.decision not in ("approve", "run") or not asked.policy.plan:
        return None
    match = asked.question.match
    who = standing_approval(asked.node, match.skill_id, action_hash(match.action), asked.folder)
    return Verdict("run", (for_good(who),)) if who else None


def _signature(asked: Try) -> Verdict | None:
    if signed_for(asked.node, asked.question.known.skill):
        return None
    return Verdict("approve", ("the operator has not signed for this skill; see `meshtui skills confirm`",))


def _author(asked: Try) -> Verdict | None:
    """Refuse an author that was withdrawn or changed its key, or that stood behind it for a time; a stranger hints."""
    node, known = asked.node, asked.question.known
    if reason := stop_reason_of_author(node, known):
        return Verdict("refuse", (reason,))
    if not known.own_operator and not may_propose(node, known):
        return Verdict("hint", ("its author is not one of this operator's nodes",))
    return None


def _provenance(asked: Try) -> Verdict | None:
    """Let a person decide where somebody else may have written the error that was printed."""
    reason = doubt(asked.question.incident, asked.question.argv, asked.question.cwd)
    return Verdict("approve", (reason,)) if reason and not is_seen(asked.question, asked.policy) else None


def _denylist(asked: Try) -> Verdict | None:
    """Refuse from another operator what is refused from peers, whatever policy.toml says."""
    if asked.question.known.own_operator:
        return None
    for step in asked.question.match.action.steps:
        if (found := refusal(read_argv(step).commands, "peer")) is not None:
            return Verdict("refuse", (f"{found.reason} ({found.kind})",))
    return None


def _mode(asked: Try) -> Verdict | None:
    """Hold it at the lowest of all modes that apply: the home's, the agent's, the author's, each action type's."""
    trust = trust_in_skill(asked.node, asked.question.known)
    via = asked.question.incident.agent.via
    ceilings = [
        ceiling_here(asked.node, asked.mode, via=via, author=trust.operator, action_type=kind, start=trust.start)
        for kind in asked.policy.action_type.split(KIND_SEPARATOR)
    ]
    return light_judges.mode(min(ceilings, key=lambda one: MODES.index(one.mode)))


def _synced(asked: Try) -> Verdict | None:
    """Let everything wait for a person while a record is missing that might withdraw it."""
    reasons = not_synced(asked.node, asked.question.known)
    return Verdict("approve", tuple(reasons)) if reasons else None


def _headline(asked: Try) -> Verdict | None:
    """Act on no line that says only that something failed: a hundred causes end in it."""
    if says_nothing(asked.question.incident.signature):
        return Verdict("hint", ("the error says only that something failed, not what",))
    return None


def _age(asked: Try) -> Verdict | None:
    """Let a person decide on what nobody has seen to help for long: the world it was learnt in may be gone."""
    known, now = asked.question.known, asked.node.store.skills.now()
    return Verdict("approve", (f"it was {said(known, now)}",)) if is_old(known, now) else None


def _so_far(asked: Try) -> Verdict | None:
    """Go on with a run's errors as long as that leads on: so many, in so much time, and no fix twice."""
    if asked.so_far.enough:
        return Verdict("hint", (asked.so_far.enough,))
    if asked.so_far.applied and action_hash(asked.question.match.action) in asked.so_far.applied:
        return Verdict("hint", ("it was applied in this run already, and the error is back",))
    return None


def _limits(asked: Try) -> Verdict | None:
    """Let what is too much or too often wait for a person."""
    node, incident, known = asked.node, asked.question.incident, asked.question.known
    skill_id, boot, tries = known.skill_id, boot_id(), node.store.tries
    opened, opened_in, _, _ = node.store.incidents.times(incident.incident_id)
    failed_at = opened if opened is not None and opened_in == boot else node.clock.monotonic()
    tries_ago, same_command_ago = tries.unattended_ago(skill_id, boot), list[float]()
    if tries_ago:
        stored, line = redact_argv(incident.argv)[0], incident.signature.line
        same_command_ago = tries.same_command_ago(stored, incident.cwd, skill_id, boot, failed_at, line)
    facts = Facts(
        tries_ago=tries_ago,
        same_command_ago=same_command_ago,
        last_results=tries.last_results(node.store.state.get()["breaker_reset"], BREAKER_WINDOW),
        synced_ago=node.synced_ago(),
    )
    reasons = exceeded(known, facts)
    return Verdict("approve", tuple(reasons)) if reasons else None


def _canary(asked: Try) -> Verdict | None:
    """Let what is new to the mesh go to few hosts first; takes a place for this one, so only where it is tried."""
    node, known, bridge = asked.node, asked.question.known, asked.node.bridge
    if not asked.claims:
        return None
    if bridge is None:
        return Verdict("approve", ("the bridge cannot be used now",))
    outcomes = node.store.outcomes.of(skill_id=known.skill_id, own_only=True)
    hosts = Hosts(node)
    verified = frozenset(hosts.id_of_outcome(outcome) for outcome in outcomes if outcome.result == "verified")
    body = ClaimBody(known.skill_id, own_host(node))

    def claim() -> Record:
        return node.state(body.kind, body.to_json())

    reason = canary(bridge, known, claim, body.host, verified, len(hosts.all), ClaimCheck(node, verified, hosts).counts)
    return Verdict("approve", (reason,)) if reason else None


STANDING_APPROVAL = Judge("standing approval", _standing_approval)
"""The one judge that may raise: from `approve` to `run`, where an operator approved exactly this for good."""

MODE = Judge("mode", _mode)

JUDGES: tuple[Judge, ...] = (
    STANDING_APPROVAL,
    Judge("policy", lambda asked: asked.policy, answerable=True),
    Judge("headline", _headline, "hint"),
    Judge("input", lambda asked: of_input(asked.question, asked.policy.action_type), "hint", answerable=True),
    Judge("provenance", _provenance, "approve", answerable=True),
    Judge("operator's signature", _signature, "approve", answerable=True),
    Judge("skill's state", lambda asked: light_judges.state(asked.question.known), before_exec=True),
    Judge("author", _author, before_exec=True),
    Judge("peers' denylist", _denylist),
    Judge(
        "not here",
        lambda asked: light_judges.not_here(asked.node.store, asked.question.match.skill_id, asked.folder),
        before_exec=True,
    ),
    MODE,
    Judge(
        "failed action",
        lambda asked: light_judges.failed_action(asked.node.store, asked.question.known),
        "hint",
        before_exec=True,
    ),
    Judge("halt", lambda asked: light_judges.halt(halted(asked.node)), "hint", before_exec=True),
    Judge("the run so far", _so_far, "hint"),
    Judge("missing records", _synced, "approve"),
    Judge("limits", _limits, "approve"),
    Judge("age", _age, "approve", answerable=True),
    Judge("canary", _canary, "approve"),
)
