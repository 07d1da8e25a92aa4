"""The story's proof: the monitor counts it, the validator checks the record of it, and a report is written.

The run that is validated is the story itself: its three artifacts are written from the two homes' own incidents,
outcomes and times, and say who judged: the demo, by the exit code of the failed command's rerun.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from meshcore.clock import from_text, to_text
from meshcore.demo.stage import PROGRAM, STEP_SECONDS, Agent, DemoError, agents_in
from meshcore.demo.story import Story
from meshcore.runs.passes import DEFAULT_ROOT
from meshcore.runs.validate import GOLD_REVIEW, STEP_GRAPH, TRACE_EVENTS

MONITOR = ("monitor", "--watch", "--interval", "1", "--iterations", "2", "--include-manifest", "--skip-tests")


def prove(story: Story, report: Path, say: Callable[[str], None], agents: tuple[Agent, Agent] | None = None) -> None:
    """Play steps 4 and 5 in the folder of a story that was played, and write its report. Raises DemoError, OSError."""
    a, b = agents or agents_in(Path(story.folder))
    say(f"4. meshtui {' '.join(MONITOR)}")
    story.passes = [_in_short(json.loads(line)) for line in _printed(b, *MONITOR).splitlines()]
    for snapshot in story.passes:
        say(
            f'   {snapshot["timestamp"]}  "skill_count": {snapshot["skill_count"]}, "stats": '
            f"{json.dumps(snapshot['stats'])}, manifest {snapshot['manifest_size_bytes']} bytes"
        )
    root = b.work / DEFAULT_ROOT
    folder = write_run(root, {agent.name: agent.ask("incidents", "show", "last")["incident"] for agent in (a, b)})
    say(f"5. meshtui validate --runs-root {DEFAULT_ROOT}")
    verdicts = _printed(b, "validate", "--runs-root", DEFAULT_ROOT).splitlines()
    story.run_verdict = next((line for line in verdicts if f" {folder.name} -> " in line), "")
    say(f"   {story.run_verdict}")
    exports = [agent.work.parent / "export" for agent in (a, b)]
    makers = [_start(agent, "evidence", "export", str(to)) for agent, to in zip((a, b), exports, strict=True)]
    for agent, maker in zip((a, b), makers, strict=True):
        _, errors = maker.communicate(timeout=STEP_SECONDS)
        if maker.returncode:
            raise DemoError(f"{agent.name}: no export: {errors.strip()[-300:]}")
    say("   both agents export their evidence, signed; the report merges and checks both")
    _printed(b, "report", *map(str, exports), "-o", str(report))
    story.report = str(report)


def _in_short(record: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: record[name] for name in ("timestamp", "manifest_size_bytes")}
    return {**named, **{name: record["skills_snapshot"][name] for name in ("skill_count", "stats")}}


def _printed(agent: Agent, *arguments: str) -> str:
    done = agent.call(*arguments)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise DemoError(f"{agent.name}: meshtui {arguments[0]}: exit {done.returncode}: {said}")
    return done.stdout


def _start(agent: Agent, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        agent.command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=agent.work,
        env=agent.environment,
    )


# --- the story as a run -----------------------------------------------------------------------------------------------


def write_run(root: Path, incidents: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the artifacts of a run from the healed incidents of agents, by name; return the run's folder."""
    began = min(incident["opened"] for incident in incidents.values())
    run_id = f"demo-{from_text(began):%Y%m%dT%H%M%S}"
    folder = root / run_id
    folder.mkdir(parents=True)
    steps = [step for name, incident in incidents.items() for step in _steps(name, incident)]
    source = (root.parents[1] / "app.py").as_uri()
    graph = {
        "schema_version": "v1.0",
        "graph_id": run_id,
        "run_context": {
            "video_url": source,
            "run_id": run_id,
            "initiated_at": began,
            "initiator": "meshtui demo",
            "notes": "No video: the URL is that of the program that failed.",
        },
        "steps": steps,
        "edges": [{"from": one["id"], "to": other["id"]} for one, other in pairwise(steps)],
    }
    events = list(_trace(run_id, began, steps))
    (folder / STEP_GRAPH).write_text(json.dumps(graph, indent=1))
    (folder / TRACE_EVENTS).write_text(json.dumps(events, indent=1))
    (folder / GOLD_REVIEW).write_text(yaml.safe_dump(_review(run_id, incidents), sort_keys=False))
    return folder


