"""A mesh with a history, built through the store's own API under a clock that is told the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meshcore.clock import to_text
from meshcore.config import Settings
from meshcore.home import Home
from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.habits import Failed, Habit, ways_of, with_failure
from meshcore.knowledge.interchange import put
from meshcore.model import Action, AgentInfo, Incident, KnownSkill, Signature, Skill, Slot, StepResult
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.store.told import Saying
from meshcore.testing import FakeClock, known_skill, outcome
from meshcore.testing import incident as an_incident

CLAUDE = AgentInfo("claude-code@dev1", "claude-code", "dev1")
CODEX = AgentInfo("codex@dev1", "codex", "dev1")
CI = AgentInfo("ci@build2", "ci", "build2")
AGENT_A = AgentInfo("agent_a_test", "shell", "dev1")


@dataclass(frozen=True)
class Case:
    """One failure: minutes after the start, who met it, for want of what, how it went, and in how many seconds."""

    minute: float
    agent: AgentInfo
    name: str
    result: str
    seconds: float = 0.0


CASES: Sequence[Case] = (
    Case(6, AGENT_A, "django", "verified", 41.2),
    Case(9, CLAUDE, "requests", "verified", 38.0),
    Case(14, CODEX, "numpy", "fix_failed"),
    Case(21, CI, "django", "verified", 3.6),
    Case(26, CLAUDE, "flask", "needs_approval"),
    Case(44, CODEX, "requests", "verified", 2.9),
    Case(47, AGENT_A, "lxml", "open"),
    Case(52, CI, "requests", "verified", 3.1),
    Case(58, CLAUDE, "django", "verified", 3.4),
)


class Busy:
    """Writes one mesh's hour into the store of a home."""

    def __init__(self, settings: Settings, clock: FakeClock) -> None:
        self.home = Home(settings.home).create()
        self.clock = clock
        self.start = clock.now()
        self.store = Store(self.home.store, clock)
        self.known: dict[str, KnownSkill] = {}
        self.count = 0

    def at(self, minute: float) -> None:
        """Let it be so many minutes after the start."""
        wanted: datetime = self.start + timedelta(minutes=minute)
        self.clock.advance((wanted - self.clock.now()).total_seconds())

    def learn(self, name: str) -> KnownSkill:
        """Know the skill that installs a module, with the event of having learnt it."""
        if name not in self.known:
            self.known[name] = put(self.store, known_skill(name))
            self.store.events.add(
                "skill.learned", skill_id=self.known[name].skill_id, data={"line": "", "command": f"pip install {name}"}
            )
        return self.known[name]

    def fail(self, agent: AgentInfo, name: str, **changes: object) -> Incident:
        """Let a command fail for want of a module."""
        self.count += 1
        self.store.agents.see(agent.name, agent.via, agent.host)
        line = f"ModuleNotFoundError: No module named '{name}'"
        signature = replace(an_incident(name=name).signature, line=line)
        fields: dict[str, object] = {
            "agent": agent,
            "opened": to_text(self.clock.now()),
            "signature": signature,
            "argv": (".venv/bin/python", "app.py"),
            "excerpt": f'Traceback (most recent call last):\n  File "app.py", line 3, in <module>\n{line}\n',
        }
        found = an_incident(self.count, name, **{**fields, **changes})
        self.store.incidents.open(found, "a" * 64)
        return found

    def match(self, incident: Incident, known: KnownSkill, decision: str, reasons: Sequence[str]) -> None:
        """Say which skill answers it, and what was decided."""
        store, skill_id = self.store, known.skill_id
        name = incident.signature.slots[0].value
        why = f"the same ModuleNotFoundError about '{name}' has this fix, verified on 1 host"
        matched = {"tier": "exact", "score": 1.0, "why": why}
        store.events.add("incident.matched", incident_id=incident.incident_id, skill_id=skill_id, data=matched)
        store.incidents.set_state(incident.incident_id, "matched", skill_id=skill_id)
        decided = {"decision": decision, "reasons": list(reasons), "command": f"pip install {name}"}
        store.events.add("try.decided", incident_id=incident.incident_id, skill_id=skill_id, data=decided)

    def play(self, case: Case) -> None:
        """Let one failure run its course."""
        self.at(case.minute)
        found = self.fail(case.agent, case.name)
        again = case.name in self.known
        if case.result == "open":
            return
        known = self.learn(case.name)
        if case.result == "needs_approval":
            reasons = ("new to the mesh: 1 other host must verify it first",)
            self.match(found, known, "approve", reasons)
            asked = Approval(
                f"{self.count:012x}", found.incident_id, known.skill_id, "h", f"pip install {case.name}", reasons,
                self.store.now(), "waiting",
                runs=f"/srv/app/.venv/bin/python -I -m pip install --only-binary=:all: {case.name}",
                rerun=".venv/bin/python app.py",
            )  # fmt: skip
            self.store.approvals.ask(asked)
            return
        allowed = "install_package: install one plainly named package, wheels only, into the virtual environment"
        self.match(found, known, "run", (allowed, "taught by this operator, verified once"))
        try_id = f"{self.count:016x}"
        self.store.tries.intend(try_id, found.incident_id, known.skill_id, "policy", {}, "/srv/app/.venv", "1:1")
        self.clock.advance(case.seconds or 2.0)
        green = case.result == "verified"
        fix = ("/srv/app/.venv/bin/python", "-I", "-m", "pip", "install", "--only-binary=:all:", case.name)
        said = f"Collecting {case.name}\nInstalled {case.name}-5.2\n" if green else "ERROR: no such wheel\n"
        done = outcome(
            self.count,
            outcome_id=try_id,
            incident_id=found.incident_id,
            skill_id=known.skill_id,
            result=case.result,
            at=self.store.now(),
            host=case.agent.host,
            agent=case.agent.name,
            steps=(StepResult(fix, 0 if green else 1, max(0.5, case.seconds - 0.2), said),),
            rerun=StepResult((".venv/bin/python", "app.py"), 0, 0.11, "it works\n") if green else None,
            seconds=case.seconds if green else None,
            own_seconds=0.114,
        )
        with self.store.transaction():
            self.store.outcomes.add(done, own_operator=True, try_id=try_id)
            self.store.incidents.set_state(
                found.incident_id, "verified" if green else "fix_failed", skill_id=known.skill_id, again=again,
                seconds=done.seconds, own_seconds=0.114 if green else None,
            )  # fmt: skip


