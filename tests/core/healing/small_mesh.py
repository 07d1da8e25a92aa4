"""A mesh in one process: nodes on one bridge, with a policy and an executor that do what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from meshcore.bridge.base import Bridge, Publication
from meshcore.bridge.memory import MemoryBridge
from meshcore.clock import Clock, to_text
from meshcore.config import BridgeAddress, Settings
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.healing.aftermath import Again
from meshcore.healing.capture import capture_incident
from meshcore.healing.executor import ApplyResult, Executor
from meshcore.healing.healer import Considered, Healer
from meshcore.healing.teaching import teach
from meshcore.model import AgentInfo, Decision, Incident, Json, KnownSkill, Outcome, Record, StepResult
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.policy.question import PlannedStep, PolicyVerdict, Question, Target
from meshcore.process.passthrough import Passed
from meshcore.process.sandbox import Containment
from meshcore.process.standard_streams import StdinKind
from meshcore.safety.records import sign
from meshcore.testing import FakeClock

ERROR = "ModuleNotFoundError: No module named 'django'"
FIX = "pip install django"
ARGV = ("python", "app.py")


class StubPolicy:
    """Decides what the test says; plans the steps of the match as they stand."""

    def __init__(self, decision: Decision = "run", rerun: Decision = "run") -> None:
        self.decision = decision
        self.rerun = rerun
        self.then: dict[str, Decision] = {}  # by the last word of the fix, where it is another decision
        self.problem = ""
        self.asked: list[Question] = []

    def decide(self, question: Question, *, contained: bool = False) -> PolicyVerdict:
        self.asked.append(question)
        plan = tuple(PlannedStep(step) for step in question.match.action.steps)
        decision = self.then.get(plan[0].argv[-1] if plan else "", self.decision)
        return PolicyVerdict(decision, (f"the test says {decision}",), "test", plan, Target("/venv", "venv"))

    def decide_rerun(self, argv: Sequence[str], cwd: str, **_: object) -> PolicyVerdict:
        return PolicyVerdict(self.rerun, ("the test says so",))


class StubExecutor:
    """Executes nothing: each step takes a second of the clock and ends with the code that the test says."""

    def __init__(self, clock: FakeClock, codes: Sequence[int] = (), rerun: int = 0) -> None:
        self.clock = clock
        self.containment = Containment()
        self.codes = list(codes)
        self.said = "output of the step"
        self.rerun = rerun
        self.then: list[str] = []  # errors that the failed command meets when it is run again
        self.executed: list[tuple[str, ...]] = []
        self.locked: list[str] = []
        self.done: list[str] = []
        self.done_elsewhere = False
        self.reruns: list[tuple[str, ...]] = []
        self.at_exec: Callable[[], None] = lambda: None
        self.at_lock: Callable[[], None] = lambda: None

    @contextmanager
    def lock(self, target: Target | None, *, wait: float = 0.0) -> Iterator[None]:
        self.at_lock()
        self.locked.append(target.path if target else "")
        yield

    def note_done(self, target: Target | None, action: str) -> None:
        self.done.append(action)

    def done_since(self, target: Target | None, action: str, failed_at: float) -> bool:
        return self.done_elsewhere

    def apply(
        self,
        plan: Sequence[PlannedStep],
        *,
        cwd: str,
        environment: Mapping[str, str],
        before_exec: Callable[[], str],
        timeout: float,
        unattended: bool,
    ) -> ApplyResult:
        results: list[StepResult] = []
        for step in plan:
            self.at_exec()
            if reason := before_exec():
                return ApplyResult(tuple(results), reason)
            self.executed.append(step.argv)
            self.clock.advance(1.0)
            results.append(StepResult(step.argv, self.codes.pop(0) if self.codes else 0, 1.0, self.said))
            if results[-1].exit_code:
                break
        return ApplyResult(tuple(results))

    def run_again(self, argv: Sequence[str], *, cwd: str, environment: Mapping[str, str], timeout: float) -> StepResult:
        self.reruns.append(tuple(argv))
        self.clock.advance(1.0)
        if self.then:
            return StepResult(tuple(argv), 1, 1.0, traced(self.then.pop(0)))
        return StepResult(tuple(argv), self.rerun, 1.0)


class SmallMesh:
    """Nodes of one or more operators and hosts on one bridge in memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.bridge = MemoryBridge(self.clock)
        self.nodes: list[Node] = []

    def node(self, name: str, *, operator: str = "operator", host: str = "host1", bridge: Bridge | None = None) -> Node:
        """Open a node, joined to the bridge; the same name again is another process of the same home."""
        settings = Settings(
            home=self.root / name,
            operator=self.root / operator,
            bridge=BridgeAddress.of(self.root / "bridge.db"),
            agent=name,
            host=host,
            packs=False,
        )
        node = Node(settings, self.clock, bridge or self.bridge.peer())
        node.require_bridge()
        self.nodes.append(node)
        return node

    def meet(self) -> None:
        """Let every node tell what it has to tell, then hear what the others said."""
        for node in self.nodes:
            publish(node)
        for node in self.nodes:
            pull(node)

    def send(self, node: Node, kind: str, body: Mapping[str, Json]) -> Record:
        """Publish any body under a node's signature, as a program of a peer could."""
        record = sign(kind, body, node.store.outbox.next_author_seq(), node.identity, node.clock)
        self.publish(record, kind)
        return record

    def publish(self, record: Record, kind: str = "skill") -> None:
        """Put a record on the bridge as it stands."""
        self.bridge.publish([Publication(record, kind)])

    def send_legacy(self, content: str) -> None:
        """Publish what an old program broadcast."""
        self.bridge.publish([Publication(Record(content, "", ""), "legacy", "legacy")])

    def close(self) -> None:
        for node in self.nodes:
            node.close()


