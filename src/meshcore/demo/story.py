"""The original story, for real: one agent's failure is fixed and proven, another's heals by itself.

Every step is a `meshtui` process of its own, as a user would start it, in a folder that holds everything: two homes,
two virtual environments, one operator, one bridge. Every figure comes from the nodes' stores and from the bridge.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshcore.bridge.open import old_queries, open_bridge
from meshcore.clock import SystemClock, from_text
from meshcore.config import BridgeAddress
from meshcore.demo.stage import PACKAGE, Agent, DemoError, Events, agents_in, build_stand_in, whole_pip

PROBE_SECONDS = 25
WAIT_SECONDS = 20


@dataclass
class Story:
    """What happened, measured. Seconds are floats; `mesh` and `commands` split a time to green."""

    folder: str
    offline: bool
    hosts: bool = False
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
    passes: list[Any] = field(default_factory=list)
    run_verdict: str = ""
    report: str = ""
    verified: bool = False


def run_demo(
    root: Path, *, offline: bool, say: Callable[[str], None], agents: tuple[Agent, Agent] | None = None
) -> Story:
    """Play the story in `root`, an empty folder; return what was measured. Raises DemoError, OSError.

    `agents` are on machines of their own (see `hosts`); else they are made here.
    """
    story = Story(str(root), offline, hosts=agents is not None)
    a, b = agents or agents_in(root)
    say("setting up two agents: each its own home, folder and virtual environment")
    pip = whole_pip()
    makers = [agent.start_environment(pip) for agent in (a, b)]
    for agent, maker in zip((a, b), makers, strict=True):
        agent.finish_environment(maker, pip)
    if not offline and (reason := _index_fault(a)):
        story.offline, story.fallback = True, reason
        say(f"no package index ({reason}): going on offline, with a stand-in wheel that is built here")
    if story.offline:
        wheels = build_stand_in(root / "wheels")
        for agent in (a, b):
            agent.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}

    # The monitor has its own step: two passes a second apart after one at the start would look like a hole.
    quiet = root / "listener.toml"
    quiet.write_text("[monitor]\nenabled = false\n")
    listener = subprocess.Popen(
        b.command("--config", str(quiet), "--no-ui", "--json"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=b.work,
        env=b.environment,
    )
    try:
        events = Events(listener)
        events.wait_for("runtime.started")
        _wait_until_joined(b)
        _tell(story, a, b, events, say)
    finally:
        listener.terminate()
        listener.communicate(timeout=WAIT_SECONDS)
    return story


def _tell(story: Story, a: Agent, b: Agent, events: Events, say: Callable[[str], None]) -> None:
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
    story.received_after = _receipt_latency(a, skill_id)
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

    if not story.hosts:
        (_, story.broadcast), (_, story.pending) = old_queries(Path(b.environment["MESHTUI_BRIDGE"]))
    for agent in (a, b):
        path = agent.home / "skills_database.json"
        story.skills_files[agent.name] = str(path)
        story.skills[agent.name] = len(json.loads(path.read_text())["skills"])


def _index_fault(agent: Agent) -> str:
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


def _split(outcome: Mapping[str, Any]) -> dict[str, float]:
    commands = sum(step["seconds"] for step in outcome["steps"]) + outcome["rerun"]["seconds"]
    return {"seconds": outcome["seconds"], "mesh": outcome["own_seconds"], "commands": commands}


def _in_words(split: Mapping[str, float]) -> str:
    waiting = split["seconds"] - split["mesh"] - split["commands"]
    commands, mesh = f"the commands {split['commands']:.2f} s", f"the mesh {split['mesh'] * 1000:.0f} ms"
    text = f"failure → verified {split['seconds']:.2f} s = {commands} + {mesh}"
    return text + (f" + until it was taught {waiting:.2f} s" if waiting > 0.005 else "")


def _receipt_latency(author: Agent, skill_id: str) -> float:
    """Return the seconds from the publication of a skill to its receipt, both by the bridge's clock."""
    events = map(json.loads, (author.home / "journal.jsonl").read_text("utf-8").splitlines())
    record_id = next(e["record"] for e in events if e["kind"] == "skill.published" and e["skill_id"] == skill_id)
    with closing(
        open_bridge(BridgeAddress.parse(author.environment["MESHTUI_BRIDGE"]), clock=SystemClock(), doorbell=False)
    ) as bridge:
        published = bridge.published(record_id)
        received = [receipt.at for receipt in bridge.receipts(record_id) if receipt.status == "stored"]
    if not published or not received:
        raise DemoError("the bridge holds no receipt of the skill")
    return (from_text(received[0]) - from_text(published)).total_seconds()


def _wait_until_joined(agent: Agent) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if any(node["name"] == agent.name for node in agent.ask("nodes", "list")["nodes"]):
            return
    raise DemoError(f"{agent.name} did not join the bridge in {WAIT_SECONDS} s")


def remove(root: Path) -> None:
    """Remove the demo's folder."""
    shutil.rmtree(root, ignore_errors=True)