def build(settings: Settings, clock: FakeClock, cases: Sequence[Case] = CASES) -> Store:
    """Write an hour of a mesh that fails and heals, with a hole in which nobody listened; return its store."""
    busy = Busy(settings, clock)
    store = busy.store
    store.events.add("runtime.started", data={"pid": 1})
    hole = False
    for case in cases:
        if case.minute > 30 and not hole:
            hole = True
            busy.at(30)
            store.events.add("runtime.stopped", data={"pid": 1})
            busy.at(39)
            store.events.add("runtime.started", data={"pid": 2})
            store.events.add("skill.received", skill_id=busy.learn("requests").skill_id, data={"line": "", "own": True})
        busy.play(case)
    busy.at(60)
    return store


def hear(store: Store, clock: FakeClock, instead: str = "uv run pytest -q") -> None:
    """Let an own node say that a command fails, and another operator's what passed in its place."""
    store.authors.see("b" * 64, "ci@build2", "build2", "o" * 64, True, 1)
    store.authors.see("c" * 64, "eva@desk", "desk", "p" * 64, False, 1)
    last = int(clock.now().timestamp()) - 7200
    project = store.projects.add("/srv/app", "project of /srv/app")
    fails = {"text": "pytest -q tests/api"}
    store.told.habits.put(Saying("project of /srv/app", ("aa",), "b" * 64, last, 3, fails), 1, known=True)
    changed = {"failed": "pytest -q", "passed": instead}
    store.told.corrections.put(Saying(project.identity, ("bb", "cc"), "c" * 64, last + 60, 2, changed), 1, known=False)


def hostile(store: Store, texts: Sequence[str]) -> None:
    """Put texts from outside into every place that a screen shows."""
    for number, text in enumerate(texts):
        line = text.replace("\n", " ") or "x"
        found = an_incident(
            1000 + number,
            agent=AgentInfo(line[:60], line[:20], line[:20]),
            argv=("sh", line),
            cwd=f"/srv/{line[:40]}",
            excerpt=text,
            signature=Signature(1, "ValueError", "<name>", (Slot("name", line),), line),
        )
        known = KnownSkill(
            Skill(1, "ValueError", f"<name> {number}", (), Action("argv", (("echo", line),)), example_line=line)
        )
        known = put(store, known)
        store.incidents.open(found, "a" * 64)
        store.events.add("incident.matched", incident_id=found.incident_id, data={"why": text, "tier": text})
        store.events.add("try.decided", incident_id=found.incident_id, data={"decision": text, "reasons": [text]})
        store.incidents.set_state(found.incident_id, "matched", skill_id=known.skill_id)


WALLS: Sequence[tuple[str, str, str, float, int, Sequence[AgentInfo]]] = (
    ("npm test", "Error: Cannot find module 'jsdom'", "/srv/shop", 41.0, 12, (CLAUDE, CODEX)),
    ("pytest -q tests/api", "ConnectionRefusedError: [Errno 111] Connection refused", "/srv/app", 8.5, 5, (CLAUDE,)),
    ("make lint", "", "/srv/app", 2.0, 3, (CI,)),
)
"""What fails again and again: command, telling line, project, seconds of a run, sessions, and who met it."""


def meet_walls(store: Store, clock: FakeClock) -> None:
    """Let each command of WALLS fail in its sessions, one an hour, with an incident for the newest failure."""
    for number, (command, line, root, seconds, sessions, agents) in enumerate(WALLS):
        project = store.projects.add(root, f"project of {root}").number
        habit: Habit | None = None
        name = f"{number + 10:02x}" * 16
        met = an_incident(900 + number, agent=agents[0], opened=to_text(clock.now()), incident_id=name)
        met = replace(met, signature=replace(met.signature, line=line, template=line))
        store.incidents.open(met, "a" * 64)
        for session in range(sessions):
            agent = agents[session % len(agents)].name
            at = int(clock.now().timestamp()) - 3600 * (sessions - session)
            failure = Failed(
                bytes([session] * 4), at, "other", 1, ways_of("", line), seconds=seconds, text=command, agent=agent,
                incident=bytes.fromhex(met.incident_id)[: len(met.incident_id) // 4],
            )  # fmt: skip
            habit = with_failure(habit, failure)
        assert habit is not None
        store.habits.put(project, command.encode()[:8], pack(habit))
