"""The original story, for real: one agent's failure is fixed and proven, another's heals by itself.

Every step is a `meshtui` process of its own, as a user would start it, in a folder that holds everything: two homes,
two virtual environments, one operator, one bridge. Every figure comes from the nodes' stores and from the bridge.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshcore.clock import SystemClock, from_text, to_text
from meshcore.errors import MeshError

PACKAGE = "django"
PROGRAM = '''"""A small Django program: it renders one template."""

import django
from django.conf import settings
from django.template import Context, Engine

settings.configure(USE_I18N=False)
print(Engine().from_string("Django {{ version }} renders this.").render(Context({"version": django.get_version()})))
'''
STAND_IN_VERSION = "0.0.dev0"
_STAND_IN = {
    "django/__init__.py": f'def get_version():\n    return "{STAND_IN_VERSION} (a stand-in built by the demo)"\n',
    "django/conf.py": (
        "class _Settings:\n    def configure(self, **options):\n        pass\n\n\nsettings = _Settings()\n"
    ),
    "django/template.py": (
        "class Context(dict):\n    pass\n\n\n"
        "class Engine:\n    def from_string(self, text):\n        self.text = text\n        return self\n\n"
        "    def render(self, context):\n        text = self.text\n        for name, value in context.items():\n"
        '            text = text.replace("{{ " + name + " }}", str(value))\n        return text\n'
    ),
}
PROBE_SECONDS = 25
STEP_SECONDS = 300
WAIT_SECONDS = 20


class DemoError(MeshError):
    """A step of the demo did not do what it should; the message says which, and what was printed."""


@dataclass
class Story:
    """What happened, measured. Seconds are floats; `mesh` and `commands` split a time to green."""

    folder: str
    offline: bool
    fallback: str = ""
    containment: str = ""
    error_line: str = ""
    fix: str = ""
    received_after: float | None = None
    first: dict[str, float] = field(default_factory=dict)
    again: dict[str, float] = field(default_factory=dict)
    why: str = ""
    allowed: str = ""
    program_output: str = ""
    broadcast: int = 0
    pending: int = 0
    skills_files: dict[str, str] = field(default_factory=dict)
    skills: dict[str, int] = field(default_factory=dict)
    verified: bool = False
    report: str = ""


class _Agent:
    """One agent of the story: its own home, folder and virtual environment."""

    def __init__(self, root: Path, name: str, environment: Mapping[str, str], meshtui: Sequence[str]) -> None:
        self.name = name
        self.home = root / name / "home"
        self.work = root / name / "work"
        self.venv = root / name / "venv"
        self.environment = {**environment, "MESHTUI_HOME": str(self.home), "MESHTUI_AGENT": name}
        self._meshtui = list(meshtui)

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")

    def start_environment(self) -> subprocess.Popen[bytes]:
        """Begin to make the virtual environment."""
        self.work.mkdir(parents=True)
        (self.work / "app.py").write_text(PROGRAM)
        return subprocess.Popen(
            [sys.executable, "-m", "venv", str(self.venv)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def command(self, *arguments: str) -> list[str]:
        return [*self._meshtui, *arguments]

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one `meshtui` command as this agent, in its folder."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.work,
            env=self.environment,
            timeout=STEP_SECONDS,
        )

    def ask(self, *arguments: str) -> Any:
        """Run a command with --json and return what it prints. Raises DemoError."""
        done = self.call(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise DemoError(
                f"{self.name}: meshtui {' '.join(arguments)}: {done.stderr.strip() or done.stdout}"
            ) from error


def run_demo(root: Path, *, offline: bool, say: Callable[[str], None]) -> Story:
    """Play the story in `root`, an empty folder; return what was measured. Raises DemoError, OSError."""
    story = Story(str(root), offline)
    told: list[tuple[str, str]] = []

    def tell(line: str) -> None:
        told.append((to_text(SystemClock().now()), line))
        say(line)

    meshtui = [sys.executable, "-m", "meshtui"]
    environment = _environment(root)
    a = _Agent(root, "agent_a_test", environment, meshtui)
    b = _Agent(root, "agent_b_test", environment, meshtui)
    tell("setting up two agents: each its own home, folder and virtual environment")
    makers = [agent.start_environment() for agent in (a, b)]
    for agent, maker in zip((a, b), makers, strict=True):
        _, errors = maker.communicate(timeout=STEP_SECONDS)
        if maker.returncode:
            raise DemoError(f"{agent.name}: no virtual environment ({errors.decode(errors='replace').strip()[-300:]})")
    if not offline and (reason := _index_fault(a)):
        story.offline, story.fallback = True, reason
        tell(f"no package index ({reason}): going on offline, with a stand-in wheel that is built here")
    if story.offline:
        wheels = build_stand_in(root / "wheels")
        for agent in (a, b):
            agent.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}

    listener = subprocess.Popen(
        b.command("--no-ui", "--json"), stdout=subprocess.PIPE, text=True, cwd=b.work, env=b.environment
    )
    try:
        events = _Events(listener)
        events.wait_for("runtime.started")
        _wait_until_joined(b)
        _tell(story, a, b, events, tell)
        _prove(story, root, b, told, tell)
    finally:
        listener.terminate()
        listener.communicate(timeout=WAIT_SECONDS)
    return story


def _tell(story: Story, a: _Agent, b: _Agent, events: _Events, say: Callable[[str], None]) -> None:
    say(f"1. {a.name} runs app.py")
    failed = a.call("run", "--", a.python, "app.py")
    if failed.returncode == 0:
        raise DemoError("app.py did not fail at the first agent: django is there already")
    story.error_line = failed.stderr.strip().splitlines()[-1]
    say(f"   {story.error_line}   (exit {failed.returncode}; nothing known answers it)")

    story.fix = f"pip install {PACKAGE}"
    say(f"   it is taught the fix: {story.fix}")
    learnt = a.call("learn", "--error-file", "-", "--fix", story.fix, "--json", stdin=failed.stderr)
    if learnt.returncode:
        raise DemoError(f"learn: {learnt.stderr.strip()}")
    skill_id = json.loads(learnt.stdout)["skill"]["skill_id"]
    events.wait_for("skill.received", skill_id=skill_id)
    healed = a.ask("heal", "last")["healing"]
    if not healed["outcome"] or healed["outcome"]["result"] != "verified":
        raise DemoError(f"the fix was not verified at {a.name}: {json.dumps(healed)[:600]}")
    story.first = _split(healed["outcome"])
    say(f"   applied and verified by running app.py again: {_in_words(story.first)}")

    events.wait_for("outcome.received", skill_id=skill_id)
    story.received_after = _receipt_latency(b)
    say(f"2. the bridge: broadcast → receipt at {b.name} {story.received_after * 1000:.2f} ms")

    say(f"3. {b.name} runs app.py, in another folder and environment")
    again = b.call("run", "--", b.python, "app.py")
    shown = b.ask("incidents", "show", "last")["incident"]
    outcome = shown["outcomes"][-1] if shown["outcomes"] else None
    story.program_output = again.stdout.strip()
    story.verified = again.returncode == 0 and outcome is not None and outcome["result"] == "verified"
    for event in shown["events"]:
        if event["kind"] == "incident.matched":
            story.why = event["why"]
        elif event["kind"] == "try.decided":
            story.allowed = "; ".join(event["reasons"])
    if outcome is None or not story.verified:
        raise DemoError(f"{b.name} did not heal: exit {again.returncode}; {again.stderr.strip()[-600:]}")
    story.again = _split(outcome)
    say(f"   it failed, matched, decided, installed, and ran again: exit {again.returncode}, {_in_words(story.again)}")
    say(f"   why      {story.why}")
    say(f"   allowed  {story.allowed}")
    say(f"   output   {story.program_output}")

    story.broadcast, story.pending = old_queries(Path(b.environment["MESHTUI_BRIDGE"]))
    for agent in (a, b):
        path = agent.home / "skills_database.json"
        story.skills_files[agent.name] = str(path)
        story.skills[agent.name] = len(json.loads(path.read_text())["skills"])


def _prove(
    story: Story, root: Path, agent: _Agent, told: Sequence[tuple[str, str]], say: Callable[[str], None]
) -> None:
    """Let the monitor look, validate what the demo itself has logged, and write the report. Raises DemoError."""
    seen = agent.call("monitor", "--skip-tests", "--include-manifest")
    record = json.loads(seen.stdout) if seen.returncode == 0 else {}
    if not record.get("bridge_db_present"):
        raise DemoError(f"monitor: {seen.stderr.strip()[-600:]}")
    skills, size = record["skills_snapshot"]["skill_count"], record["manifest_size_bytes"]
    say(f"4. the monitor at {agent.name}: skill_count {skills}, undelivered {record['mesh']['undelivered_total']}")
    say(f"   manifest of {size} bytes, with the checksums of every file that this rests on")

    runs = root / "runs"
    (runs / "demo").mkdir(parents=True)
    (runs / "demo" / "trace_events.json").write_text(json.dumps(_trace(told)))
    valid = agent.call("validate", "--runs-root", str(runs))
    if valid.returncode:
        raise DemoError(f"validate: {valid.stderr.strip()[-300:]} {valid.stdout.strip()[-300:]}")
    say("5. validation of the run that the demo has logged:")
    say(f"   {valid.stdout.splitlines()[0]}")

    path = root / "report.html"
    done = agent.call("report", "-o", str(path), "--validation-log", str(runs / "validation_log.jsonl"))
    if done.returncode:
        raise DemoError(f"report: {done.stderr.strip()[-600:]}")
    story.report = str(path)


def _trace(told: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what the demo has told, as the trace of a run."""
    return [
        {
            "event_id": f"demo-{number}",
            "event_type": "log.appended",
            "emitted_at": at,
            "run_id": "demo",
            "payload": {"stream": "stdout", "text": line, "sequence": number},
        }
        for number, (at, line) in enumerate(told)
    ]