def _steps(name: str, incident: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what one agent did: the failure, the fix, the rerun; times follow from the outcome's end backwards."""
    outcome = incident["outcomes"][-1]
    ended = from_text(outcome["at"])
    rerun_began = ended - timedelta(seconds=outcome["rerun"]["seconds"])
    fix_began = rerun_began - timedelta(seconds=sum(step["seconds"] for step in outcome["steps"]))
    command = shlex.join(incident["argv"])
    fix = " && ".join(shlex.join(step["argv"]) for step in outcome["steps"])
    yield _step(f"{name}.failed", "execute", "failed", incident["opened"], None, command, incident["line"])
    yield _step(f"{name}.fixed", "execute", "succeeded", to_text(fix_began), to_text(rerun_began), fix, "")
    yield _step(f"{name}.verified", "verify", "succeeded", to_text(rerun_began), to_text(ended), command, "exit 0")


def _step(
    name: str, kind: str, status: str, began: str, ended: str | None, command: str, output: str
) -> dict[str, Any]:
    step: dict[str, Any] = {"id": name, "kind": kind, "status": status, "started_at": began, "completed_at": ended}
    step["inputs"] = [{"name": "command", "type": "command", "value": command}]
    if output:
        step["outputs"] = [{"name": "output", "type": "text", "value": output}]
    return step


def _trace(run_id: str, began: str, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the events of the run in the order of their time."""
    told = [(began, "run.created", {"status": "running"})]
    for step in steps:
        failed = step["status"] == "failed"
        at = step["completed_at"] or step["started_at"]
        payload = {"step_id": step["id"], "step_kind": step["kind"], "status": step["status"]}
        told.append((at, "agent.step.failed" if failed else "agent.step.completed", payload))
    told.append((told[-1][0], "run.status.updated", {"status": "succeeded"}))
    for number, (at, kind, payload) in enumerate(sorted(told, key=lambda one: one[0])):
        yield {"event_id": f"e{number}", "event_type": kind, "emitted_at": at, "run_id": run_id, "payload": payload}


def _review(run_id: str, incidents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    outcomes = {name: incident["outcomes"][-1] for name, incident in incidents.items()}
    first = next(iter(incidents.values()))
    began, ended = first["opened"], max(outcome["at"] for outcome in outcomes.values())
    verified = sum(outcome["result"] == "verified" for outcome in outcomes.values())
    return {
        "metadata": {
            "run_id": run_id,
            "evaluator": "meshtui demo: no person looked at it",
            "evaluation_date": ended,
        },
        "execution_context": {"agents": list(incidents), "host": first["host"]},
        "expected_outcomes": {
            "deliverables": [{"path": "app.py", "description": PROGRAM.splitlines()[0].strip('"')}],
            "commands": [{"command": shlex.join(i["argv"]), "exit_code": 0} for i in incidents.values()],
        },
        "run_observation": {
            "start_time": began,
            "end_time": ended,
            "duration_seconds": _seconds_between(began, ended),
            "error": first["line"],
            "seconds_to_green": {name: outcome["seconds"] for name, outcome in outcomes.items()},
        },
        "metric_scores": {"healing": {"verified": verified / len(outcomes)}},
        "annotations": [],
        "verdict": {
            "status": "pass" if verified == len(outcomes) else "fail",
            "reason": "the command that had failed was run again at each agent and exited 0",
        },
    }


def _seconds_between(began: str, ended: str) -> float:
    moments: list[datetime] = [from_text(began), from_text(ended)]
    return round((moments[1] - moments[0]).total_seconds(), 3)
