"""Simulated hosts of one operator on one bridge in memory, for what a compromised author can reach.

Nodes, policy and brakes are the real ones; what would be executed is written down instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from meshcore.bridge.base import Bridge, Publication
from meshcore.bridge.limits import is_control
from meshcore.bridge.memory import MemoryBridge
from meshcore.clock import to_text
from meshcore.config import BridgeAddress, Settings
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.aftermath import Again
from meshcore.healing.capture import capture_incident
from meshcore.healing.executor import ApplyResult, Executor
from meshcore.healing.healer import Considered, Healer
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.signature import read
from meshcore.model import Action, AgentInfo, Circumstances, Json, Outcome, Record, Skill, StepResult
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.policy.question import PlannedStep, Target
from meshcore.process.passthrough import Passed
from meshcore.process.sandbox import Containment
from meshcore.safety.model_json import skill_to_json
from meshcore.store.rows import outcome_to_json
from meshcore.testing import FakeClock, outcome

ARGV = ("python", "app.py")

HOSTS = 20
WAVES = 4
HOUR_SECONDS = 3700.0


class WritingExecutor:
    """Executes nothing and writes down what it was asked to; every step succeeds. Contained, as far as policy knows."""

    def __init__(self) -> None:
        self.containment = Containment("/usr/bin/bwrap", "simulated")
        self.executed: list[tuple[str, ...]] = []

    @contextmanager
    def lock(self, target: Target | None, *, wait: float = 0.0) -> Iterator[None]:
        yield

    def note_done(self, target: Target | None, action: str) -> None:
        """Note nothing: no two of these change one place."""

    def done_since(self, target: Target | None, action: str, failed_at: float) -> bool:
        return False

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
            if reason := before_exec():
                return ApplyResult(tuple(results), reason)
            self.executed.append(step.argv)
            results.append(StepResult(step.argv, 0, 0.1))
        return ApplyResult(tuple(results))


class Host:
    """One host with one node in a project with a virtual environment."""

    def __init__(self, root: Path, name: str, clock: FakeClock, bridge: Bridge, operator: str = "operator") -> None:
        self.clock = clock
        self.folder = root / name / "project"
        for path in (self.folder / ".git", self.folder / ".venv/bin"):
            path.mkdir(parents=True)
        for file in (".venv/bin/python", ".venv/pyvenv.cfg", "app.py"):
            (self.folder / file).touch()
        settings = Settings(
            root / name / "home", root / operator, BridgeAddress.of(root / "bridge.db"), f"agent@{name}", name
        )
        self.node = Node(settings, clock, bridge)
        self.node.require_bridge()
        self.executor = WritingExecutor()
        environment = {"VIRTUAL_ENV": str(self.folder / ".venv")}
        self.healer = Healer(self.node, Policy.load(None), cast(Executor, self.executor), environment)

    def meet(self, error: str, argv: tuple[str, ...] = ARGV) -> Considered:
        """Let a command fail here; return what the mesh makes of it."""
        at = to_text(self.clock.now())
        output = f'Traceback (most recent call last):\n  File "{argv[-1]}", line 1, in <module>\n{error}\n'
        passed = Passed(1, output.encode(), False, at, at, 0.1, "null")
        agent = AgentInfo(self.node.name, "shell", self.node.settings.host)
        incident = capture_incident(passed, argv, cwd=str(self.folder), env={}, agent=agent)
        self.healer.open(incident, self.clock.monotonic())
        return self.healer.consider(incident, "auto", first_look=True)

    def heal(self, considered: Considered, rerun: int) -> Outcome | None:
        """Apply what was decided `run`, if it was; the failed command then ends with the code `rerun`."""
        if considered.ruling is None or considered.ruling.decision != "run":
            return None
        again = Again(StepResult(considered.incident.argv, rerun, 0.1))
        return self.healer.apply(considered, lambda: again, actor="policy", started=self.clock.monotonic())


@dataclass
class Hosts:
    """A mesh of hosts, and one more whose program and key an attacker has. Use as a context manager."""

    root: Path
    count: int
    clock: FakeClock = field(default_factory=FakeClock)
    all: list[Host] = field(default_factory=list)

    def __enter__(self) -> Hosts:
        self.bridge = MemoryBridge(self.clock)
        self.all = [self.join(f"host{number:02}") for number in range(self.count)]
        self.attacker = self.all[0]
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.all:
            host.node.close()

    @property
    def others(self) -> list[Host]:
        return self.all[1:]

    def join(self, name: str, operator: str = "operator") -> Host:
        """Add a host; without another operator it is enrolled as every other."""
        return Host(self.root, name, self.clock, self.bridge.peer(), operator)

    def send(self, kind: str, body: Mapping[str, Json], author: Host | None = None) -> Record:
        """Publish any body under the attacker's signature, or another's: no check of ours stands before it."""
        node = (author or self.attacker).node
        with node.store.transaction():
            record = node.sign_statement(kind, body, is_link=is_control(kind, body))
        self.bridge.publish([Publication(record, kind)])
        return record

    def send_skill(self, error: str, action: Action, author: Host | None = None, **changes: Json) -> Skill:
        """Publish a skill as confirmed, whatever its action is; return it."""
        skill = replace(learn(read(error), parse_fix("true")), action=action)
        body: dict[str, Json] = {
            "skill": skill_to_json(skill),
            "confirmed": True,
            "source": "taught",
            "name": "a",
            "host": "a",
            **changes,
        }
        self.send("skill", body, author)
        return skill

    def send_success(self, skill: Skill, host: str, number: int, author: Host | None = None) -> None:
        """Publish that the skill was verified on a host of that name: only the author's key is checked."""
        node = (author or self.attacker).node.identity.node.public
        done = outcome(number, skill_id=skill.skill_id, host=host, node=node, slots=skill.example_slots)
        done = replace(done, outcome_id=f"{skill.skill_id[:8]}{number}", circumstances=Circumstances())
        self.send("outcome", outcome_to_json(done), author)

    def exchange(self) -> None:
        """Let every host tell what it has to tell, then hear everything."""
        for host in self.all:
            publish(host.node)
        for host in self.all:
            while pull(host.node).more:
                pass

    def reached(self) -> int:
        """Return on how many hosts something was executed, the attacker's own left out."""
        return sum(bool(host.executor.executed) for host in self.others)


def action_of(command: str) -> Action:
    """Return a command as an attacker would send it: as argv, through a shell where it needs one."""
    fix = parse_fix(command)
    return fix if fix.kind == "argv" else Action("argv", (("sh", "-c", command),))


def missing(name: str) -> str:
    """Return the error of a Python module that is missing."""
    return f"ModuleNotFoundError: No module named '{name}'"


def plausible(folder: Path, *, lies: bool) -> int:
    """Return how many hosts run a fix that policy allows and that does not help, over some hours.

    Every host meets the error and is ruled on before the first applies, each hour anew. `lies`: the author also claims
    that hosts which nobody knows have verified it.
    """
    with Hosts(folder, HOSTS) as mesh:
        skill = mesh.send_skill(missing("plausible"), Action("argv", (("mkdir", "-p", "flood"),)))
        for number in range(3 if lies else 0):
            mesh.send_success(skill, f"invented{number}", number)
        mesh.exchange()
        for _ in range(WAVES):
            met = [(host, host.meet(missing("plausible"))) for host in mesh.others]
            for host, considered in met:
                host.heal(considered, rerun=1)
            mesh.exchange()
            mesh.clock.advance(HOUR_SECONDS)
            mesh.exchange()
        return mesh.reached()