class _Events:
    """The JSON lines of a running `meshtui --no-ui`, read one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._seen: list[dict[str, Any]] = []

    def wait_for(self, kind: str, **fields: str) -> dict[str, Any]:
        """Return the first event of a kind with these fields, now or later. Raises DemoError."""

        def fits(event: dict[str, Any]) -> bool:
            return event["kind"] == kind and all(event.get(k) == v for k, v in fields.items())

        for event in self._seen:
            if fits(event):
                return event
        if self._process.stdout is None:
            raise DemoError("the listener has no output")
        for line in self._process.stdout:
            latest: dict[str, Any] = json.loads(line)
            self._seen.append(latest)
            if fits(latest):
                return latest
        raise DemoError(f"the listener ended before {kind}")


def _environment(root: Path) -> dict[str, str]:
    """Return this process's environment, with everything of the mesh led into `root`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MESHTUI_", "VIRTUAL_ENV", "PYTHON"))
    }
    if mode := os.environ.get("MESHTUI_CONTAINMENT"):
        kept["MESHTUI_CONTAINMENT"] = mode
    return {
        **kept,
        "MESHTUI_OPERATOR_DIR": str(root / "operator"),
        "MESHTUI_BRIDGE": str(root / "claude_bridge_enhanced.db"),
        "PYTHONUNBUFFERED": "1",
    }