class Fix:
    """One node's loop, with its stubs at hand."""

    def __init__(self, node: Node, clock: FakeClock, decision: Decision = "run", rerun: Decision = "run") -> None:
        self.node = node
        self.clock = clock
        self.policy = StubPolicy(decision, rerun)
        self.executor = StubExecutor(clock)
        self.healer = Healer(node, cast(Policy, self.policy), cast(Executor, self.executor), {})

    def fail(self, error: str = ERROR, *, argv: tuple[str, ...] = ARGV, cwd: str = "/work") -> Considered:
        """Let a command fail now; return what the mesh makes of it."""
        incident = failure(self.node, error, argv=argv, cwd=cwd)
        self.healer.open(incident, self.clock.monotonic())
        exchange(self.node)
        return self.healer.consider(incident, "auto", first_look=True)

    def heal(self, considered: Considered, rerun: int | None = 0) -> Outcome:
        """Apply, and rerun with this exit code (None: it may not be run again)."""

        def again() -> Again | None:
            self.clock.advance(1.0)
            return None if rerun is None else Again(StepResult(considered.incident.argv, rerun, 1.0))

        return self.healer.apply(considered, again, actor="policy", started=self.clock.monotonic())

    def state(self, considered: Considered) -> str:
        found = self.node.store.incidents.find(considered.incident.incident_id)
        return found.state if found else "gone"


def ended(output: str = ERROR, exit_code: int = 1, *, stdin: StdinKind = "null", clock: Clock | None = None) -> Passed:
    """Return how a command went; an error of Python ends the traceback of a program, as it does in life."""
    at = to_text((clock or FakeClock()).now())
    return Passed(exit_code, f"{traced(output)}\n".encode(), False, at, at, 0.1, stdin)


def traced(error: str) -> str:
    """Return an error of Python at the end of its traceback; another one as it is."""
    named = error.partition(":")[0].endswith("Error") and "\n" not in error
    return f'Traceback (most recent call last):\n  File "app.py", line 1, in <module>\n{error}' if named else error


def failure(node: Node, error: str = ERROR, *, argv: tuple[str, ...] = ARGV, cwd: str = "/work") -> Incident:
    """Return the incident of a command that failed."""
    agent = AgentInfo(node.settings.agent, "shell", node.settings.host)
    return capture_incident(ended(error, clock=node.clock), argv, cwd=cwd, env={}, agent=agent)


def taught(node: Node, error: str = ERROR, fix: str = FIX) -> KnownSkill:
    """Teach a node a fix."""
    return teach(node, error, fix)[0]


def again(node: Node, known: KnownSkill) -> KnownSkill:
    """Return a skill as a node knows it now."""
    found = node.store.skills.find(known.skill.skill_id)
    assert found is not None
    return found