def _index_fault(agent: _Agent) -> str:
    """Return why no package index can be used, empty where one can."""
    probe = [agent.python, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--quiet"]
    probe += ["--no-deps", "--only-binary=:all:", "--retries", "0", "--timeout", "5", PACKAGE]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, env=agent.environment, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {PROBE_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return lines[-1].removeprefix("ERROR: ") if lines else "pip cannot find it"


def build_stand_in(folder: Path) -> Path:
    """Build a tiny wheel named django in `folder`, without any tool; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{PACKAGE}-{STAND_IN_VERSION}.dist-info"
    files = {
        **_STAND_IN,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {STAND_IN_VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: meshtui-demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{PACKAGE}-{STAND_IN_VERSION}-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)
    return folder


def _split(outcome: Mapping[str, Any]) -> dict[str, float]:
    commands = sum(step["seconds"] for step in outcome["steps"]) + outcome["rerun"]["seconds"]
    return {"seconds": outcome["seconds"], "mesh": outcome["own_seconds"], "commands": commands}


def _in_words(split: Mapping[str, float]) -> str:
    waiting = split["seconds"] - split["mesh"] - split["commands"]
    commands, mesh = f"the commands {split['commands']:.2f} s", f"the mesh {split['mesh'] * 1000:.0f} ms"
    text = f"failure → verified {split['seconds']:.2f} s = {commands} + {mesh}"
    return text + (f" + until it was taught {waiting:.2f} s" if waiting > 0.005 else "")


def _receipt_latency(agent: _Agent) -> float:
    """Return the seconds from the skill's publication to its receipt, both read from the bridge."""
    path = Path(agent.environment["MESHTUI_BRIDGE"] + ".mesh.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as bridge:
        row = bridge.execute(_FIRST_SKILL_RECEIPT).fetchone()
    if row is None:
        raise DemoError("the bridge holds no receipt of the skill")
    return (from_text(row[1]) - from_text(row[0])).total_seconds()


_FIRST_SKILL_RECEIPT = """
    SELECT log.published_at, receipts.at FROM log JOIN receipts USING (seq)
    WHERE log.kind = 'skill' AND receipts.status = 'stored' ORDER BY log.seq LIMIT 1
"""


def old_queries(bridge: Path) -> tuple[int, int]:
    """Return the two counts that the operators' documents quote: skills broadcast, and pending."""
    broadcast = "SELECT COUNT(*) FROM enhanced_messages WHERE message_id LIKE 'skill_%'"
    with closing(sqlite3.connect(f"file:{bridge}?mode=ro", uri=True)) as old:
        return old.execute(broadcast).fetchone()[0], old.execute(broadcast + " AND status='pending'").fetchone()[0]


def _wait_until_joined(agent: _Agent) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if any(node["name"] == agent.name for node in agent.ask("nodes", "list")["nodes"]):
            return
    raise DemoError(f"{agent.name} did not join the bridge in {WAIT_SECONDS} s")


def remove(root: Path) -> None:
    """Remove the demo's folder."""
    shutil.rmtree(root, ignore_errors=True)
